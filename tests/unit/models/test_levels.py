"""Consciousness, air and oxygen, as the NHS, Dutch, German and Nordic profiles chart them."""

import pytest

from models.patient.vocabulary import VARIABLES
from models.reading.codes.acvpu import acvpu_points
from models.reading.codes.questions import question
from models.reading.fhir import Coding, Component, Concept, Quantity
from models.reading.oxygen import LEAST_OXYGEN, Oxygen, oxygen
from models.reading.queries import searches

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
AIR, ON = Oxygen("fio2", 21.0), Oxygen("fio2", None, LEAST_OXYGEN)
UNTOLD = Oxygen("fio2")


def concept(code, system=SNOMED, display=None, text=None):
    return Concept((Coding(system, code, display),), text)


@pytest.mark.parametrize(
    ("told", "points"),
    [
        (concept("248234008"), 0),
        (concept("130987000"), 1),
        (concept("300202002"), 2),
        (concept("450847001"), 3),
        (concept("422768004"), 4),
        (concept("422768004", "urn:oid:2.16.840.1.113883.6.96"), 4),
        (concept("422768004", None), 4),
        (concept("LA9343-0", "https://loinc.org/"), 4),
        (concept("5", "http://local.example/nivaa", "Våken"), 0),
        (Concept(text="A - Alert"), 0),
        (Concept(text="Responds to  voice (V)"), 2),
        (Concept(text="Verwirrt"), 1),
        (Concept(text="geen reactie"), 4),
        (concept("450847001", display="Voice"), 3),
        (concept("248234008", text="Unresponsive"), 4),
        (concept("422768004", "http://local.example"), None),
        (concept("1104441000000107"), None),
        (concept("5", "http://local.example"), None),
        (Concept(text="not alert"), None),
        (Concept(text="Alert / Confused"), None),
        (Concept(text="alert, then drowsy"), None),
        (Concept(text="lethargic"), None),
        (Concept(text=""), None),
        (Concept(), None),
        (None, None),
    ],
)
def test_a_level_is_read_by_code_and_by_whole_exact_words(told, points):
    """Where code and word disagree the graver counts; a part of a sentence says nothing."""
    assert acvpu_points(told) == points


def part(code, system=SNOMED, **value):
    return Component(concept(code, system), **value)


def flow(value, unit="L/min"):
    return Quantity(value, unit, "http://unitsofmeasure.org", unit)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (part("722742002"), AIR),
        (part("722742002", valueBoolean=True), AIR),
        (part("722742002", valueBoolean=False), ON),
        (part("722742002", valueCodeableConcept=concept("373067005")), ON),
        (part("722742002", valueQuantity=flow(2.0)), Oxygen("oxygen_flow")),
        (part("722742002", dataAbsentReason=Concept(text="unknown")), UNTOLD),
        (part("371825009"), ON),
        (part("371825009", valueQuantity=flow(2.0)), Oxygen("oxygen_flow")),
        (part("371825009", valueQuantity=flow(2000.0, "mL/min")), Oxygen("oxygen_flow")),
        (part("371825009", valueQuantity=flow(40.0, "%")), UNTOLD),
        (part("371825009", valueString="2 L/min"), Oxygen("oxygen_flow")),
        (part("371825009", valueBoolean=False), AIR),
        (part("371825009", valueCodeableConcept=concept("373066001")), ON),
        (part("371825009", valueCodeableConcept=Concept(text="see notes")), UNTOLD),
        (part("57485005", valueBoolean=True), ON),
        (part("57485005", valueBoolean=False), AIR),
        (part("266702001", valueBoolean=False), AIR),
        (part("266702001", "urn:oid:2.16.840.1.113883.6.96", valueBoolean=True), ON),
        (part("3150-0", LOINC, valueCodeableConcept=concept("LA11849-9", LOINC)), AIR),
        (
            part("3150-0", LOINC, valueCodeableConcept=concept("LA11861-4", LOINC)),
            Oxygen("fio2", 50.0),
        ),
        (part("3151-8", LOINC, valueString="Room Air"), AIR),
        (part("250774007", valueString="Raumluft"), AIR),
        (part("107117-4", LOINC, valueCodeableConcept=concept("336623009")), ON),
        (
            part("107117-4", LOINC, valueCodeableConcept=concept("336623009", text="room air")),
            ON,
        ),
        (part("107117-4", LOINC, valueCodeableConcept=Concept(text="not room air")), None),
        (part("3151-8", LOINC, valueQuantity=flow(2.0)), None),
        (part("8867-4", LOINC, valueString="room air"), None),
        (part("722742002", "http://local.example"), None),
        (Component(Concept(text="Breathing room air")), None),
        (Component(), None),
    ],
)
def test_air_and_oxygen_are_read_where_a_chart_says_them_without_an_amount(told, said):
    """A code that is there says air; yes and no, answers and devices count; a plain amount is read
    as any other value.
    """
    assert oxygen(told, question(told.code)) == said


def test_the_queries_ask_for_what_is_read():
    """A code that no query asks for would never come."""
    asked = set(searches("p1")["vitals"].partition("code=")[2].partition("&")[0].split(","))
    assert {"722742002", "371825009", "57485005", "266702001", "107117-4"} <= asked
    for variable in VARIABLES.values():
        if variable.group == "vitals":
            assert {*variable.loinc, *variable.snomed} <= asked
