"""The rows of the evidence: what counts now, what was left out and why, and what the card had."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from models.assess import assess
from models.fitted.registry import load_models
from models.patient.chart import Chart
from models.reading.fhir import parse
from smartapp.evidence.asked import OTHER, asked
from smartapp.evidence.kept import Evidence
from smartapp.evidence.observed import evidence
from smartapp.evidence.table import PAGE, Line, Table, table
from smartapp.record import Person
from smartapp.sight import ChartAt, Sight
from tests.conftest import AT, SICK, bundle, observation, patient
from tests.conftest import table as charted
from tests.support.traced import traced

models = cache(load_models)


def read(*resources: dict) -> tuple[Chart, Evidence]:
    chart, fates = traced(parse(bundle([patient(), *resources])), "p1", AT)
    return chart, evidence(fates, chart, AT)


def shown(*resources: dict, card: Chart | None = None, **query: str) -> Table:
    """Return the table of a page that explains now, or a card of half an hour before."""
    chart, found = read(*resources)
    seen = ChartAt(card, AT - timedelta(minutes=30), 1.5) if card else None
    sight = Sight(Person(), ChartAt(chart, AT, 1.5), seen, "card" if card else "now")
    made = assess(sight.seen.chart, sight.seen.at, models())
    return table(sight, found, made, asked(query))


def lines(found: Table) -> dict[str, list[Line]]:
    """Return the lines of each Observation by its id."""
    return {row.observed.id: list(row.lines) for row in found.rows}


def words(line: Line) -> str:
    return line.place.words or line.words


def test_the_value_that_the_model_used_is_marked_and_no_other():
    """For each variable of the model exactly one value, and it is the input's."""
    chart, _ = read(*charted(SICK))
    made = assess(chart, AT, models())
    sources = {
        (one.variable, one.source)
        for one in made.inputs
        if one.state == "used" and " (" not in one.source
    }
    marked = {
        (line.value.variable, f"Observation/{row.observed.id}")
        for row in shown(*charted(SICK)).rows
        for line in row.lines
        if words(line).startswith("used by the model")
    }
    assert marked == sources and len(marked) > 8


def test_what_a_value_was_made_of_counts_for_it():
    """A mean pressure is made of two others, which say so, and lead to it."""
    found = lines(shown(*charted(SICK)))
    (line,) = found["systolic-1"]
    assert words(line) == "used by the model (also for mean pressure)"
    assert set(line.first) == {"systolic", "mean_pressure"}


@pytest.mark.parametrize(
    ("more", "where", "said"),
    [
        ({"variable": "crp", "value": 9, "hours_ago": 3}, "crp-3", "newest, not in the model"),
        ({"variable": "lactate", "value": 9, "hours_ago": 100}, "lactate-100", "read"),
        ({"variable": "albumin", "value": 3, "hours_ago": 160}, "albumin-160", "newest, too old"),
        ({"variable": "heart_rate", "value": 90, "hours_ago": 5}, "heart_rate-5", "read"),
    ],
)
def test_other_values_that_were_read_say_where_they_stand(more, where, said):
    """Not in the model, too old, or an earlier one."""
    found = lines(shown(*charted(SICK), observation(**more)))
    assert words(found[where][0]) == said


def test_beside_a_graver_value_of_its_minute_a_value_says_so():
    """It was read, and another one counts."""
    calm = observation("systolic", 124, 1, id="calm")
    found = lines(shown(*charted(SICK), calm))
    assert words(found["calm"][0]) == "a graver value beside it counts"


def test_the_newest_word_that_can_not_be_used_says_that_it_makes_unknown():
    """With its reason; an older one beside a newer reading only with its reason."""
    low = {"valueQuantity": {"value": 70, "unit": "%", "code": "%", "comparator": "<"}}
    fresh = observation("spo2", 0, 0.2, id="fresh", **low)
    old = observation("spo2", 0, 20, id="old", **low)
    found = lines(shown(*charted(SICK), fresh, old))
    assert words(found["fresh"][0]) == "newest word, so unknown now"
    assert (
        found["fresh"][0].words == found["old"][0].words == "can't be used: only a bound (< or >)"
    )
    assert found["old"][0].place.counts == ()


@pytest.mark.parametrize("id", [None, "one"])
def test_of_what_has_no_id_of_its_own_the_newest_alone_counts(id):
    """Not an older one of the same value, for its own variable or another, nor an older word that
    can't be used; in a chart of now and in a card's.
    """
    odd = {"value": 2.0, "unit": "furlong"}
    rows = [
        observation(name, value, hours, id=id, **more)
        for name, value, more in (
            ("heart_rate", 80, {}),
            ("oxygen_flow", 2.0, {}),
            ("lactate", 2.0, {"valueQuantity": odd}),
        )
        for hours in (5, 1)
    ]
    chart, _ = read(*rows)
    for found in (shown(*rows), shown(*rows, card=chart)):
        marked = [(row.observed.time, line) for row in found.rows for line in row.lines]
        marked = [(time, line) for time, line in marked if line.place.counts]
        assert [time for time, _ in marked] == [AT - timedelta(hours=1)] * 3
        assert {name for _, line in marked for name in line.place.counts} == {
            "heart_rate", "oxygen_flow", "fio2", "lactate",
        }  # fmt: skip


