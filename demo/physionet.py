"""Turns de-identified ICU stays of the PhysioNet/CinC Challenge 2012 (`Time,Parameter,Value` files)
into demonstration patients.

Times move so that each stay's last value is ten minutes ago; values stay as they were written down,
the impossible ones too, but for a weight of -1 or 0, by which the data say that there is none.
studies/data/physionet2012.py reads the same files for training, and is not used here: the
demonstration stands in for an EHR, which hands out what Vigil would reject, and has to run where
studies are not installed. A test holds the two to the same parameters.
"""

import math
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from demo.patients import resources
from demo.patients.generate import DemoPatient

HEAD = "Time,Parameter,Value"
MEASURED = {
    "HR": "heart_rate", "RespRate": "respiratory_rate", "Temp": "temperature", "GCS": "gcs",
    "SaO2": "spo2", "FiO2": "fio2", "MAP": "mean_pressure", "NIMAP": "mean_pressure",
    "SysABP": "systolic", "NISysABP": "systolic", "DiasABP": "diastolic", "NIDiasABP": "diastolic",
    "Creatinine": "creatinine", "BUN": "bun", "Na": "sodium", "K": "potassium",
    "HCO3": "bicarbonate", "Glucose": "glucose", "Lactate": "lactate", "WBC": "wbc",
    "HCT": "haematocrit", "Platelets": "platelets", "Bilirubin": "bilirubin", "Albumin": "albumin",
    "pH": "ph", "PaCO2": "paco2", "PaO2": "pao2", "TroponinI": "troponin_i_ug",
    "TroponinT": "troponin_t_ug", "Urine": "urine", "Weight": "weight",
}  # fmt: skip
# A cuff and an arterial line may read at the same minute, so each keeps its own pair.
PAIRS = {"SysABP": ("DiasABP", "arterial"), "NISysABP": ("NIDiasABP", "cuff")}
SEXES = {0: "female", 1: "male"}
UNITS = ("Coronary care unit", "Cardiac surgery recovery unit", "Medical ICU", "Surgical ICU")
LAST_VALUE = timedelta(minutes=10)
OLDEST = 125

Row = tuple[timedelta, str, float]


class PhysioNetError(Exception):
    """A file is not in the published layout; the message names the file and the line."""


def stays(path: str | Path, now: datetime, limit: int = 24) -> tuple[DemoPatient, ...]:
    """Return the first `limit` stays by record number, ending shortly before `now` (aware UTC).

    `path` is a folder of stays, a zip of them, or the published folder with set-a.zip in it. Raises
    PhysioNetError.
    """
    found = tuple(
        _patient(name, _rows(name, text), now) for name, text in _files(Path(path), limit)
    )
    if not found:
        raise PhysioNetError(f"{path} holds no stay files such as 132539.txt.")
    return found


def _files(path: Path, limit: int) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the first stays."""
    try:
        if path.is_dir():
            stay_files = _first([str(file) for file in path.rglob("*.txt")], limit)
            archives = sorted(path.glob("set-*.zip"))
            if stay_files or not archives:
                yield from ((name, _text(name, Path(name).read_bytes())) for name in stay_files)
                return
            path = archives[0]
        with zipfile.ZipFile(path) as archive:
            for name in _first(archive.namelist(), limit):
                yield name, _text(name, archive.read(name))
    # zipfile says RuntimeError of a password and of a compression that it does not know.
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise PhysioNetError(
            f"{path} is no folder and no zip file that can be read ({error})."
        ) from None


def _first(names: Iterable[str], limit: int) -> list[str]:
    """Return the names of the first stays by record number; other files are passed over."""
    numbered = [
        (int(stem), name)
        for name in names
        if name.endswith(".txt") and (stem := Path(name).stem).isdecimal()
    ]
    return [name for _, name in sorted(numbered)[:limit]]


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PhysioNetError(f"{name}, line {line}: this is no text file.") from None


def _rows(name: str, text: str) -> list[Row]:
    lines = text.splitlines()
    if not lines or lines[0].strip() != HEAD:
        raise PhysioNetError(f"{name}, line 1: expected the head `{HEAD}`.")
    return [_row(name, number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]


def _row(name: str, number: int, line: str) -> Row:
    try:
        time, parameter, value = line.split(",")
        hours, minutes = map(int, time.split(":"))
        if not math.isfinite(float(value)) or not 0 <= minutes < 60 or not 0 <= hours < 1000:
            raise ValueError
        return timedelta(hours=hours, minutes=minutes), parameter.strip(), float(value)
    except ValueError:
        raise PhysioNetError(
            f"{name}, line {number}: expected a line such as `07:30,HR,81`."
        ) from None


def _patient(name: str, rows: list[Row], now: datetime) -> DemoPatient:
    record = Path(name).stem
    about = {
        parameter: value
        for time, parameter, value in rows
        if not time and parameter not in MEASURED
    }
    last = max((time for time, parameter, _ in rows if parameter in MEASURED), default=timedelta())
    start = now.replace(second=0, microsecond=0) - LAST_VALUE - last
    patient_id = f"icu-{record}"
    age, kind = about.get("Age", -1), int(about.get("ICUType", 0))
    ward = UNITS[kind - 1] if 1 <= kind <= len(UNITS) else "Intensive care"
    chart = (
        resources.patient(
            patient_id,
            "ICU stay",
            record,
            SEXES.get(int(about.get("Gender", -1))),
            f"{now.year - int(age)}-01-01" if 0 <= age <= OLDEST else None,
            f"PHYSIONET-{record}",
        ),
        resources.encounter(patient_id, start, ward),
        *_observations(patient_id, rows, start),
    )
    hours = round(last.total_seconds() / 3600)
    return DemoPatient(
        patient_id,
        f"De-identified stay, {hours} h of data (PhysioNet 2012, ODC-BY 1.0)",
        ward,
        chart,
    )


def _observations(
    patient_id: str, rows: Iterable[Row], start: datetime
) -> Iterator[dict[str, Any]]:
    moments: dict[timedelta, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for time, parameter, value in rows:
        if parameter in MEASURED and not (parameter == "Weight" and value <= 0):
            moments[time][parameter].append(round(100 * value, 2) if parameter == "FiO2" else value)
    for time, values in moments.items():
        for systolic, (diastolic, label) in PAIRS.items():
            if len(values.get(systolic, ())) == len(values.get(diastolic, ())) == 1:
                yield resources.pressure_panel(
                    patient_id,
                    start + time,
                    values.pop(systolic)[0],
                    values.pop(diastolic)[0],
                    f"-{label}",
                )
        for parameter, several in values.items():
            for number, value in enumerate(several, 1):
                suffix = f"-{parameter}{number}"
                yield resources.observation(
                    patient_id, MEASURED[parameter], start + time, value, suffix
                )
