"""Turns PhysioNet/CinC Challenge 2012 parts (`Time,Parameter,Value` files beside an Outcomes
file) into Stays labelled `death`.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from models.patient.chart import Chart, Reading
from models.reading.reader import without_duplicates
from studies.data.stays import ADMITTED, DataError, Stay, birth_date, files, note, readable, reading

HOURS = 48
HEAD, DIED, SURVIVAL = "Time,Parameter,Value", "In-hospital_death", "Survival"
# Parameter -> (variable, unit). Invasive and cuff pressures are the same variable; FiO2 is a
# fraction; a weight of -1 or 0 is none, which the limits leave out. Nothing uses a height.
PARAMETERS = {
    "HR": ("heart_rate", "/min"), "RespRate": ("respiratory_rate", "/min"), "SaO2": ("spo2", "%"),
    "FiO2": ("fio2", "1"), "SysABP": ("systolic", "mm[Hg]"), "NISysABP": ("systolic", "mm[Hg]"),
    "DiasABP": ("diastolic", "mm[Hg]"), "NIDiasABP": ("diastolic", "mm[Hg]"),
    "MAP": ("mean_pressure", "mm[Hg]"), "NIMAP": ("mean_pressure", "mm[Hg]"),
    "Temp": ("temperature", "Cel"), "GCS": ("gcs", "{score}"), "Lactate": ("lactate", "mmol/L"),
    "Creatinine": ("creatinine", "mg/dL"), "BUN": ("bun", "mg/dL"), "Na": ("sodium", "mmol/L"),
    "K": ("potassium", "mmol/L"), "HCO3": ("bicarbonate", "mmol/L"),
    "Glucose": ("glucose", "mg/dL"), "WBC": ("wbc", "10*3/uL"), "HCT": ("haematocrit", "%"),
    "Platelets": ("platelets", "10*3/uL"), "Bilirubin": ("bilirubin", "mg/dL"),
    "Albumin": ("albumin", "g/dL"), "pH": ("ph", "[pH]"), "PaCO2": ("paco2", "mm[Hg]"),
    "PaO2": ("pao2", "mm[Hg]"), "TroponinI": ("troponin_i", "ug/L"),
    "TroponinT": ("troponin_t", "ug/L"), "Urine": ("urine", "mL"), "Weight": ("weight", "kg"),
}  # fmt: skip


class Outcome(NamedTuple):
    """How a stay ended; `survival` are days from the beginning of the stay, -1 where not known."""

    died: bool
    survival: float


UNITS = {1.0: "coronary care", 2.0: "cardiac surgery", 3.0: "medical ICU", 4.0: "surgical ICU"}


def stays(path: Path, outcomes: Path) -> Iterator[Stay]:
    """Yield every stay of a folder or zip, in order of record number.

    Raises DataError that names file and line, or a record without an outcome; files that are named
    by no number are passed over.
    """
    died = _outcomes(outcomes)
    missing = set(died)
    for name, text in files(path, ".txt"):
        record = Path(name).stem
        if record not in died:
            if record.isdecimal():
                raise DataError(f"{name}: {outcomes.name} has no record {record}.")
            continue
        missing.discard(record)
        chart, about = read_stay(record, name, text)
        groups = {
            "sex": chart.sex or "unknown",
            "unit": UNITS.get(about.get("ICUType", 0.0), "unknown"),
        }
        at = _expected(died[record])
        expected = {} if at is None else {"death": at}
        labels = {"death": (died[record].died,) * HOURS}
        yield Stay(record, chart, ADMITTED, labels, groups, expected)
    if missing:
        note(f"{outcomes}: {len(missing)} of {len(died)} records have no file in {path.name}.")


def read_stay(record: str, name: str, text: str) -> tuple[Chart, dict[str, float]]:
    """Return the chart of one stay's file and what it says of the patient; raises DataError that
    names file and line.
    """
    rejected: Counter[str] = Counter()
    readings: list[Reading] = []
    about: dict[str, float] = {}
    head, *lines = text.splitlines() or [""]
    if head.strip() != HEAD:
        raise DataError(f"{name}, line 1: expected `{HEAD}`.")
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        time, parameter, value = _row(line, name, number)
        if parameter in PARAMETERS:
            readings.extend(
                reading(time, PARAMETERS[parameter], value, f"{record}:{number}", rejected)
            )
        else:
            about[parameter] = value
    sex = {0.0: "female", 1.0: "male"}.get(about.get("Gender", -1.0))
    kept = without_duplicates(readings, rejected)
    return Chart(record, birth_date(about.get("Age")), sex, False, kept, dict(+rejected)), about


def _row(line: str, name: str, number: int) -> tuple[datetime, str, float]:
    try:
        clock, parameter, raw = line.split(",")
        hours, _, minutes = clock.partition(":")
        if not (0 <= int(hours) < 100 and 0 <= int(minutes) < 60):
            raise ValueError
        return (
            ADMITTED + timedelta(hours=int(hours), minutes=int(minutes)),
            parameter.strip(),
            float(raw),
        )
    except ValueError:
        raise DataError(f"{name}, line {number}: expected `HH:MM,Parameter,Value`.") from None


def _expected(outcome: "Outcome") -> float | None:
    """Return the middle of the two days in which a patient may have died, in hours from the
    beginning of the stay.

    Survival counts whole days between a moment and a date, so that it leaves two days open: of
    those who died on the third day half have 1 and half 2.
    """
    return 24.0 * (outcome.survival + 1) if outcome.died and outcome.survival >= 0 else None


def _outcomes(path: Path) -> dict[str, "Outcome"]:
    with readable(path):
        lines = path.read_text("utf-8-sig").splitlines()
    head, *rows = [[cell.strip() for cell in row] for row in csv.reader(lines)] or [[]]
    if not {"RecordID", DIED} <= set(head):
        raise DataError(f"{path}, line 1: expected the columns RecordID and {DIED}.")
    died: dict[str, Outcome] = {}
    for number, row in enumerate(rows, start=2):
        cells = dict(zip(head, row, strict=False))
        record = cells.get("RecordID", "")
        if row and (
            len(row) != len(head) or not record or record in died or cells[DIED] not in ("0", "1")
        ):
            raise DataError(
                f"{path}, line {number}: expected {len(head)} cells, a RecordID that is new, and "
                f"{DIED} 0 or 1."
            )
        if row:
            died[record] = Outcome(cells[DIED] == "1", _days(cells.get(SURVIVAL)))
    return died


def _days(text: str | None) -> float:
    try:
        return float(text or -1)
    except ValueError:
        return -1.0
