"""Turns a hospital's own outcomes into a new version of a model with another calibration: `vigil
recalibrate`.

The trees stay as they are, so that the order of patients stays too (Steyerberg, Clinical Prediction
Models, ch. 20: intercept and slope before anything more). The manifest names the parent, and
figures after come from folds that the fit has not seen.
"""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from models.fitted.aliases import VERSION
from models.fitted.booster import ModelError
from models.fitted.model import Model, interpolated, load, logit
from models.fitted.signature import canonical
from studies.data.stays import DataError
from studies.training.calibrate import isotonic, line, risks, stretched
from studies.training.performance import brier
from studies.training.train import write
from studies.validation.calibration import logistic_line

LINE, ISOTONIC = "line", "isotonic"
LEAST_EVENTS = {LINE: 50, ISOTONIC: 200}
FOLDS, SEED = 5, 20261121
COLUMNS = ("score", "outcome")


@dataclass(frozen=True)
class Outcomes:
    """What happened to the rows that a model scored: `risk` as Vigil showed it (0 to 1, both
    excluded), `event` true or false.

    `patient` says which rows belong together, so that no patient stands on both sides of a fold;
    one row one patient if not given.
    """

    risk: np.ndarray
    event: np.ndarray
    patient: np.ndarray


def read_outcomes(path: Path) -> Outcomes:
    """Read a CSV with the columns score (0 to 1) and outcome (0 or 1), and patient if rows repeat
    one.

    Raises DataError that names file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
                raise DataError(f"{path}, line 1: there is no column {missing[0]}.")
            rows = [_row(path, table.line_num, row) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read ({error}).") from None
    risk, event, patient = zip(*rows, strict=True) if rows else ((), (), ())
    return Outcomes(
        np.array(risk, float),
        np.array(event, bool),
        np.unique(patient, return_inverse=True)[1] if rows else np.array([]),
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


def recalibrate(
    parent: Path,
    outcomes: Outcomes,
    version: str,
    method: str = LINE,
    source: str = "not available",
) -> dict:
    """Write `<parent's folder>/<version>/`, unsigned, with the calibration that fits the outcomes;
    return its manifest.

    `source` says in words where and when the outcomes come from. Raises ModelError, and writes
    nothing, when there are too few events, risk does not rise with the outcome, or the version is
    there already.
    """
    model, folder = load(parent), parent.parent / version
    if not VERSION.fullmatch(version) or not VERSION.fullmatch(parent.name):
        raise ModelError(f"{version!r} is no version.")
    if folder.exists():
        raise ModelError(f"{folder} is there already; give a version of its own.")
    fit = _method(method, model, outcomes)
    raw = np.array([uncalibrated(model, logit(risk)) for risk in outcomes.risk])
    calibration = fit(raw, outcomes.event)
    manifest = model.manifest | {
        "version": version,
        "calibration": calibration,
        "parent": {
            "version": model.id.version,
            "manifest_sha256": hashlib.sha256(canonical(model.manifest)).hexdigest(),
        },
        "recalibration": _account(fit, raw, outcomes) | {"method": method, "source": source},
    }
    # What a release said of the parent is not said of this version.
    for key in ("release", "figures", "thresholds_chosen"):
        manifest.pop(key, None)
    write(folder, model.text, manifest)
    return manifest


def recalibrate_from(parent: Path, outcomes: Path, version: str, method: str = LINE) -> dict:
    """Do what `recalibrate` does with a CSV of outcomes; the manifest names the file and its
    SHA-256.
    """
    found = read_outcomes(outcomes)
    return recalibrate(
        parent,
        found,
        version,
        method,
        f"{outcomes.name}, SHA-256 {hashlib.sha256(outcomes.read_bytes()).hexdigest()}",
    )


def uncalibrated(model: Model, log_odds: float) -> float:
    """Return the raw score whose calibrated log-odds these are."""
    calibration = model.manifest["calibration"]
    if not (points := calibration.get("points")):
        return (log_odds - calibration["intercept"]) / calibration["slope"]
    return interpolated([(y, x) for x, y in points], 1 / calibration["slope"], log_odds)


def _method(
    method: str, model: Model, outcomes: Outcomes
) -> Callable[[np.ndarray, np.ndarray], dict]:
    if method not in LEAST_EVENTS:
        raise ModelError(f"There is no method {method!r}; give {LINE} or {ISOTONIC}.")
    if len(np.unique(outcomes.risk)) < 2:
        raise ModelError("All scores are the same, so that no slope can be fitted.")
    least, events = LEAST_EVENTS[method], int(outcomes.event.sum())
    if min(events, len(outcomes.event) - events) < least:
        raise ModelError(
            f"A recalibration by {method} needs {least} rows with and without the outcome; there "
            f"are {events} with it."
        )
    return partial(_line, model) if method == LINE else isotonic


def _line(model: Model, raw: np.ndarray, event: np.ndarray) -> dict:
    """Return the model's own calibration, its log-odds moved and stretched to fit the outcomes."""
    return stretched(
        model.manifest["calibration"],
        line(np.array([model.calibrated(score) for score in raw.tolist()]), event),
    )


def _account(fit: Callable, raw: np.ndarray, outcomes: Outcomes) -> dict:
    """Return counts, and the figures before and after; those after are of folds by patient that
    the fit has not seen.
    """
    people = np.random.default_rng(SEED).permutation(np.unique(outcomes.patient))
    after = np.empty(len(raw))
    for fold in range(FOLDS):
        held = np.isin(outcomes.patient, people[fold::FOLDS])
        after[held] = risks(fit(raw[~held], outcomes.event[~held]), raw[held])
    return {
        "rows": len(raw),
        "patients": len(people),
        "events": int(outcomes.event.sum()),
        "before": _figures(outcomes.risk, outcomes.event),
        "after": _figures(after, outcomes.event),
        "how": f"after: {FOLDS} folds by patient, each scored by a fit to the others",
    }


def _figures(risk: np.ndarray, event: np.ndarray) -> dict[str, float]:
    intercept, slope = logistic_line(np.log(risk) - np.log1p(-risk), event)
    found = {
        "calibration_intercept": intercept,
        "calibration_slope": slope,
        "observed_expected": event.sum() / risk.sum(),
    }
    return {
        name: round(float(value), 4)
        for name, value in (found | {"brier": brier(risk, event)}).items()
    }
