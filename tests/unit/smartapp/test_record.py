"""The banner, read from Patient resources of every shape."""

import json

import pytest

from smartapp.record import Person, person

MR = {
    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
    "value": "4410",
}


@pytest.mark.parametrize(
    "members, expected",
    [
        (
            {
                "name": [{"family": "Okafor", "given": ["Ada", "M"]}],
                "birthDate": "1951-03",
                "gender": "female",
                "identifier": [MR],
            },
            Person("Okafor, Ada M", "1951-03", "female", "4410"),
        ),
        (
            {
                "name": [
                    {"use": "nickname", "given": ["Addy"]},
                    {"use": "official", "family": "Okafor"},
                ]
            },
            Person("Okafor"),
        ),
        (
            {"name": [{"use": "old", "family": "Before"}, {"use": "usual", "text": "Ada Okafor"}]},
            Person("Ada Okafor"),
        ),
        (
            {
                "identifier": [
                    {"type": {"coding": [{"code": "SS"}]}, "value": "123-45-6789"},
                    {"value": "7"},
                ]
            },
            Person(),
        ),
        (
            {
                "identifier": [
                    {"use": "official", "value": "1"},
                    {"use": "usual", "type": {"coding": [{"code": "SS"}]}, "value": "123-45-6789"},
                    {"use": "usual", "value": "2002"},
                ]
            },
            Person(record_number="2002"),
        ),
        (
            {"identifier": [{"use": "usual", "value": "7"}, MR]},
            Person(mrn="4410", record_number="7"),
        ),
        (
            {
                "name": "x",
                "birthDate": 5,
                "gender": [],
                "identifier": [5, {"type": 5}, {"type": {"coding": "MR"}, "value": "1"}],
            },
            Person(),
        ),
        ({"name": [None, {"given": "Ada"}, {"given": [5, None]}]}, Person()),
        (
            {"name": [{"family": "Okafor", "given": [None, "Ada"], "_given": [{"id": "x"}, None]}]},
            Person("Okafor, Ada"),
        ),
        (
            {
                "name": [
                    {"use": "official", "family": "Before", "period": {"end": "2001-01-01"}},
                    {"use": "official", "family": "Okafor", "period": {"start": "2001-01-01"}},
                ]
            },
            Person("Okafor"),
        ),
        ({"identifier": [MR | {"use": "old", "value": "1"}, MR]}, Person(mrn="4410")),
        ({"identifier": [MR | {"use": "old"}]}, Person()),
        (
            {"identifier": [MR | {"value": "1", "period": {"end": "2001-01-01"}}, MR]},
            Person(mrn="4410"),
        ),
        ({"birthDate": "1956-02-01T08:00:00Z"}, Person(None, "1956-02-01")),
        ({"name": [None, {"family": "Okafor"}], "unknown": {"x": 1}}, Person("Okafor")),
        ({}, Person()),
    ],
)
def test_a_banner_takes_what_is_there_and_invents_nothing(members, expected):
    """Official and usual names first; only an identifier of type MR is an MRN, one for usual use
    without a type a record number, never a social security number.
    """
    assert person(json.dumps({"resourceType": "Patient", "id": "p"} | members).encode()) == expected


def test_another_resource_is_nobody():
    """An OperationOutcome in place of the Patient leaves the banner empty."""
    assert person(b'{"resourceType": "OperationOutcome"}') == Person()
