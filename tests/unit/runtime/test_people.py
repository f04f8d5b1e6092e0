"""References of people: one person, one name."""

import pytest

from runtime.audit.people import relative, tail
from runtime.settings import Ehr

EHR = Ehr(id="e", fhir_base=("https://ehr.example.org/fhir/", "https://ehr.example.org/r4"))


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("Practitioner/1", "Practitioner/1"),
        ("https://ehr.example.org/fhir/Practitioner/1", "Practitioner/1"),
        ("https://ehr.example.org/r4/Practitioner/1", "Practitioner/1"),
        ("Practitioner/1/_history/3", "Practitioner/1"),
        ("https://ehr.example.org/fhirless/Practitioner/1",) * 2,
        ("https://elsewhere.example.org/fhir/Practitioner/1",) * 2,
        ("PractitionerRole/1", "PractitionerRole/1"),
        ("https://ehr.example.org/oauth|dr-1",) * 2,
    ],
)
def test_only_what_is_of_this_ehr_becomes_relative(reference, found):
    assert relative(reference, EHR) == found


def test_a_tail_names_no_server():
    assert tail("https://elsewhere.example.org/fhir/Practitioner/1/_history/2") == "Practitioner/1"
    assert tail("Practitioner/1") == "Practitioner/1"
