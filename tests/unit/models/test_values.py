"""Values: a number, or the reason why it is none, what was written, and what it proves."""

import pytest

from models.patient.chart import Chart
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, bundle, observation, patient


def chart(*resources: dict) -> Chart:
    document = parse(bundle([patient(), *resources]))
    return read_chart(document.resources, "p1", AT, document.malformed)


def quantity(value, unit, **more) -> dict:
    return {"valueQuantity": {"value": value, "unit": unit} | more}


def text(words: str) -> dict:
    return {"valueQuantity": None, "valueString": words}


UNUSABLE = [
    ("spo2", quantity(70, "%", comparator="<"), "bound", "<70 %", None, 70),
    ("spo2", quantity(80, "%", comparator="<="), "bound", "<=80 %", None, 80),
    ("potassium", quantity(10, "mmol/L", comparator=">"), "bound", ">10 mmol/L", 10, None),
    ("lactate", quantity(20, "mmol/L", comparator=">="), "bound", ">=20 mmol/L", 20, None),
    ("lactate", quantity(15, "mmol/L", comparator="ad"), "bound", "ad15 mmol/L", 15, None),
    ("glucose", quantity(2, "mmol/L", comparator="<"), "bound", "<2 mmol/L", None, 36.032),
    ("heart_rate", quantity(40, "/min", comparator="~"), "bound", "~40 /min", None, None),
    ("spo2", quantity(70, "mmHg", comparator="<"), "unit", "<70 mmHg", None, None),
    ("spo2", text("<70"), "bound", "<70", None, 70),
    ("spo2", text("< 70 %"), "bound", "< 70 %", None, 70),
    ("lactate", text(">20 mmol/L"), "bound", ">20 mmol/L", 20, None),
    ("potassium", text(">10"), "bound", ">10", 10, None),
    ("glucose", text(">20"), "unit", ">20", None, None),
    ("potassium", text("haemolysed"), "value", "haemolysed", None, None),
    ("heart_rate", text("seventy"), "value", "seventy", None, None),
    ("wbc", quantity(9, "furlongs"), "unit", "9 furlongs", None, None),
    ("haemoglobin", quantity(15, "gm/L"), "unit", "15 gm/L", None, None),
    ("potassium", quantity(14, "mmol/L"), "range", "14 mmol/L", 12, None),
    ("respiratory_rate", quantity(300, "/min"), "range", "300 /min", 80, None),
    ("temperature", quantity(3, "Cel"), "range", "3 Cel", None, 11),
    ("platelets", quantity(0, "10*3/uL"), "range", "0 10*3/uL", None, 1),
    ("spo2", quantity(150, "%"), "range", "150 %", None, None),
    ("fio2", quantity(3, "%"), "range", "3 %", None, None),
    ("gcs", quantity(18, "{score}"), "range", "18 {score}", None, None),
    ("gcs", quantity(0, "{score}"), "range", "0 {score}", None, 3),
    ("heart_rate", {"valueQuantity": None}, "value", "no value", None, None),
    ("heart_rate", quantity(None, "/min"), "value", "/min", None, None),
    (
        "heart_rate",
        {"dataAbsentReason": {"coding": [{"code": "not-performed"}]}},
        "value",
        "no value (not-performed)",
        None,
        None,
    ),
    (
        "spo2",
        {"valueQuantity": None, "valueRange": {"low": {"value": 85, "unit": "%"}}},
        "bound",
        "85 % to …",
        85,
        None,
    ),
    ("heart_rate", {"valueQuantity": None, "valueBoolean": True}, "value", "true", None, None),
]


@pytest.mark.parametrize(
    ("variable", "change", "reason", "written", "least", "greatest"), UNUSABLE, ids=str
)
def test_what_is_no_number_says_what_was_written_and_what_it_proves(
    variable, change, reason, written, least, greatest
):
    """A bound, or a value beyond what can be, proves something; nothing that is normal is ever
    proved by what can't be.
    """
    found = chart(observation(variable, 1, **change))
    assert found.readings == () and found.rejected == {reason: 1}
    (item,) = found.unusable
    assert (item.variable, item.reason, item.written) == (variable, reason, written)
    assert (item.least, item.greatest) == (least, greatest)
    assert item.source == f"Observation/{variable}-1"


NUMBERS = [
    ("spo2", text("98"), 98),
    ("spo2", text("98 %"), 98),
    ("temperature", text("37,2 °C"), 37.2),
    ("lactate", text("4.1 mmol/L"), 4.1),
    ("spo2", quantity(88, "%", comparator="="), 88),
    ("gcs", {"valueQuantity": None, "valueInteger": 9}, 9),
    ("acvpu", {"valueQuantity": None, "valueString": "Unresponsive"}, 4),
    ("heart_rate", quantity(0, "/min"), 0),
    ("systolic", quantity(0, "mmHg"), 0),
    ("spo2", quantity(35, "%"), 35),
    ("temperature", quantity(22, "Cel"), 22),
]


@pytest.mark.parametrize(("variable", "change", "value"), NUMBERS, ids=str)
def test_what_bodies_can_have_is_a_number(variable, change, value):
    """Equal signs, texts with a plain unit, and what is seen near death only."""
    found = chart(observation(variable, 1, **change))
    assert [(r.variable, r.value) for r in found.readings] == [(variable, value)]
    assert found.unusable == ()


def test_a_long_remark_is_cut():
    """What is written goes on a card: one line, and not a whole report."""
    (item,) = chart(observation("potassium", 1, **text("see the\nreport " * 40))).unusable
    assert len(item.written) <= 60 and "\n" not in item.written


def test_oxygen_without_an_amount_is_known_to_be_oxygen():
    """ "Patient on oxygen" says at least that, and "breathing room air" all."""
    on = {"coding": [{"system": "http://snomed.info/sct", "code": "371825009"}]}
    air = {"coding": [{"system": "http://snomed.info/sct", "code": "722742002"}]}
    (item,) = chart(observation("spo2", 1, code=on, valueQuantity=None)).unusable
    assert item.variable == "fio2" and item.least > 21 and item.greatest is None
    (reading,) = chart(observation("spo2", 1, code=air, valueQuantity=None)).readings
    assert (reading.variable, reading.value) == ("fio2", 21.0)
