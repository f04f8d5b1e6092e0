"""What the reader tells of each Observation is what the Chart holds and counts of it."""

import random
from datetime import UTC, datetime

import pytest

from demo.patients.generate import generate
from models.patient.chart import Reading, Unusable
from models.reading.fhir import parse
from models.reading.reader import REASONS
from models.reading.trace import Fate
from tests.conftest import AT, SICK, bundle, observation, patient, table
from tests.support.traced import traced

EVENING = datetime(2026, 12, 31, 23, 50, tzinfo=UTC)
PULSE = observation("heart_rate", 88)
ALL = [
    ("status", {"status": "entered-in-error"}),
    ("patient", {"subject": {"reference": "Patient/p2"}}),
    ("code", {"code": {"text": "Shoe size"}}),
    ("context", {"bodySite": {"text": "foetus"}}),
    ("modifier", {"modifierExtension": [{"url": "urn:not"}]}),
    ("time", {"effectiveDateTime": "2026-03-29"}),
    ("future", {"effectiveDateTime": "2099-01-01T00:00:00Z"}),
    ("old", {"effectiveDateTime": "2026-03-20T00:00:00Z"}),
    ("value", {"valueQuantity": None, "valueString": "regular"}),
    ("bound", {"valueQuantity": {"value": 90, "comparator": ">", "code": "/min"}}),
    ("unit", {"valueQuantity": {"value": 90, "unit": "furlong"}}),
    ("range", {"valueQuantity": {"value": 4000, "code": "/min"}}),
    ("malformed", {"valueQuantity": {"value": "eighty"}}),
]


def fates(*resources: dict) -> list[Fate]:
    return traced(parse(bundle([patient(), *resources])), "p1", AT)[1]


@pytest.mark.rule("B5")
@pytest.mark.parametrize(("reason", "change"), ALL)
def test_one_observation_has_one_fate_with_its_reason(reason, change):
    """Each word of REASONS stands at the Observation that it is about, beside one that is read."""
    told = fates(PULSE, observation("heart_rate", 90, 2, **change))
    assert {(one.resource.id, one.reason) for one in told} == {
        ("heart_rate-1", ""),
        ("heart_rate-2", reason),
    }


def test_every_reason_has_an_observation_here():
    """Versions and duplicates need two of them, and have tests of their own."""
    assert {reason for reason, _ in ALL} | {"version", "duplicate"} == set(REASONS)


def test_of_two_versions_the_older_one_is_told_as_such():
    """With its own value, though the two bear one id."""
    told = fates(
        observation("systolic", 190, id="one", meta={"versionId": "1"}),
        observation("systolic", 89, id="one", meta={"versionId": "2"}),
    )
    assert {(one.resource.valueQuantity.value, one.reason) for one in told} == {
        (190, "version"),
        (89, ""),
    }


def test_of_equal_readings_all_but_one_are_duplicates():
    """A page that was sent twice, and another id with the same value at the same time."""
    told = fates(PULSE, PULSE, observation("heart_rate", 88, id="other"))
    assert sorted(one.reason for one in told) == ["", "duplicate", "duplicate"]
    assert all(isinstance(one.item, Reading) for one in told)


def test_the_parts_of_a_panel_have_fates_of_their_own():
    """One is read, one can't be, and one asks for nothing that Vigil reads."""
    names = {"code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]}}
    parts = [observation(name, 120) for name in ("systolic", "diastolic")]
    parts[1]["valueQuantity"] = {"value": 60, "unit": "furlong"}
    shoe = {"code": {"text": "cuff"}, "valueString": "large"}
    panel = observation("systolic", 0, id="panel", component=[*parts, shoe], **names)
    del panel["valueQuantity"]
    told = fates(panel)
    assert [(one.variable, one.reason) for one in told] == [("systolic", ""), ("diastolic", "unit")]
    assert isinstance(told[1].item, Unusable)
    assert [one.part for one in told] == told[0].resource.component[:2]


def test_what_is_not_of_this_patient_is_told_as_such_whatever_else_is_wrong():
    """Entered in error at the wrong patient, an older version that was, and a focus."""
    other = {"reference": "Patient/p2"}
    told = fates(
        PULSE,
        observation("heart_rate", 90, 2, subject=other, status="entered-in-error"),
        observation("heart_rate", 91, id="moved", subject=other, meta={"versionId": "1"}),
        observation("heart_rate", 92, 3, id="moved", meta={"versionId": "2"}),
        observation("heart_rate", 93, 4, focus=[other]),
        observation("heart_rate", 94, 5, subject=7),
    )
    own = {one.resource.valueQuantity.value: one.own for one in told}
    assert own == {88: True, 90: False, 91: False, 92: True, 93: False, 94: False}


@pytest.mark.parametrize("seed", range(3))
def test_fates_and_counts_agree_for_every_invented_patient(seed):
    """In any order, with a page sent twice and entries that are nothing."""
    shuffled = random.Random(seed)
    for moment in (AT, EVENING):
        for one in generate(moment, seed):
            resources = [*one.resources, *one.resources[:9], {"resourceType": 7}]
            shuffled.shuffle(resources)
            chart, told = traced(parse(bundle(resources)), one.id, moment)
            assert chart.readings and len(told) >= len(chart.readings)


def test_a_trace_costs_no_reading():
    """Every reading of a chart has its fate, with the very object that the chart holds."""
    chart, told = traced(parse(bundle([patient(), *table(SICK)])), "p1", AT)
    assert [one.reason for one in told] == [""] * len(chart.readings)
