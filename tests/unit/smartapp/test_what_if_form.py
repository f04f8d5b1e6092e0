"""What if, without a server: which fields lead, how a slider is laid out, and how differences are
told.
"""

import pytest

from models.assess import Assessment, assess
from models.fitted.registry import load_models
from models.patient.vocabulary import VARIABLES
from models.reading.fhir import parse
from models.reading.reader import read_chart
from models.supposing.hypothetical import gives_way, hypothetical
from smartapp.what_if.fields import PLACES, fields
from smartapp.what_if.result import difference, result
from smartapp.what_if.wishes import wishes
from tests.conftest import AT, SICK, WELL, bundle, observation, patient, table

MODELS = load_models()
NEWS2 = {"respiratory_rate", "spo2", "systolic", "heart_rate", "temperature"}


def chart(*resources: dict):
    return read_chart(parse(bundle([patient(), *resources])).resources, "p1", AT)


def told(*resources: dict) -> Assessment:
    return assess(chart(*resources), AT, MODELS)


def named(of: Assessment) -> dict:
    lead, rest = fields(of, MODELS)
    return {field.name: field for field in (*lead, *rest)}


@pytest.mark.parametrize("resources", [table(SICK), table(WELL), []], ids=["sick", "well", "empty"])
def test_every_variable_has_a_field_and_those_of_news2_lead(resources):
    """All of NEWS2, by what the chart has of it; the diastolic pressure stands by the systolic
    one.
    """
    lead, rest = fields(told(*resources), MODELS)
    names = [field.name for field in lead]
    assert names[names.index("systolic") + 1] == "diastolic"
    assert set(names) >= NEWS2 and {"gcs", "acvpu"} & set(names)
    assert {"fio2", "oxygen_flow"} & set(names)
    every = names + [field.name for field in rest]
    assert len(every) == len(set(every)) and set(every) == VARIABLES.keys() - {"spo2_target"}


def test_what_adds_most_to_a_risk_leads():
    """The greatest contribution of either outcome comes first."""
    real = told(*table(SICK))
    weights = {
        share.variable: abs(share.log_odds)
        for risk in real.risks
        for share in risk.explanation.shares
        if share.variable in VARIABLES
    }
    assert fields(real, MODELS)[0][0].name == max(
        weights,
        key=lambda name: max(
            abs(s.log_odds) for r in real.risks for s in r.explanation.shares if s.variable == name
        ),
    )


def test_a_field_begins_with_what_was_charted_and_fresh():
    """Neither a stale value nor one that is made of another is put into a field: sending it back
    would make it one of now.
    """
    rows = [*table(WELL), observation("lactate", 2.2, 30), observation("oxygen_flow", 3, 0.5)]
    found = named(told(*rows))
    assert found["heart_rate"].shown == "72" and found["temperature"].shown == "36.7"
    assert found["lactate"].shown == "" and found["lactate"].real.state == "stale"
    assert found["fio2"].shown == "" and found["fio2"].real.origin == "from oxygen flow 3.0 L/min"
    assert found["oxygen_flow"].shown == "3.0" and found["platelets"].shown == ""
    assert found["urine"].hours == 6 and found["acvpu"].choices[0] == "alert"


@pytest.mark.parametrize("resources", [table(SICK), table(WELL)], ids=["sick", "well"])
def test_a_slider_holds_the_value_and_moves_in_round_steps(resources):
    """From low to high in at most PLACES steps, inside what is plausible, with the real value on
    it.
    """
    for name, field in named(told(*resources)).items():
        if not field.slider:
            assert name == "acvpu"
            continue
        low, high, step, at = map(
            float, (field.slider.low, field.slider.high, field.slider.step, field.slider.at)
        )
        assert low <= at <= high and (high - low) / step <= PLACES + 1, name
        assert field.variable.low <= low and float(f"{step:.1g}") == step, name
        assert abs((high - low) / step - round((high - low) / step)) < 1e-6, name


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (0.141, 0.182, "+4"),
        (0.182, 0.141, "−4"),
        (0.094, 0.14, "+5"),
        (0.013, 0.026, "+1.3"),
        (0.0264, 0.0131, "−1.3"),
        (0.5, 0.501, "0"),
        (0.0301, 0.0302, "0"),
    ],
)
def test_a_difference_is_that_of_the_printed_figures(before, after, words):
    """9.4 % and 14 % differ by 5 points for whoever reads them."""
    assert difference(before, after) == words


