"""Units, numbers in texts and code systems, as charts of many countries write them."""

import csv
import math
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.patient.vocabulary import VARIABLES, asked_by, coded
from models.reading.fhir import Quantity
from models.reading.units import Written, converted, unit_of, written

TABLE = Path(__file__).with_name("spellings.csv")


with TABLE.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['variables']}={row['factor']}")
def test_a_unit_is_read_in_every_spelling_that_is_clear(row):
    """Each row of the table gives its factor (and offset); what could be another quantity gives
    nothing.
    """
    factor, _, offset = row["factor"].partition(";")
    expected = None if factor == "refused" else 20 * float(factor) + float(offset or 0)
    for name, code, unit in product(
        row["variables"].split(), row["codes"].split() or [None], row["spellings"].split(" | ")
    ):
        value = converted(VARIABLES[name], code, 20.0, unit)
        assert value == (expected and pytest.approx(expected, rel=2e-5)), (name, code, unit)


@pytest.mark.parametrize("unit", [None, "", "  "])
def test_a_missing_unit_is_none_but_for_scores(unit):
    """A bare pressure could be kPa; a coma score and a pH have no unit."""
    assert converted(VARIABLES["systolic"], None, 12.0, unit) is None
    assert converted(VARIABLES["gcs"], None, 12.0, unit) == 12.0
    assert converted(VARIABLES["ph"], None, 7.3, unit) == 7.3


MASSES = ["mmol", "umol", "nmol", "g", "mg", "ug", "ng"]
MADE = st.tuples(
    st.sampled_from(MASSES),
    st.sampled_from(["", "{urea}", "{total}"]),
    st.sampled_from(["L", "dL", "mL", "uL", "l", "dl", "dm3", "cm3", "mm3", "m3"]),
    st.booleans(),
).map(
    lambda made: (
        f"{made[0]}{made[1]}.{made[2].rstrip('3')}{'-3' if made[2][-1] == '3' else '-1'}"
        if made[3]
        else f"{made[0]}{made[1]}/{made[2]}"
    )
)


# The library takes half a second to load.
@settings(deadline=None)
@given(st.sampled_from(["crp", "albumin", "sodium", "troponin_i", "creatinine"]), MADE)
def test_whatever_is_valid_in_ucum_has_a_ucum_librarys_factor(name, unit):
    """An equal form of a unit gives what the library says of it, or nothing; never another
    number.
    """
    variable = VARIABLES[name]
    substance = "mol" in unit
    own = next((u for u in variable.units if ("mol" in u) == substance and "eq" not in u), None)
    value = converted(variable, None, 20.0, unit)
    if own is None:
        assert value is None
        return
    expected = library()(unit, own) * 20.0 * variable.units[own][0]
    assert value == pytest.approx(expected, rel=1e-9)


