"""Turns vocabulary.csv into frozen Variables: what Vigil reads from a chart, in which codes, units
and limits.

Queries, units, staleness, plot axes, model card and documentation all read this one table.
"""

import csv
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
# The OIDs under which HL7 lists the same systems (terminology.hl7.org).
SYSTEMS = {
    LOINC: "loinc", "urn:oid:2.16.840.1.113883.6.1": "loinc",
    SNOMED: "snomed", "urn:oid:2.16.840.1.113883.6.96": "snomed",
    UCUM: "ucum", "urn:oid:2.16.840.1.113883.6.8": "ucum",
}  # fmt: skip
LIMITS = ("low_critical", "low_warning", "high_warning", "high_critical")
# Asked for with the vital signs, but none themselves: nothing is urgent where one is not known, and
# NEWS2 does not ask for it.
NO_SIGNS = {"urine", "weight"}
# What is an amount over a period, and the hours of the period that a code itself names.
AMOUNTS = {"urine": {"9188-4": 8.0, "9192-6": 24.0, "3167-4": 24.0}}
TABLE = Path(__file__).with_name("vocabulary.csv")


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

    @property
    def sign(self) -> bool:
        """Tell whether this is a vital sign, which may be grave at any moment."""
        return self.group == "vitals" and self.name not in NO_SIGNS

    def for_model(self, value: float) -> bool:
        """Tell whether a value, in `unit`, is one that a model may be given."""
        return self.low <= value <= self.high


@lru_cache(maxsize=1024)
def coded(system: str | None) -> str | None:
    """Return "loinc", "snomed" or "ucum" for any form of a code system's address: http or https, a
    final slash, an OID, an edition of SNOMED CT; None for every other system, and without one.
    """
    name = (system or "").strip().lower().replace("https://", "http://").replace("//www.", "//")
    return SYSTEMS.get(SNOMED if name.startswith(f"{SNOMED}/") else name.rstrip("/"))


def asked_by(system: str | None, code: str | None) -> Variable | None:
    """Return the variable that a coded question asks for, or None."""
    known = {"loinc": BY_CODE, "snomed": BY_SNOMED}.get(coded(system) or "", {})
    return known.get(code or "")


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
        units=lines_of(row["units"]),
        source=row["source"],
        max_age=timedelta(hours=hours),
    )


def lines_of(text: str) -> dict[str, tuple[float, float]]:
    """Return (factor, offset) by unit of a cell such as "Cel=1 [degF]=0.5556;-17.78"."""
    found = {}
    for line in text.split():
        unit, _, numbers = line.partition("=")
        factor, _, offset = numbers.partition(";")
        found[unit] = (float(factor), float(offset or 0))
    return found


VARIABLES: dict[str, Variable] = _load()
GROUPS = tuple(dict.fromkeys(variable.group for variable in VARIABLES.values()))
BY_CODE: dict[str, Variable] = {
    code: variable for variable in VARIABLES.values() for code in variable.loinc
}
BY_SNOMED: dict[str, Variable] = {
    code: variable for variable in VARIABLES.values() for code in variable.snomed
}
