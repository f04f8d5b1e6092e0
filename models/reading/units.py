"""Turns a number in a unit, as a chart writes it, into a variable's own unit.

A unit is read in three ways, the first that fits the variable counts: as it stands in
vocabulary.csv, as a spelling of units.csv, as an equal form in UCUM (1/min, mmol.L-1,
10*3/mm3{WBC}). A unit of another kind of quantity never fits, so that G/L is giga per litre for
counts of cells alone, and g/L gram per litre for mass alone. What is not understood is None.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from models.patient.vocabulary import VARIABLES, Variable, coded, lines_of
from models.reading.fhir import Quantity

TABLE = Path(__file__).with_name("units.csv")
LONGEST = 60
# Powers of cells: x10E3, 10^9, 10(3), 10**3, and 103 where the superscript was lost.
POWER = re.compile(r"^[x*]?\.?(?:10(?:\*\*|[*^sx]|e\+?|)|e\+?)[(\[]?0?([369])[)\]]?$")
COUNTED = re.compile(r"(?:cells?|wbc|leuk|leukocytes|plt|platelets)$")
NOTE = re.compile(r"\{[^{}]*\}")
SIGNS = str.maketrans({"×": "x", "✕": "x", "·": ".", "⋅": ".", "−": "-", "µ": "u", "μ": "u"})
PER = re.compile(r"\s+(?:per|pro|pr|por|par|je|al|à|/)\s+")
# The atoms of UCUM of which the vocabulary's units are made, in gram, metre, second, mole, charge.
ATOMS: dict[str, tuple[Fraction, tuple[int, ...]]] = {
    "g": (Fraction(1), (1, 0, 0, 0, 0)), "m": (Fraction(1), (0, 1, 0, 0, 0)),
    "L": (Fraction(1, 1000), (0, 3, 0, 0, 0)), "l": (Fraction(1, 1000), (0, 3, 0, 0, 0)),
    "s": (Fraction(1), (0, 0, 1, 0, 0)), "min": (Fraction(60), (0, 0, 1, 0, 0)),
    "h": (Fraction(3600), (0, 0, 1, 0, 0)), "mol": (Fraction(1), (0, 0, 0, 1, 0)),
    "eq": (Fraction(1), (0, 0, 0, 0, 1)), "Pa": (Fraction(1000), (1, -1, -2, 0, 0)),
    "bar": (Fraction(10**8), (1, -1, -2, 0, 0)), "%": (Fraction(1, 100), (0, 0, 0, 0, 0)),
    "m[Hg]": (Fraction(133322000), (1, -1, -2, 0, 0)),
    "m[H2O]": (Fraction(9806650), (1, -1, -2, 0, 0)),
}  # fmt: skip
PREFIXES = {"": 0, "k": 3, "h": 2, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15}
COMPONENT = re.compile(r"([A-Za-z%]+(?:\[[A-Za-z0-9]+\])?)([+-]?\d)?")
NUMBER = re.compile(r"10[*^]([+-]?\d{1,2})|(10{0,3})")
# The unit of a text: one that begins with a figure is a power or a fraction, no further number.
TEXT = re.compile(
    r"(<=|>=|<|>|≤|≥|=|)\s*(-?\d+(?:[.,]\d+)*)\s*"
    r"((?:(?=[^\d\s.,/-]|/\D|1/|10\D|10[369]/|1000/).*)?)"
)
COMPARATORS = {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "≤": "<=", "≥": ">=", "=": "", "": ""}
Lines = dict[str, tuple[float, float]]
Measure = tuple[Fraction, tuple[int, ...]]


class Tables(NamedTuple):
    """units.csv by kind: what may stand above and below a fraction's line, whole spellings, what
    is refused, and the lines of codes whose substance is another than their variable's.
    """

    above: dict[str, str]
    below: dict[str, str]
    whole: dict[str, list[str]]
    refused: set[str]
    code: dict[str, Lines]


def converted(
    variable: Variable, code: str | None, number: float, unit: str | None
) -> float | None:
    """Return a number in the variable's own unit, or None when the unit is not known for it.

    `code` is the code of the question (LOINC or SNOMED CT) where there is one: a mass under a code
    of urea is urea, of which the nitrogen counts. A missing unit is unknown, but for scores and pH.
    """
    unit = (unit or "").strip()
    if not unit:
        return number if variable.unitless else None
    line = _line(variable.name, code if code in TABLES.code else None, unit)
    return None if line is None else number * line[0] + line[1]


def unit_of(quantity: Quantity) -> str | None:
    """Return the unit that counts: the UCUM code, and the printed one only where none came, as
    when Epic sends 10*6/µL without one.
    """
    ucum = quantity.system is None or coded(quantity.system) == "ucum"
    return quantity.code if quantity.code and ucum else quantity.unit


class Written(NamedTuple):
    """A number as it stands in a text; `comparator` is FHIR's, "" where the number is exact."""

    comparator: str
    number: float
    unit: str


def written(text: str, variable: Variable, code: str | None = None) -> Written | None:
    """Split a text such as "<70 %", "4,1 mmol/L" or "98" into comparator, number and unit; None
    when it is no such text, or says two things.

    A missing unit is filled in where it is plain, as every unit of the variable is the same, or it
    is a percentage above 1. A comma or point before three digits may part thousands: the reading
    counts of which alone the variable can have the value.
    """
    parts = TEXT.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if parts is None:
        return None
    sign = COMPARATORS[parts[1]]
    told = [
        Written(sign, number, parts[3] or _plain(variable, number)) for number in _numbers(parts[2])
    ]
    if len(told) > 1:
        told = [one for one in told if _can_be(variable, code, one)]
    # Several words that are no unit are a remark, of which nothing is guessed: 71 % on air.
    if " " in parts[3].strip():
        told = [one for one in told if converted(variable, code, 1.0, one.unit) is not None]
    return told[0] if len(told) == 1 else None