@cache
def library():
    """Return the library's factor between two units."""
    from ucumvert import PintUcumRegistry

    registry = PintUcumRegistry()
    return lambda unit, own: (
        registry.Quantity(1.0, registry.from_ucum(unit)).to(registry.from_ucum(own)).magnitude
    )


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from(["wbc", "spo2", "temperature", "bun"]))
def test_no_text_breaks_the_reading_of_a_unit_or_a_number(text, name):
    """Whatever stands in a chart is a finite number or None."""
    variable = VARIABLES[name]
    value, told = converted(variable, None, 1.0, text), written(text, variable)
    assert value is None or math.isfinite(value)
    assert told is None or math.isfinite(told.number)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("spo2", "98", ("", 98.0, "%")),
        ("spo2", "98 %", ("", 98.0, "%")),
        ("spo2", " <70% ", ("<", 70.0, "%")),
        ("spo2", "0.98", ("", 0.98, "")),
        ("fio2", "40", ("", 40.0, "%")),
        ("heart_rate", "112", ("", 112.0, "/min")),
        ("heart_rate", "112 beats/min", ("", 112.0, "beats/min")),
        ("potassium", "4.0", ("", 4.0, "mmol/L")),
        ("potassium", "≥ 8,0 mmol/l", (">=", 8.0, "mmol/l")),
        ("lactate", "4,1 mmol/L", ("", 4.1, "mmol/L")),
        ("lactate", "> 20 mmol/L", (">", 20.0, "mmol/L")),
        ("lactate", "=4.1 mmol/L", ("", 4.1, "mmol/L")),
        ("lactate", "4.1", ("", 4.1, "")),
        ("ph", "7.412", ("", 7.412, "[pH]")),
        ("wbc", "9.400 /µl", ("", 9400.0, "/µl")),
        ("wbc", "9 x10E3/uL", ("", 9.0, "x10E3/uL")),
        ("wbc", "9 10*9/L", ("", 9.0, "10*9/L")),
        ("wbc", "0,123 G/L", ("", 0.123, "G/L")),
        ("platelets", "250.000 /mm3", ("", 250000.0, "/mm3")),
        ("platelets", "1,250,000 /uL", ("", 1250000.0, "/uL")),
        ("creatinine", "1,234.5 umol/L", ("", 1234.5, "umol/L")),
        ("platelets", "1,200 K/uL", None),
        ("wbc", "12 400 /µl", None),
        ("systolic", "120/80", None),
        ("systolic", "120/80 mmHg", None),
        ("heart_rate", "80-90", None),
        ("heart_rate", "80 - 90 /min", None),
        ("heart_rate", "80, irregular", None),
        ("spo2", "71 % on air", None),
        ("haemoglobin", "15.0 gm/L", ("", 15.0, "gm/L")),
        ("glucose", "HIGH", None),
        ("potassium", "4.1.2", None),
        ("potassium", "", None),
        ("potassium", "4" * 200, None),
    ],
)
def test_a_number_in_a_text_is_read_where_it_is_clear(name, text, told):
    """Comparator, number and unit come apart; a missing unit is filled in where it is plain, a
    thousand is told from a fraction by what a body can have, and two meanings are none.
    """
    assert written(text, VARIABLES[name]) == (None if told is None else Written(*told))


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("http://loinc.org", "loinc"),
        ("https://loinc.org", "loinc"),
        ("http://loinc.org/", "loinc"),
        ("HTTP://LOINC.ORG", "loinc"),
        ("http://www.loinc.org", "loinc"),
        ("urn:oid:2.16.840.1.113883.6.1", "loinc"),
        ("http://snomed.info/sct", "snomed"),
        ("https://snomed.info/sct/", "snomed"),
        ("http://snomed.info/sct/83821000000107/version/20260101", "snomed"),
        ("urn:oid:2.16.840.1.113883.6.96", "snomed"),
        ("http://unitsofmeasure.org", "ucum"),
        ("https://unitsofmeasure.org/", "ucum"),
        ("urn:oid:2.16.840.1.113883.6.8", "ucum"),
        ("urn:oid:2.16.840.1.113883.6.10", None),
        ("http://snomed.info/xsct", None),
        ("http://loinc.org/vs/LL738-6", None),
        ("urn:oid:1.2.3", None),
        ("", None),
        (None, None),
    ],
)
def test_a_code_system_is_known_by_every_form_of_its_address(system, name):
    """An OID, https or a final slash is the same system; a look-alike is not."""
    assert coded(system) == name
    asked = asked_by(system, "8867-4")
    assert (asked is VARIABLES["heart_rate"]) == (name == "loinc")


def test_the_ucum_code_counts_before_the_printed_unit():
    """Without a code, or with a code of another system, the printed unit is all there is."""
    ucum, other = "http://unitsofmeasure.org", "http://snomed.info/sct"
    assert unit_of(Quantity(1.0, "beats", ucum, "/min")) == "/min"
    assert unit_of(Quantity(1.0, "beats", f"{ucum}/", "/min")) == "/min"
    assert unit_of(Quantity(1.0, "beats", None, "/min")) == "/min"
    assert unit_of(Quantity(1.0, "mmHg", other, "259018001")) == "mmHg"
    assert unit_of(Quantity(1.0, "K/uL", ucum)) == "K/uL"


def check_digit(number: str) -> bool:
    """Tell whether an identifier of SNOMED CT has its Verhoeff check digit."""
    turn = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = turn[value]
        total = dihedral(total, value)
    return total == 0


def dihedral(a: int, b: int) -> int:
    """Multiply in the dihedral group of ten."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


def test_every_snomed_code_has_its_right_check_digit_and_one_variable():
    """A mistyped code of SNOMED CT is caught by its Verhoeff digit."""
    codes = [code for variable in VARIABLES.values() for code in variable.snomed]
    assert len(codes) == len(set(codes))
    assert [code for code in codes if not check_digit(code)] == []
    assert not check_digit("364075006")