def test_a_value_in_another_unit_says_what_is_read():
    """As charted, and as Vigil counts with it; an equal one is not said twice."""
    warm = observation("temperature", 0, 0.5, id="f", valueQuantity={"value": 101.3, "unit": "°F"})
    found = lines(shown(*charted(SICK), warm))
    assert (found["f"][0].value.written, found["f"][0].read_as) == ("101.3 °F", "38.5 °C")
    assert found["heart_rate-1"][0].read_as == ""


def test_a_duplicate_leads_to_its_twin():
    """By the number of the Observation that is counted."""
    found = shown(*charted(SICK), observation("lactate", 4.8, 1, id="twin"))
    numbers = {row.observed.id: row.number for row in found.rows}
    twins = {i: line.twin for i, of in lines(found).items() for line in of if line.twin}
    assert len(twins) == 1 and set(twins.values()) < set(numbers.values())


MESS = (
    observation("heart_rate", 0, 30, valueString="?", valueQuantity=None),
    observation("heart_rate", 88, 31, status="cancelled"),
    observation("lactate", 1, 60, valueQuantity={"value": 1, "unit": "stone"}),
    observation("heart_rate", 1, id="shoe", code={"text": "Shoe size"}),
    observation("heart_rate", 88, id="undated", effectiveDateTime=None),
    observation("acvpu", 0, 3, valueQuantity=None, valueCodeableConcept={"text": "Alert"}),
)


PULSES = ["heart_rate-1", "heart_rate-6", "heart_rate-12", "undated"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"variable": "lactate", "state": "left"}, []),
        ({"variable": "lactate", "state": "unused"}, ["lactate-60"]),
        ({"reason": "status"}, ["heart_rate-31"]),
        ({"reason": "code"}, ["shoe"]),
        ({"variable": OTHER}, ["shoe"]),
        ({"state": "unusable"}, ["heart_rate-30", "lactate-60", "undated"]),
        ({"variable": "gcs", "hours": "12", "state": "counts"}, ["acvpu-3", "gcs-1"]),
        ({"variable": "heart_rate", "hours": "12"}, PULSES),
        ({"variable": "heart_rate", "hours": "12", "state": "counts"}, ["heart_rate-1"]),
    ],
)
def test_the_evidence_is_cut_to_what_is_asked_for(query, ids):
    """By variable with its sisters, what became of it, reason and time; what has no time is in
    every range.
    """
    found = shown(*charted(SICK), *MESS, **query)
    assert sorted(lines(found)) == sorted(ids)
    assert found.found == len(found.rows) and found.total == len(charted(SICK)) + len(MESS)


@pytest.mark.parametrize(
    "query",
    [{"variable": "x"}, {"state": "<b>"}, {"reason": "none"}, {"hours": "13"}, {"page": "-1"}, {}],
)
def test_what_is_not_known_asks_for_everything(query):
    """Nobody is told that nothing is there for a word that nobody knows."""
    found = shown(*charted(SICK), **query)
    assert found.found == found.total and found.page == 1


def test_pages_hold_all_rows_once():
    """Fifty each; a page beyond the last is the last."""
    many = [observation("heart_rate", 80, n / 10, id=f"h{n}") for n in range(PAGE + 7)]
    pages = [shown(*many, page=str(page)) for page in (1, 2, 9)]
    assert [len(one.rows) for one in pages] == [PAGE, 7, 7] and pages[2].page == pages[2].pages == 2
    assert len({row.number for one in pages for row in one.rows}) == PAGE + 7


def test_what_can_be_asked_for_is_counted():
    """Each variable and each reason that is there, with how many values have it."""
    found = shown(*charted(SICK), *MESS)
    assert found.variables["heart_rate"] == ("heart rate", 7)
    assert found.reasons["status"] == ("not final, or entered in error", 1)
    assert sum(found.fates.values()) == sum(number for _, number in found.variables.values())


def test_of_a_card_it_is_said_what_the_card_used_and_what_it_did_not_have():
    """A value filed since, one that was changed since, and one that is gone."""
    card, _ = read(*charted(SICK), observation("lactate", 7, 2, id="gone"))
    now = [
        one | {"valueQuantity": one["valueQuantity"] | {"value": 99}}
        if one["id"] == "heart_rate-1"
        else one
        for one in charted(SICK)
    ]
    found = shown(*now, observation("spo2", 88, 0.1, id="new"), card=card)
    told = lines(found)
    assert words(told["new"][0]) == "not in the chart of the card"
    assert words(told["heart_rate-1"][0]) == "not in the chart of the card"
    assert words(told["spo2-1"][0]) == "used by the model"
    lost = {(one.label, one.written): one.number for one in found.lost}
    assert lost[("lactate", "7.0 mmol/L")] is None
    number = lost[("heart rate", "128 /min")]
    assert next(row.observed.id for row in found.rows if row.number == number) == "heart_rate-1"


def test_a_chart_that_did_not_change_loses_nothing():
    """An undated value stands at another moment each time it is read, and is the same one."""
    resources = [*charted(SICK), *MESS]
    card, _ = read(*resources)
    moved = replace(
        card, unusable=tuple(u._replace(time=u.time - timedelta(minutes=3)) for u in card.unusable)
    )
    assert shown(*resources, card=moved).lost == ()
