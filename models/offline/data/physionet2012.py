"""Turns PhysioNet/CinC Challenge 2012 parts (`Time,Parameter,Value` files beside an Outcomes file) into Stays labelled `death`."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from models.offline.data.stays import ADMITTED, DataError, Stay, birth_date, files, reading
from models.readings import Chart, Reading, without_duplicates

HOURS = 48
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
UNITS = {1.0: "coronary care", 2.0: "cardiac surgery", 3.0: "medical ICU", 4.0: "surgical ICU"}


def stays(path: Path, outcomes: Path) -> Iterator[Stay]:
    """Yield every stay of a folder or zip that has an outcome, in order of record number.

    Raises DataError that names file and line.
    """
    died = _outcomes(outcomes)
    for name, text in files(path, ".txt"):
        record = Path(name).stem
        if record in died:
            chart, about = read_stay(record, name, text)
            groups = {"sex": chart.sex or "unknown", "unit": UNITS.get(about.get("ICUType", 0.0), "unknown")}
            yield Stay(record, chart, ADMITTED, {"death": (died[record],) * HOURS}, groups)


def read_stay(record: str, name: str, text: str) -> tuple[Chart, dict[str, float]]:
    """Return the chart of one stay's file and what it says of the patient; raises DataError that names file and line."""
    rejected: Counter[str] = Counter()
    readings: list[Reading] = []
    about: dict[str, float] = {}
    for number, line in enumerate(text.splitlines()[1:], start=2):
        try:
            clock, parameter, raw = line.split(",")
            hours, _, minutes = clock.partition(":")
            time, value = ADMITTED + timedelta(hours=int(hours), minutes=int(minutes)), float(raw)
        except ValueError:
            raise DataError(f"{name}, line {number}: expected `HH:MM,Parameter,Value`.") from None
        if parameter in PARAMETERS:
            readings.extend(reading(time, PARAMETERS[parameter], value, f"{record}:{number}", rejected))
        else:
            about[parameter] = value
    sex = {0.0: "female", 1.0: "male"}.get(about.get("Gender", -1.0))
    kept = without_duplicates(readings, rejected)
    return Chart(record, birth_date(about.get("Age")), sex, False, kept, dict(+rejected)), about


def _outcomes(path: Path) -> dict[str, bool]:
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
        return {row["RecordID"]: {"0": False, "1": True}[row["In-hospital_death"]] for row in rows}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not an Outcomes file of the 2012 challenge ({error!r}).") from None
