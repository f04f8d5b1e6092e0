"""Conflicts: of two values that say two things of one moment the graver counts, and it is said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.patient.chart import Chart
from models.patient.features import feature_row
from models.patient.news2 import chart_news2
from models.patient.series import series
from models.patient.snapshot import Snapshot, snapshot_at
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, bundle, observation, patient

SECOND, MINUTE = 1 / 3600, 1 / 60


def chart(*resources: dict) -> Chart:
    return read_chart(parse(bundle([patient(), *resources])).resources, "p1", AT)


def seen(*resources: dict) -> Snapshot:
    return snapshot_at(series(chart(*resources)), AT)


def two(variable: str, first: float, second: float, apart: float = 0) -> list[dict]:
    return [
        observation(variable, first, 1, id="a"),
        observation(variable, second, 1 - apart, id="b"),
    ]


GRAVER = [
    ("systolic", 78, 124),
    ("systolic", 225, 130),
    ("spo2", 82, 98),
    ("respiratory_rate", 6, 15),
    ("respiratory_rate", 28, 18),
    ("heart_rate", 38, 75),
    ("heart_rate", 135, 95),
    ("temperature", 34.5, 36.8),
    ("temperature", 39.5, 37.0),
    ("potassium", 7.2, 4.1),
    ("potassium", 2.4, 4.1),
    ("glucose", 30, 110),
    ("lactate", 6.0, 1.1),
    ("acvpu", 3, 0),
    ("gcs", 9, 15),
    ("fio2", 40, 21),
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("apart", [0, 30 * SECOND])
@pytest.mark.parametrize(("variable", "graver", "other"), GRAVER)
def test_the_graver_of_a_minute_counts_everywhere(variable, graver, other, apart, turned):
    """For NEWS2, for the model and for what is shown, in whatever order they stand."""
    values = (other, graver) if turned else (graver, other)
    if variable == "acvpu":
        coded = {0: "LA9340-6", 3: "LA17107-6"}
        made = [
            observation(
                "acvpu",
                0,
                1 - (apart if n else 0),
                id=f"a{n}",
                valueQuantity=None,
                valueCodeableConcept={"coding": [{"code": coded[value]}]},
            )
            for n, value in enumerate(values)
        ]
    else:
        made = two(variable, *values, apart)
    found = seen(*made)
    assert found.value(variable) == graver
    assert feature_row(found).get(variable, graver) == graver
    (conflict,) = [one for one in found.conflicts if one.variable == variable]
    assert "within a minute" in conflict.sentence and len(conflict.sources) == 2
    assert conflict.time == AT - timedelta(hours=1 - apart)


def test_a_minute_later_is_another_moment():
    """Then the newer one counts, grave or not, and nothing conflicts."""
    found = seen(*two("systolic", 78, 124, MINUTE))
    assert found.value("systolic") == 124 and found.conflicts == ()


@pytest.mark.parametrize(("first", "second"), [(15, 16), (97, 97), (96, 99)])
def test_what_makes_no_difference_is_not_named(first, second):
    """One of the two counts, and nobody is troubled."""
    found = seen(*two("spo2" if first > 90 else "respiratory_rate", first, second))
    assert found.conflicts == ()


def test_a_conflict_that_newer_values_settle_is_not_named():
    """It is told of the newest values only."""
    found = seen(*two("systolic", 78, 124), observation("systolic", 118, 0.1))
    assert found.value("systolic") == 118 and found.conflicts == ()


def test_the_lower_pressures_go_with_the_upper_one_that_counts():
    """The line's diastolic with the line's systolic, not the graver of both."""
    made = []
    for name, (upper, lower) in {"line": (78, 44), "cuff": (124, 30)}.items():
        for variable, value in (("systolic", upper), ("diastolic", lower)):
            code = "8480-6" if variable == "systolic" else "8462-4"
            made.append((name, code, value))
    panels = [
        observation("systolic", 1, 1, id=name, valueQuantity=None)
        | {
            "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
            "component": [
                {
                    "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                    "valueQuantity": {"value": value, "code": "mm[Hg]"},
                }
                for owner, code, value in made
                if owner == name
            ],
        }
        for name in ("line", "cuff")
    ]
    found = seen(*panels)
    assert (found.value("systolic"), found.value("diastolic")) == (78, 44)
    assert found.value("mean_pressure") == pytest.approx((78 + 2 * 44) / 3)


SISTERS = [
    (("fio2", 40), ("oxygen_flow", 0), "on oxygen", 2, ("fio2", 40)),
    (("fio2", 21), ("oxygen_flow", 4), "on oxygen", 2, ("fio2", 36)),
    (("gcs", 11), ("acvpu", 0), "not alert", 3, ("gcs", 11)),
    (("gcs", 15), ("acvpu", 2), "not alert", 3, ("gcs", 13)),
]
LEVELS = {0: "LA9340-6", 2: "LA17108-4"}


def charted(variable: str, value: float, hours: float) -> dict:
    if variable != "acvpu":
        return observation(variable, value, hours)
    concept = {"coding": [{"code": LEVELS[int(value)]}]}
    return observation(variable, 0, hours, valueQuantity=None, valueCodeableConcept=concept)


@pytest.mark.parametrize("apart", [0, 10 * MINUTE, -10 * MINUTE])
@pytest.mark.parametrize(("first", "second", "words", "points", "model"), SISTERS, ids=str)
def test_sisters_that_say_two_things(first, second, words, points, model, apart):
    """A fraction above 21 % proves oxygen beside a flow of 0, and a coma score of 11 is not alert:
    for NEWS2 and for the model, whichever was charted a few minutes later.
    """
    found = seen(charted(*first, 1), charted(*second, 1 + apart))
    assert [(one.variable, words in one.sentence) for one in found.conflicts] == [(first[0], True)]
    assert sum(part.least for part in chart_news2(found).parts) == points
    name, value = model
    assert feature_row(found)[name] == value


@pytest.mark.parametrize(("first", "second", "words", "points", "model"), SISTERS, ids=str)
def test_sisters_an_hour_apart_say_that_something_changed(first, second, words, points, model):
    """Coming off oxygen, or waking up, is no conflict: the newest counts."""
    assert seen(charted(*first, 2), charted(*second, 1)).conflicts == ()


def test_charts_of_reader_1_keep_what_they_said():
    """Records of 0.4.0 replay as they were answered: the greatest of a moment, and flow first."""
    resources = (*two("systolic", 78, 124), charted("fio2", 40, 1), charted("oxygen_flow", 0, 1))
    old = snapshot_at(series(replace(chart(*resources), reader=1)), AT)
    assert old.value("systolic") == 124 and old.conflicts == ()


TARGET = {
    "referenceRange": [
        {
            "low": {"value": 88},
            "high": {"value": 92},
            "type": {"coding": [{"code": "treatment"}]},
        }
    ]
}


@pytest.mark.parametrize("oxygen", [[("fio2", 40)], [("fio2", 21)], []])
@pytest.mark.parametrize(("first", "second"), [(89, 97), (97, 89), (96, 97), (79, 97), (90, 94)])
def test_on_scale_2_what_scores_more_counts(first, second, oxygen):
    """89 % is graver for the models, 97 % on oxygen for NEWS2 with a target of 88-92 %: neither is
    taken for harmless, and both are told.
    """
    beside = [observation(name, value, 1) for name, value in oxygen]

    def scored(*values: float) -> Snapshot:
        given = [
            observation("spo2", value, 1, id=f"s{n}", **TARGET) for n, value in enumerate(values)
        ]
        return seen(*given, *beside)

    both, one, other = scored(first, second), scored(first), scored(second)
    assert "SpO2 (scale 2)" in {part.label for part in chart_news2(one).parts}
    score = chart_news2(both)
    assert (score.low, score.high) == max(
        (alone.low, alone.high) for alone in map(chart_news2, (one, other))
    )
    assert both.value("spo2") == min(first, second)
    (conflict,) = both.conflicts
    assert conflict.values == (min(first, second), max(first, second))
    assert "in NEWS2 what scores more on scale 2" in conflict.sentence


def test_without_a_target_a_point_of_scale_2_is_no_conflict():
    assert seen(*two("spo2", 96, 97), observation("fio2", 40, 1)).conflicts == ()
