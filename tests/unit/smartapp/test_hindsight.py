"""What an earlier moment owes to hindsight: values that were filed, corrected or withdrawn later."""

from datetime import timedelta

import msgspec
import pytest

from models.reading.fhir import parse
from smartapp.changing.hindsight import Hindsight, hindsight
from smartapp.evidence.observed import evidence
from smartapp.record import Person
from smartapp.sight import ChartAt, Sight
from tests.conftest import AT, bundle, observation, patient
from tests.support.traced import traced

SIX = timedelta(hours=6)


def ago(hours: float) -> str:
    return (AT - timedelta(hours=hours)).isoformat()


def told(*resources: dict, back: timedelta = SIX) -> Hindsight:
    """Return what is told of six hours before now."""
    chart, fates = traced(parse(bundle([patient(), *resources])), "p1", AT)
    found = msgspec.Raw(msgspec.json.encode(evidence(fates, chart, AT)))
    sight = Sight(Person(), ChartAt(chart, AT, 2.0), evidence=found)
    return hindsight(sight, sight.now.before(back))


def names(items) -> list[str]:
    return [f"{one.label} {one.written}" for one in items]


def test_what_was_filed_after_a_moment_is_named_with_both_times():
    """What was filed by then, or taken after it, is not."""
    found = told(
        observation("potassium", 6.9, 7, issued=ago(2)),
        observation("sodium", 131, 7, issued=ago(6.5)),
        observation("lactate", 3.1, 5, issued=ago(4)),
        observation("heart_rate", 128, 60, issued=ago(1)),
    )
    (one,) = found.filed
    assert (one.label, one.written) == ("potassium", "6.9 mmol/L")
    assert (one.taken, one.time) == (AT - timedelta(hours=7), AT - timedelta(hours=2))
    assert not found.corrected and not found.withdrawn and not found.undated


def test_a_value_that_cant_be_used_is_told_as_it_is_charted():
    """It made its variable unknown then, and nobody had filed it."""
    found = told(observation("lactate", 3.1, 7, issued=ago(2), status="preliminary"))
    assert names(found.filed) == ["lactate 3.1 mmol/L"]


@pytest.mark.parametrize("status", ["amended", "corrected"])
@pytest.mark.parametrize(
    "marks", [{"issued": ago(2)}, {"issued": ago(7), "meta": {"lastUpdated": ago(2)}}]
)
def test_of_a_corrected_value_nobody_knows_what_stood_there(status, marks):
    found = told(observation("potassium", 4.1, 7, status=status, **marks))
    assert names(found.corrected) == ["potassium 4.1 mmol/L"] and not found.filed
    assert not told(observation("potassium", 4.1, 7, status=status, issued=ago(6.5))).any


@pytest.mark.parametrize(
    ("marks", "named"),
    [
        ({}, True),
        ({"issued": ago(6.9)}, False),
        ({"issued": ago(6.9), "meta": {"lastUpdated": ago(3)}}, True),
    ],
)
def test_what_was_withdrawn_may_have_stood_there(marks, named):
    """Unless the chart says that it was withdrawn by then."""
    found = told(observation("potassium", 6.9, 7, status="entered-in-error", **marks))
    assert names(found.withdrawn) == (["potassium 6.9 mmol/L"] if named else [])


def test_where_nobody_says_when_a_value_was_filed_that_is_told():
    found = told(observation("potassium", 6.9, 7))
    assert found.undated and not found.any


def test_a_value_that_stood_there_in_another_observation_was_known():
    """A panel and its rows: the duplicate was filed by then."""
    rows = [observation("potassium", 6.9, 7, issued=ago(n), id=f"k{n:g}") for n in (2, 6.5)]
    assert not told(*rows).any
    assert not told(*reversed(rows)).any


def test_both_values_of_a_panel_are_named():
    panel = observation("systolic", 0, 7, issued=ago(2), valueQuantity=None)
    parts = [observation(name, value) for name, value in (("systolic", 84), ("diastolic", 40))]
    panel |= {
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "component": [{key: one[key] for key in ("code", "valueQuantity")} for one in parts],
    }
    assert len(told(panel).filed) == 2
