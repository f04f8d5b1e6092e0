"""Turns PhysioNet/CinC Challenge 2019 sets (.psv, one row an hour) into Stays labelled `sepsis`:
onset within six hours.

A row holds what was measured in its hour, so its values count at the hour's end, which is also the
landmark of its label.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from models.patient.chart import Chart, Reading
from models.reading.reader import without_duplicates
from studies.data.stays import ADMITTED, DataError, Stay, birth_date, files, reading

# Column -> (variable, unit). FiO2 is a fraction; EtCO2 and enzymes are not read.
COLUMNS = {
    "HR": ("heart_rate", "/min"), "O2Sat": ("spo2", "%"), "Temp": ("temperature", "Cel"),
    "SBP": ("systolic", "mm[Hg]"), "MAP": ("mean_pressure", "mm[Hg]"),
    "DBP": ("diastolic", "mm[Hg]"), "Resp": ("respiratory_rate", "/min"),
    "HCO3": ("bicarbonate", "mmol/L"), "FiO2": ("fio2", "1"), "pH": ("ph", "[pH]"),
    "PaCO2": ("paco2", "mm[Hg]"), "BUN": ("bun", "mg/dL"), "Creatinine": ("creatinine", "mg/dL"),
    "Glucose": ("glucose", "mg/dL"), "Lactate": ("lactate", "mmol/L"),
    "Potassium": ("potassium", "mmol/L"), "Bilirubin_total": ("bilirubin", "mg/dL"),
    "TroponinI": ("troponin_i", "ng/mL"), "Hct": ("haematocrit", "%"),
    "Hgb": ("haemoglobin", "g/dL"), "WBC": ("wbc", "10*3/uL"),
    "Platelets": ("platelets", "10*3/uL"),
}  # fmt: skip
NEEDED = {"Age", "Gender", "ICULOS", "SepsisLabel"}
# No stay of the challenge is longer than 14 days; a year tells a wrong number from a long stay.
LAST_HOUR = 366 * 24
# The label begins so many hours before onset.
AHEAD = 6


def stays(path: Path) -> Iterator[Stay]:
    """Yield every stay of a folder or zip of .psv files, in order of name; raises DataError that
    names file and line.
    """
    for name, text in files(path, ".psv"):
        yield read_stay(Path(name).stem, name, text)


def read_stay(record: str, name: str, text: str) -> Stay:
    """Return one patient's stay, columns in any order; hours before the first row have the first
    row's label.
    """
    rejected: Counter[str] = Counter()
    readings: list[Reading] = []
    labels: list[bool] = []
    row: dict[str, float] = {}
    for number, row in _rows(name, text):
        hour = int(row["ICULOS"])
        labels += [row["SepsisLabel"] == 1] * (hour - len(labels))
        readings.extend(_readings(row, hour, f"{record}:{number}", rejected))
    if not labels:
        raise DataError(f"{name}: there is no row below the columns.")
    sex = {0.0: "female", 1.0: "male"}.get(row["Gender"])
    kept = without_duplicates(readings, rejected)
    chart = Chart(record, birth_date(row["Age"]), sex, False, kept, dict(+rejected))
    groups = {"sex": sex or "unknown", "unit": _unit(row), "set": _set(record) or "unknown"}
    expected = {"sepsis": float(labels.index(True) + 1 + AHEAD)} if any(labels) else {}
    return Stay(record, chart, ADMITTED, {"sepsis": tuple(labels)}, groups, expected, _set(record))


def _rows(name: str, text: str) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield each row with the number of its line; an hour comes after the row's before."""
    head, *lines = text.splitlines() or [""]
    columns = [column.strip() for column in head.split("|")]
    held = set(columns)
    if not held >= NEEDED or not held & set(COLUMNS) or len(held) < len(columns):
        raise DataError(
            f"{name}, line 1: expected the columns of the 2019 challenge, "
            f"{', '.join(sorted(NEEDED))} among them."
        )
    hour = 0
    for number, line in enumerate(lines, start=2):
        if line.strip():
            row = _row(columns, line, name, number, hour)
            hour = int(row["ICULOS"])
            yield number, row


def _readings(
    row: dict[str, float], hour: int, source: str, rejected: Counter[str]
) -> Iterator[Reading]:
    time = ADMITTED + timedelta(hours=hour)
    for column, measured in COLUMNS.items():
        value = row.get(column, math.nan)
        if not math.isnan(value):
            yield from reading(time, measured, value, source, rejected)


def _unit(row: dict[str, float]) -> str:
    if row.get("Unit1") == 1:
        return "medical ICU"
    return "surgical ICU" if row.get("Unit2") == 1 else "unknown"


def _set(record: str) -> str:
    """Return the set, each of one hospital, that a record of the challenge belongs to by its
    number.
    """
    found = re.fullmatch(r"p([01])\d{5}", record)
    return {"0": "A", "1": "B"}[found[1]] if found else ""


def _row(columns: list[str], line: str, name: str, number: int, hour: int) -> dict[str, float]:
    try:
        row = dict(zip(columns, map(float, line.split("|")), strict=True))
        if not (row["ICULOS"] in range(hour + 1, LAST_HOUR) and row["SepsisLabel"] in (0, 1)):
            raise ValueError
        return row
    except ValueError:
        what = (
            f"expected {len(columns)} numbers separated by `|`, ICULOS greater than in the "
            "row before, SepsisLabel 0 or 1"
        )
        raise DataError(f"{name}, line {number}: {what}.") from None