def test_a_field_that_is_sent_back_wishes_nothing():
    """Empty is "not measured" only where there was a value."""
    known = named(told(*table(WELL))).values()
    form = {field.name: field.shown for field in known}
    assert wishes(form, known).values == {}
    found = wishes(form | {"heart_rate": " 91,5 ", "spo2": "", "lactate": "", "x": "1"}, known)
    assert found.values == {"heart_rate": 91.5, "spo2": None} and found.strange == 1
    assert wishes(form | {"heart_rate": "91", "reset": "heart_rate"}, known).values == {}


def test_a_refusal_tells_the_range_that_is_taken():
    """White cells go from 0.05, though they are printed with one digit; a level has words."""
    known = named(told(*table(WELL))).values()
    by_name = {one.field.name: one for one in wishes(dict.fromkeys(VARIABLES, "1e9"), known).wrong}
    form = {name: f"{VARIABLES[name].high * 2 + 1:g}" for name in by_name}
    for one in wishes(form, known).wrong:
        variable = one.field.variable
        if variable.name == "acvpu":
            assert (one.low, one.high) == ("alert", "unresponsive")
        else:
            high = one.high.split()[0]
            assert (float(one.low), float(high)) == (variable.low, variable.high), variable.name


def test_one_pressure_is_said_to_leave_the_mean():
    """Whoever lowers the systolic pressure alone is told that the mean stays as it was charted."""
    of = chart(*table(SICK), observation("mean_pressure", 60, 1))
    real = assess(of, AT, MODELS)

    def follows(**given: float) -> list[tuple[str, bool]]:
        tried = assess(hypothetical(of, AT, given), AT, MODELS)
        found = result(real, tried, given).follows
        return [(one.item.variable, one.made) for one in found]

    assert follows(systolic=70) == [("mean_pressure", False)]
    assert follows(systolic=70, diastolic=40) == [("mean_pressure", True)]
    assert follows(systolic=70, mean_pressure=50) == [] == follows(lactate=3)


def test_what_the_chart_has_of_the_same_minutes_is_said_to_give_way():
    """A graver value of the minute, a sister's of the set, and one of today without a time: beside
    them the value that is tried would not count.
    """
    undated = observation("lactate", 9.0, effectiveDateTime=AT.strftime("%Y-%m-%d"), id="u")
    beside = [observation("oxygen_flow", 6, 0.2), observation("heart_rate", 150, 0, id="h")]
    of = chart(*table(SICK), *beside, undated)
    given = {"fio2": 21.0, "heart_rate": 80.0, "lactate": 1.0, "spo2": 97.0}
    real, tried = (assess(one, AT, MODELS) for one in (of, hypothetical(of, AT, given)))
    ways = result(real, tried, given, gives_way(of, AT, given)).ways
    assert {(way.label, way.written) for way in ways} == {
        ("oxygen flow", "6.0 L/min"),
        ("heart rate", "150 /min"),
        ("lactate", "9 mmol/L (no exact time)"),
    }
    assert not gives_way(of, AT, {"heart_rate": None, "spo2": 97.0, "urine": 300.0})
    charted = [observation(name, value, 0, id=f"new-{name}") for name, value in given.items()]
    earnest = assess(chart(*table(SICK), *beside, undated, *charted), AT, MODELS)
    values = {item.variable: item.value for item in earnest.inputs}
    assert [name for name in given if values[name] != given[name]] == [
        "fio2",
        "heart_rate",
        "lactate",
    ]
