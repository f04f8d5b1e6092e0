"""Turns vocabulary.csv into frozen Variables: what Vigil reads from a chart, in which codes, units
and limits.

Queries, conversion, staleness, plot axes, model card and documentation all read this one table.
"""

import csv
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
LIMITS = ("low_critical", "low_warning", "high_warning", "high_critical")
TABLE = Path(__file__).with_name("vocabulary.csv")

# Spellings of one UCUM unit that vendors put into `unit` or `code`; compared in lower case without
# spaces.
SPELLINGS = {
    "mmhg": "mm[Hg]", "mm[hg]": "mm[Hg]", "degc": "Cel", "°c": "Cel", "c": "Cel", "cel": "Cel",
    "celsius": "Cel", "degf": "[degF]", "°f": "[degF]", "f": "[degF]", "[degf]": "[degF]",
    "fahrenheit": "[degF]", "bpm": "/min", "beats/min": "/min", "{beats}/min": "/min",
    "breaths/min": "/min", "{breaths}/min": "/min", "br/min": "/min", "{breath}/min": "/min",
    "{beat}/min": "/min", "/min": "/min", "percent": "%", "liters/min": "L/min", "l/min": "L/min",
    "lpm": "L/min", "mmol/l": "mmol/L", "meq/l": "meq/L", "mcmol/l": "umol/L", "umol/l": "umol/L",
    "µmol/l": "umol/L", "μmol/l": "umol/L", "mg/dl": "mg/dL", "mg/l": "mg/L", "g/dl": "g/dL",
    "gm/dl": "g/dL", "g/l": "g/L", "ng/ml": "ng/mL", "ng/l": "ng/L", "pg/ml": "pg/mL",
    "ug/l": "ug/L", "µg/l": "ug/L", "mcg/l": "ug/L", "kpa": "kPa", "k/ul": "10*3/uL",
    "10*3/ul": "10*3/uL", "10*3/µl": "10*3/uL", "x10*3/ul": "10*3/uL", "10^3/ul": "10*3/uL",
    "x10(3)/mcl": "10*3/uL", "thous/mcl": "10*3/uL", "10*9/l": "10*9/L", "x10*9/l": "10*9/L",
    "10^9/l": "10*9/L", "l/l": "L/L", "{ph}": "[pH]", "ph": "[pH]", "[ph]": "[pH]",
    "score": "{score}", "{score}": "{score}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variable:
    """One row of the vocabulary; limits are in `unit`, `digits` is how it is printed, older than
    `max_age_hours` is stale.

    Shape: `units` gives (factor, offset) by UCUM code, so that canonical = factor * value + offset.
    `low` to `high` is what a model may be given; `possible`, never narrower, what a body can have
    before death. `limits` are low critical, low warning, high warning and high critical, None where
    nobody publishes one, each by `limits_source`. `normal` is the reference patient's value, None
    where there is none.
    """

    name: str
    label: str
    group: str
    unit: str
    low: float
    high: float
    possible: tuple[float, float]
    max_age_hours: float
    digits: int
    limits: tuple[float | None, float | None, float | None, float | None]
    limits_source: str
    normal: float | None
    loinc: tuple[str, ...]
    snomed: tuple[str, ...]
    units: dict[str, tuple[float, float]]
    source: str
    max_age: timedelta

    @property
    def unitless(self) -> bool:
        """Tell whether a bare number without a unit is a full answer (scores and pH)."""
        return self.unit in {"{score}", "[pH]"}


def convert(variable: Variable, value: float, unit: str | None) -> float | None:
    """Return a value in the variable's own unit, or None when the unit is unknown for it.

    A missing unit is accepted only where the quantity has none; otherwise it counts as unknown.
    """
    line = variable.units.get(unit or "")
    if line is None:
        line = variable.units.get(SPELLINGS.get((unit or "").replace(" ", "").lower(), ""))
    if line is None and not unit and variable.unitless:
        return value
    return None if line is None else value * line[0] + line[1]


@cache
def vocabulary_sha256() -> str:
    """Return the hash of the table, recorded with each trained model and each reference patient."""
    return hashlib.sha256(TABLE.read_bytes()).hexdigest()


def _load() -> dict[str, Variable]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["name"]: _variable(row) for row in csv.DictReader(file)}


def _variable(row: dict[str, str]) -> Variable:
    hours = float(row["max_age_hours"])
    return Variable(
        name=row["name"],
        label=row["label"],
        group=row["group"],
        unit=row["unit"],
        low=float(row["low"]),
        high=float(row["high"]),
        possible=(
            float(row["possible_low"] or row["low"]),
            float(row["possible_high"] or row["high"]),
        ),
        max_age_hours=hours,
        digits=int(row["digits"]),
        limits=tuple(float(row[name]) if row[name] else None for name in LIMITS),  # type: ignore[arg-type]
        limits_source=row["limits"],
        normal=float(row["normal"]) if row["normal"] else None,
        loinc=tuple(row["loinc"].split()),
        snomed=tuple(row["snomed"].split()),
        units=dict(map(_line, row["units"].split())),
        source=row["source"],
        max_age=timedelta(hours=hours),
    )


def _line(text: str) -> tuple[str, tuple[float, float]]:
    unit, _, line = text.partition("=")
    factor, _, offset = line.partition(";")
    return unit, (float(factor), float(offset or 0))


VARIABLES: dict[str, Variable] = _load()
GROUPS = tuple(dict.fromkeys(variable.group for variable in VARIABLES.values()))
BY_CODE: dict[str, Variable] = {
    code: variable for variable in VARIABLES.values() for code in variable.loinc
}
