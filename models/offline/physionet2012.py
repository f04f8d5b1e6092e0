"""Turns PhysioNet/CinC Challenge 2012 folders or zips (`Time,Parameter,Value` files, Outcomes-*.txt) into Stays.

Values pass through the same `accept` as a hospital's Observations: unit, limits and rounding are those of serving.
"""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from models.readings import Chart, Reading, accept, without_duplicates
from models.vocabulary import VARIABLES

# Stays carry hours only; this moment stands for each admission, so that birth dates and ages work out.
ADMITTED = datetime(2012, 1, 1, tzinfo=UTC)
# Parameter -> (variable, unit). Invasive and cuff pressures are the same variable; FiO2 is a fraction.
PARAMETERS = {
    "HR": ("heart_rate", "/min"), "RespRate": ("respiratory_rate", "/min"), "SaO2": ("spo2", "%"), "FiO2": ("fio2", "1"),
    "SysABP": ("systolic", "mm[Hg]"), "NISysABP": ("systolic", "mm[Hg]"), "DiasABP": ("diastolic", "mm[Hg]"),
    "NIDiasABP": ("diastolic", "mm[Hg]"), "MAP": ("mean_pressure", "mm[Hg]"), "NIMAP": ("mean_pressure", "mm[Hg]"),
    "Temp": ("temperature", "Cel"), "GCS": ("gcs", "{score}"), "Lactate": ("lactate", "mmol/L"),
    "Creatinine": ("creatinine", "mg/dL"), "BUN": ("bun", "mg/dL"), "Na": ("sodium", "mmol/L"), "K": ("potassium", "mmol/L"),
    "HCO3": ("bicarbonate", "mmol/L"), "Glucose": ("glucose", "mg/dL"), "WBC": ("wbc", "10*3/uL"), "HCT": ("haematocrit", "%"),
    "Platelets": ("platelets", "10*3/uL"), "Bilirubin": ("bilirubin", "mg/dL"), "Albumin": ("albumin", "g/dL"), "pH": ("ph", "[pH]"),
    "PaCO2": ("paco2", "mm[Hg]"), "PaO2": ("pao2", "mm[Hg]"), "TroponinI": ("troponin_i", "ug/L"),
    "TroponinT": ("troponin_t", "ug/L"),
}  # fmt: skip


class DataError(Exception):
    """A data file can't be read; the message names file and line."""


@dataclass(frozen=True)
class Stay:
    """One ICU stay: its chart over the first 48 h and whether the patient died in hospital."""

    record: str
    chart: Chart
    died: bool


def stays(path: Path, outcomes: Path) -> Iterator[Stay]:
    """Yield every stay of a folder or zip that has an outcome, in order of record number.

    Raises DataError that names file and line.
    """
    died = _outcomes(outcomes)
    for name, text in _files(path):
        record = Path(name).stem
        if record in died:
            yield Stay(record, read_stay(record, name, text), died[record])


def _outcomes(path: Path) -> dict[str, bool]:
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
        return {row["RecordID"]: {"0": False, "1": True}[row["In-hospital_death"]] for row in rows}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not an Outcomes file of the 2012 challenge ({error!r}).") from None


def _files(path: Path) -> Iterator[tuple[str, str]]:
    try:
        if path.is_dir():
            yield from ((str(file), file.read_text("utf-8")) for file in sorted(path.rglob("*.txt")) if file.stem.isdigit())
            return
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if Path(name).suffix == ".txt" and Path(name).stem.isdigit():
                    yield name, archive.read(name).decode("utf-8")
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read ({error}).") from None


def read_stay(record: str, name: str, text: str) -> Chart:
    """Return the chart of one stay's file; raises DataError that names file and line."""
    rejected: Counter[str] = Counter()
    readings, about = [], {}
    for number, line in enumerate(text.splitlines()[1:], start=2):
        try:
            clock, parameter, raw = line.split(",")
            hours, _, minutes = clock.partition(":")
            time, value = ADMITTED + timedelta(hours=int(hours), minutes=int(minutes)), float(raw)
        except ValueError:
            raise DataError(f"{name}, line {number}: expected `HH:MM,Parameter,Value`.") from None
        if parameter in PARAMETERS:
            readings.extend(_reading(time, parameter, value, f"{record}:{number}", rejected))
        else:
            about[parameter] = value
    age, gender = about.get("Age"), about.get("Gender")
    born = date(ADMITTED.year - int(age), 1, 1) if age and 0 < age <= 125 else None
    sex = {0.0: "female", 1.0: "male"}.get(gender) if gender is not None else None
    return Chart(record, born, sex, False, without_duplicates(readings, rejected), dict(+rejected))


def _reading(time: datetime, parameter: str, value: float, source: str, rejected: Counter[str]) -> Iterator[Reading]:
    name, unit = PARAMETERS[parameter]
    number, reason = accept(VARIABLES[name], value, unit)
    if number is None:
        rejected[reason] += 1
    else:
        yield Reading(time, name, number, source)
