"""An Encounter's class and unit, from what EHRs send, and whose it is."""

import json

import pytest

from models.reading.encounter import read_encounter
from models.reading.reader import WrongPatient

BASES = ("https://ehr.example.org/r4",)


def place(name="Ward 3", start="2026-03-28T10:00:00Z", status="active", **more):
    return {"location": {"display": name}, "status": status, "period": {"start": start}} | more


def read(patient="p1", **members):
    """Read an Encounter of the patient p1 with some members."""
    usual = {"resourceType": "Encounter", "id": "e1", "subject": {"reference": "Patient/p1"}}
    return read_encounter(json.dumps(usual | members).encode(), "e1", patient, BASES)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}, "IMP"),
        # R5 on.
        ([{"coding": [{"code": "EMER"}]}], "EMER"),
        (None, None),
        ("AMB", None),
        ([], None),
        ({"code": 7}, None),
    ],
)
def test_the_class_is_a_code(written, kind):
    assert read(**{"class": written}).kind == kind


WARD = {"physicalType": {"coding": [{"code": "wa"}]}}
BED = {"physicalType": {"coding": [{"code": "bd"}]}}


@pytest.mark.parametrize(
    ("places", "unit"),
    [
        ([place("Old", "2026-03-27T10:00:00Z"), place("New")], "New"),
        ([place("New"), place("Old", "2026-03-27T10:00:00Z")], "New"),
        ([place("Over", status="completed"), place("Now", "2026-03-20T10:00:00Z")], "Now"),
        ([place("Over", status="completed")], "Over"),
        ([place("Bed 4", **BED), place("Ward", "2026-03-20T10:00:00Z", **WARD)], "Ward"),
        ([{"location": {"reference": "Location/7"}}], "Location/7"),
        ([place("W" * 300)], "W" * 100),
        ([{"location": {}}, "x", None], None),
        ("x", None),
        (None, None),
    ],
)
def test_the_unit_is_the_newest_location(places, unit):
    assert read(location=places).unit == unit


@pytest.mark.rule("B6")
@pytest.mark.parametrize(
    "reference", ["Patient/p2", "https://other.example.org/r4/Patient/p1", "Group/p1"]
)
def test_an_encounter_of_another_patient_is_refused(reference):
    with pytest.raises(WrongPatient):
        read(subject={"reference": reference})


@pytest.mark.rule("B6")
@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p1"},
        {"reference": "https://ehr.example.org/r4/Patient/p1/_history/2"},
        {"display": "Somebody"},
        None,
    ],
)
def test_an_encounter_of_this_patient_or_without_a_subject_is_read(subject):
    assert read(subject=subject) is not None


@pytest.mark.rule("B4")
@pytest.mark.parametrize(
    "document",
    [
        b"null",
        b"[]",
        b"7",
        b"not JSON",
        b'{"resourceType": "OperationOutcome"}',
        b'{"resourceType": "Bundle", "entry": [null, {"resource": 5}]}',
        b'{"resourceType": "Bundle"}',
        b'{"resourceType": "Encounter", "id": "e2"}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_no_encounter(document):
    assert read_encounter(document, "e1", "p1", BASES) is None


def test_a_search_with_one_encounter_is_read():
    entry = {"resource": {"resourceType": "Encounter", "id": "e1", "class": {"code": "IMP"}}}
    bundle = json.dumps({"resourceType": "Bundle", "entry": [entry]}).encode()
    assert read_encounter(bundle, "e1", "p1", BASES) == ("IMP", None)
