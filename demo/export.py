"""Turns invented stays into example files of a hospital's own data: `vigil demo --export`.

The same stays are written twice, as FHIR bulk NDJSON with a CSV of outcomes and as a CSV table with
its mapping, so that `vigil validate` and `vigil train` can be tried with either.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from demo.patients import resources
from demo.patients.cohort import InventedStay, invented_stays

SEED, MOST = 5, 9999
OUTCOME, HORIZON = "icu_transfer", 24
COLUMNS = (
    "heart_rate", "respiratory_rate", "spo2", "systolic", "diastolic", "temperature", "acvpu",
    "fio2", "lactate", "creatinine", "wbc", "crp",
)  # fmt: skip
ABOUT = ("stay", "charted", "birth_date", "sex", "ward", "transferred_at")
MAPPING = f"""\
# What the columns of stays.csv mean; docs/your-data.md explains every key.

[columns]
id = "stay"
time = "charted"
birth_date = "birth_date"
sex = "sex"
groups = ["ward"]

[outcome]
name = "{OUTCOME}"
time = "transferred_at"
horizon_hours = {HORIZON}

[variables]
heart_rate = {{variable = "heart_rate", unit = "/min"}}
respiratory_rate = {{variable = "respiratory_rate", unit = "/min"}}
spo2 = {{variable = "spo2", unit = "%"}}
systolic = {{variable = "systolic", unit = "mm[Hg]"}}
diastolic = {{variable = "diastolic", unit = "mm[Hg]"}}
temperature = {{variable = "temperature", unit = "Cel"}}
acvpu = {{variable = "acvpu", words = {{A = 0, C = 1, V = 2, P = 3, U = 4}}}}
fio2 = {{variable = "fio2", unit = "%"}}
lactate = {{variable = "lactate", unit = "mmol/L"}}
creatinine = {{variable = "creatinine", unit = "mg/dL"}}
wbc = {{variable = "wbc", unit = "10*3/uL"}}
crp = {{variable = "crp", unit = "mg/L"}}
"""
README = """\
SYNTHETIC DATA. Every stay, value and outcome here was made up by `vigil demo --export`; none is of
a real patient. The outcome, transfer to intensive care, and what it has to do with the vital signs
are invented too: a model that is trained on these files is for trying the commands, and for
nothing else.

bulk/         FHIR bulk NDJSON: Patient, Observation
outcomes.csv  who was transferred, and when (for --outcomes)
stays.csv     the same stays as a table
stays.toml    its mapping (for --mapping)
"""


class ExportError(click.ClickException):
    """The examples can't be written; the message says why."""


def export(folder: Path, count: int, seed: int = SEED) -> str:
    """Write so many invented stays below a new or empty folder, and return a sentence that says
    what it holds; the same seed writes the same files. Raises ExportError.
    """
    if not 1 <= count <= MOST:
        raise ExportError(f"--stays takes a number from 1 to {MOST}.")
    found = list(invented_stays(count, seed))
    moved = [(stay.id, stay.transferred.isoformat()) for stay in found if stay.transferred]
    try:
        (folder / "bulk").mkdir(parents=True, exist_ok=True)
        if len(list(folder.iterdir())) > 1 or list((folder / "bulk").iterdir()):
            raise ExportError(f"{folder} is not empty; name a new folder.")
        _ndjson(folder / "bulk" / "Patient.ndjson", map(_patient, found))
        _ndjson(folder / "bulk" / "Observation.ndjson", _observations(found))
        _csv(folder / "outcomes.csv", ("id", "time"), moved)
        _csv(folder / "stays.csv", (*ABOUT, *COLUMNS), _rows(found))
        (folder / "stays.toml").write_text(MAPPING, "utf-8")
        (folder / "README.txt").write_text(README, "utf-8")
    except OSError as error:
        raise ExportError(f"{folder} can't be written: {error.strerror}.") from None
    return f"{folder} holds {count} synthetic stays, {len(moved)} with the invented outcome."


def _patient(stay: InventedStay) -> dict[str, Any]:
    family, given = "Example", stay.id.rpartition("-")[2]
    return resources.patient(stay.id, family, given, stay.sex, stay.born, stay.id.upper())


def _observations(stays: Iterable[InventedStay]) -> Iterator[dict[str, Any]]:
    for stay in stays:
        yield from resources.observations(stay.id, list(stay.rounds))


def _rows(stays: Iterable[InventedStay]) -> Iterator[Sequence[object]]:
    for stay in stays:
        moved = stay.transferred.isoformat() if stay.transferred else ""
        for time, values in stay.rounds:
            about = (stay.id, time.isoformat(), stay.born, stay.sex, stay.ward, moved)
            yield (*about, *(values.get(name, "") for name in COLUMNS))


def _ndjson(path: Path, found: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(one, separators=(",", ":")) + "\n" for one in found)


def _csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)
