"""What all tests share: charts drawn as text tables, a fixed clock off UTC midnight, and where
the shared data lie.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.patient.vocabulary import LOINC, UCUM, VARIABLES
from tests.support.absent import absent
from tests.support.small_disk import NoDisk, small_disk

pytest_plugins = ["tests.support.contract", "tests.support.rules"]
AT = datetime(2026, 3, 29, 13, 30, tzinfo=UTC)
SHARED = Path(os.environ.get("VIGIL_SHARED") or Path(__file__).parents[1].parent / "shared")


@pytest.fixture
def at() -> datetime:
    """The moment at which every test chart is assessed."""
    return AT


@pytest.fixture
def shared(shared_folder) -> Path:
    """The folder of real data; a fresh clone has none and skips by name, CI must have it."""
    return shared_folder


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The same, for fixtures that are made once."""
    if not SHARED.is_dir():
        absent("needs the shared data: set VIGIL_SHARED")
    return SHARED


@pytest.fixture
def small(tmp_path) -> Iterator[Path]:
    """A disk of 16 MiB: what the audit log's reserve holds fits into the database too, twice."""
    try:
        with small_disk(tmp_path / "small", 16) as place:
            yield place
    except NoDisk as why:
        absent(str(why))


def patient(patient_id: str = "p1", born: str = "1956-02-01", **more) -> dict:
    """Return a Patient resource."""
    return {
        "resourceType": "Patient",
        "id": patient_id,
        "birthDate": born,
        "gender": "female",
    } | more


def observation(
    variable: str, value: float, hours_ago: float = 1, patient_id: str = "p1", **more
) -> dict:
    """Return a final Observation in the variable's own code and unit; `more` replaces members
    (None removes one).
    """
    row = VARIABLES[variable]
    found = {
        "resourceType": "Observation",
        "id": f"{variable}-{hours_ago:g}",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": row.loinc[0]}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": (AT - timedelta(hours=hours_ago)).isoformat(),
        "valueQuantity": {"value": value, "unit": row.unit, "system": UCUM, "code": row.unit},
    } | more
    return {name: member for name, member in found.items() if member is not None}


def table(text: str) -> list[dict]:
    """Return the Observations of a text table: a head of variables, then rows of `hours ago |
    value | value`, `.` for none.
    """
    head, *rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return [
        observation(variable, float(cell), float(row[0]))
        for row in rows
        for variable, cell in zip(head[1:], row[1:], strict=True)
        if cell != "."
    ]


def bundle(resources: list[dict], **more) -> dict:
    """Return a searchset Bundle."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [{"resource": r} for r in resources],
    } | more


SICK = """
when | heart_rate | respiratory_rate | spo2 | systolic | diastolic | temperature | gcs | fio2 | lactate | creatinine
24   | 92         | 18               | 96   | 118      | 70        | 37.6        | 15  | 21   | 1.6     | 1.0
12   | 104        | 22               | 94   | 104      | 60        | 38.4        | 15  | 28   | .       | .
6    | 118        | 26               | 92   | 94       | 52        | 38.9        | 14  | 35   | 3.1     | 1.6
1    | 128        | 30               | 91   | 86       | 46        | 39.2        | 13  | 40   | 4.8     | 2.1
"""
WELL = """
when | heart_rate | respiratory_rate | spo2 | systolic | diastolic | temperature | gcs | fio2
8    | 74         | 14               | 98   | 126      | 74        | 36.8        | 15  | 21
2    | 72         | 15               | 97   | 124      | 76        | 36.7        | 15  | 21
"""
