"""Writes and reads the CSV that leads from a validation to a recalibration: patient, hour, score,
outcome.

`vigil validate --scores` writes it and `vigil recalibrate --outcomes` reads it. It names patients.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.fitted.whole import write_whole
from studies.data.stays import DataError
from studies.validation.landmarks import Cohort

NEEDED = ("score", "outcome")
WRITTEN = ("patient", "hour", *NEEDED)


@dataclass(frozen=True)
class Outcomes:
    """What happened to the rows that a model scored: `risk` as Vigil showed it (0 to 1, both
    excluded), `event` true or false.

    `patient` is the running number, from 0, of whom a row belongs to, so that no patient stands on
    both sides of a fold; one row one patient if not given.
    """

    risk: np.ndarray
    event: np.ndarray
    patient: np.ndarray


def of_cohort(cohort: Cohort) -> Outcomes:
    """Return the outcomes of the rows that a validation scored."""
    rows = cohort.landmarks()
    return Outcomes(rows.risk, rows.event, rows.patient)


def scores_csv(cohort: Cohort) -> str:
    """Return the CSV of the rows that a validation scored, patients by the ids of the data."""
    rows, text = cohort.landmarks(), io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(WRITTEN)
    columns = (rows.stay, rows.hour, rows.risk, rows.event)
    for stay, hour, risk, event in zip(*(c.tolist() for c in columns), strict=True):
        table.writerow((cohort.patients[stay], hour, repr(risk), int(event)))
    return text.getvalue()


def write_scores(path: Path, cohort: Cohort) -> None:
    """Write `scores_csv` into a file that its owner alone can read."""
    write_whole(path, scores_csv(cohort), private=True)


def read_outcomes(path: Path) -> Outcomes:
    """Read a CSV with the columns score (0 to 1) and outcome (0 or 1), and patient if rows repeat
    one; other columns are not read.

    Raises DataError that names file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if missing := [name for name in NEEDED if name not in (table.fieldnames or ())]:
                raise DataError(f"{path}, line 1: there is no column {missing[0]}.")
            rows = [_row(path, table.line_num, row) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read ({error}).") from None
    risk, event, patient = zip(*rows, strict=True) if rows else ((), (), ())
    return Outcomes(
        np.array(risk, float),
        np.array(event, bool),
        np.unique(patient, return_inverse=True)[1] if rows else np.array([], int),
    )


def _row(path: Path, line: int, row: dict[str, str]) -> tuple[float, bool, str]:
    try:
        risk = float(row["score"])
    except (TypeError, ValueError):
        risk = float("nan")
    if not 0 < risk < 1:
        raise DataError(f"{path}, line {line}: score has to be a risk between 0 and 1.")
    if row["outcome"] not in ("0", "1"):
        raise DataError(f"{path}, line {line}: outcome has to be 0 or 1.")
    return risk, row["outcome"] == "1", row.get("patient") or f"line {line}"