def _numbers(text: str) -> list[float]:
    """Return what a number may be: 4,1 is one, 1.234 may be two, 1,234.5 is one."""
    marks = re.sub(r"\d", "", text)
    if len(marks) > 1:
        last = max(text.rfind("."), text.rfind(","))
        whole = re.fullmatch(r"-?\d{1,3}([.,])\d{3}(?:\1\d{3})*", text)
        parted = re.fullmatch(r"-?\d{1,3}([.,])\d{3}(?:\1\d{3})*(?!\1)[.,]\d+", text)
        if whole:
            return [float(re.sub(r"[.,]", "", text))]
        return [float(f"{re.sub('[.,]', '', text[:last])}.{text[last + 1 :]}")] if parted else []
    decimal = float(text.replace(",", "."))
    if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", text):
        return [decimal, float(re.sub(r"[.,]", "", text))]
    return [decimal]


def _plain(variable: Variable, number: float) -> str:
    plain = all(line == (1.0, 0.0) for line in variable.units.values())
    return variable.unit if plain or (variable.name in {"spo2", "fio2"} and number > 1) else ""


def _can_be(variable: Variable, code: str | None, told: Written) -> bool:
    value = converted(variable, code, told.number, told.unit)
    return value is not None and variable.possible[0] <= value <= variable.possible[1]


@lru_cache(maxsize=4096)
def _line(name: str, code: str | None, unit: str) -> tuple[float, float] | None:
    """Return factor and offset of a unit for a variable, or None."""
    variable = VARIABLES[name]
    lines = TABLES.code[code] if code else variable.units
    if unit in lines or len(unit) > LONGEST:
        return lines.get(unit)
    for form in _forms(unit):
        if form in lines:
            return lines[form]
        factor = None if variable.unitless else _factor(lines, form)
        # Millions in a microlitre count red cells: nobody has so many of the others.
        if factor and not (variable.unit == "10*3/uL" and factor > 1):
            return factor, 0.0
    return None


def _factor(lines: Lines, form: str) -> float | None:
    """Return the factor of an equal form in UCUM, by the first unit of the same dimension."""
    told = _measure(form)
    for unit, (factor, offset) in lines.items():
        own = _measure(unit)
        if told and own and told[1] == own[1] and not offset:
            return float(told[0] / own[0]) * factor
    return None


def _forms(unit: str) -> Iterator[str]:
    """Yield what a unit may be in UCUM, the surest first; nothing where it is one of those that
    can't be told.
    """
    text = _folded(unit)
    lower = text.lower()
    if lower in TABLES.refused:
        return
    above, line, below = lower.partition("/")
    below = TABLES.below.get(below, below)
    if text.startswith("G/") and below in {"l", "L"}:
        yield "10*9/L"
        return
    if line:
        yield f"{_above(above)}/{below}"
    yield from TABLES.whole.get(lower, ())
    yield text


def _above(text: str) -> str:
    """Return what stands above the line in UCUM: 10*9 for x10E9, 10*3 for thou.cells."""
    for word in (text, COUNTED.sub("", text)):
        if power := POWER.match(word):
            return f"10*{power[1]}"
        if known := TABLES.above.get(word.lstrip("x*").rstrip(".")):
            return known
    return text or "1"


def _folded(unit: str) -> str:
    """Return a unit without annotations and spaces, with plain letters and digits (µ, ³, ·)."""
    plain = unicodedata.normalize("NFKC", unit.translate(SIGNS)).translate(SIGNS)
    bare = NOTE.sub("", plain)
    text = PER.sub("/", bare if bare.strip() else plain)
    return re.sub(r"\s", "", text).rstrip(".")


@lru_cache(maxsize=4096)
def _measure(text: str) -> Measure | None:
    """Return size and dimension of a UCUM unit that is made of ATOMS, or None."""
    size, dimension, sign = Fraction(1), [0] * 5, 1
    if not text or text[-1] in "./":
        return None
    for part in re.split(r"([./])", text):
        if part in {".", "/"}:
            sign = 1 if part == "." else -1
        elif part:
            told = _component(part)
            if told is None:
                return None
            size *= told[0] ** sign
            dimension = [a + sign * b for a, b in zip(dimension, told[1], strict=True)]
    return size, tuple(dimension)


def _component(text: str) -> Measure | None:
    if number := NUMBER.fullmatch(text):
        return (Fraction(10) ** int(number[1]) if number[1] else Fraction(number[2])), (0,) * 5
    told = COMPONENT.fullmatch(text)
    if told is None:
        return None
    for prefix, power in PREFIXES.items():
        atom = told[1].removeprefix(prefix) if told[1].startswith(prefix) else ""
        if atom in ATOMS and (not prefix or atom not in {"%", "min", "h"}):
            size, dimension = ATOMS[atom]
            exponent = int(told[2] or 1)
            return (size * Fraction(10) ** power) ** exponent, tuple(
                d * exponent for d in dimension
            )
    return None


def _load() -> Tables:
    tables = Tables({}, {}, {}, set(), {})
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for spelling in row["spellings"].split("|"):
                _enter(tables, row["kind"], _folded(spelling).lower(), row["ucum"])
    return tables


def _enter(tables: Tables, kind: str, spelling: str, ucum: str) -> None:
    if kind == "above":
        tables.above[spelling] = ucum
    elif kind == "below":
        tables.below[spelling] = ucum
    elif kind == "whole":
        tables.whole.setdefault(spelling, []).append(ucum)
    elif kind == "refused":
        tables.refused.add(spelling)
    else:
        tables.code[spelling] = lines_of(ucum)


TABLES = _load()
