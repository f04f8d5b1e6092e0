"""Turns a hospital's own outcomes into a new version of a model with another calibration: `vigil recalibrate`.

The trees stay as they are, so that the order of patients stays too (Steyerberg, Clinical Prediction Models, ch. 20: intercept and
slope before anything more). The manifest names the parent, and figures after come from folds that the fit has not seen.
"""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.aliases import VERSION
from models.model import Model, ModelId, interpolated, load
from models.offline.data.stays import DataError
from models.offline.train import write
from models.offline.validation.performance import brier, logistic_line
from models.predict import ModelError
from models.signature import canonical

LINE, ISOTONIC = "line", "isotonic"
LEAST_EVENTS = {LINE: 50, ISOTONIC: 200}
# Every isotonic step holds this many with and without the event, so that its log-odds are no accident.
LEAST_IN_STEP = 10
FOLDS, SEED = 5, 20261121
COLUMNS = ("score", "outcome")


@dataclass(frozen=True)
class Outcomes:
    """What happened to the rows that a model scored: `risk` as Vigil showed it (0 to 1, both excluded), `event` true or false.

    `patient` says which rows belong together, so that no patient stands on both sides of a fold; one row one patient if not given.
    """

    risk: np.ndarray
    event: np.ndarray
    patient: np.ndarray


def read_outcomes(path: Path) -> Outcomes:
    """Read a CSV with the columns score (0 to 1) and outcome (0 or 1), and patient if rows repeat one.

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
    return Outcomes(np.array(risk, float), np.array(event, bool), np.unique(patient, return_inverse=True)[1] if rows else np.array([]))


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


def recalibrate(parent: Path, outcomes: Outcomes, version: str, method: str = LINE, source: str = "not available") -> dict:
    """Write `<parent's folder>/<version>/`, unsigned, with the calibration that fits the outcomes; return its manifest.

    `source` says in words where and when the outcomes come from. Raises ModelError, and writes nothing, when there are too few events,
    risk does not rise with the outcome, or the version is there already.
    """
    model, folder = load(parent), parent.parent / version
    if not VERSION.fullmatch(version):
        raise ModelError(f"{version!r} is no version.")
    if folder.exists():
        raise ModelError(f"{folder} is there already; give a version of its own.")
    fit = _method(method, outcomes)
    raw = np.array([uncalibrated(model, logit(risk)) for risk in outcomes.risk])
    calibration = fit(raw, outcomes.event)
    manifest = model.manifest | {
        "version": version,
        "calibration": calibration,
        "parent": {"version": model.id.version, "manifest_sha256": hashlib.sha256(canonical(model.manifest)).hexdigest()},
        "recalibration": _account(fit, raw, outcomes) | {"method": method, "source": source},
    }
    # What a release said of the parent is not said of this version.
    manifest.pop("release", None)
    write(folder, model.text, manifest)
    return manifest


def recalibrate_from(parent: Path, outcomes: Path, version: str, method: str = LINE) -> dict:
    """Do what `recalibrate` does with a CSV of outcomes; the manifest names the file and its SHA-256."""
    found = read_outcomes(outcomes)
    return recalibrate(parent, found, version, method, f"{outcomes.name}, SHA-256 {hashlib.sha256(outcomes.read_bytes()).hexdigest()}")


def line(raw: np.ndarray, event: np.ndarray) -> dict:
    """Return intercept and slope by maximum likelihood. Raises ModelError when the slope is not above 0."""
    intercept, slope = logistic_line(raw, event)
    if slope <= 0:
        raise ModelError(f"The outcomes do not rise with the risk (slope {slope:.3f}): this model can't be mended by recalibration.")
    return {"intercept": intercept, "slope": slope}


def isotonic(raw: np.ndarray, event: np.ndarray) -> dict:
    """Return the points of an isotonic fit, to be joined by straight lines in log-odds, and the line for what lies outside them.

    Steps are pooled until each rises above the one before and holds enough rows with and without the event; a step stands at its
    mean raw score.
    """
    steps: list[tuple[float, float, float]] = []  # rows, events, sum of raw scores
    scores, place, counts = np.unique(raw, return_inverse=True, return_counts=True)
    for rows, events, score in zip(counts.tolist(), np.bincount(place, event).tolist(), scores.tolist(), strict=True):
        steps.append((rows, events, rows * score))
        while len(steps) > 1 and _must_pool(steps[-2], steps[-1]):
            _pool(steps)
    if len(steps) > 1 and not _enough(steps[-1]):
        _pool(steps)
    while len(steps) > 1 and _must_pool(steps[-2], steps[-1]):
        _pool(steps)
    if len(steps) < 2:
        raise ModelError("The outcomes do not rise with the risk: this model can't be mended by recalibration.")
    return line(raw, event) | {"points": [[total / rows, logit(events / rows)] for rows, events, total in steps]}


def _pool(steps: list[tuple[float, float, float]]) -> None:
    last, before = steps.pop(), steps.pop()
    steps.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))


def _must_pool(before: tuple[float, float, float], last: tuple[float, float, float]) -> bool:
    """Say whether a step must take in the next: it is too small, or the next, grown enough to be judged, does not rise above it."""
    return not _enough(before) or (_enough(last) and last[1] / last[0] <= before[1] / before[0])


def _enough(step: tuple[float, float, float]) -> bool:
    return min(step[1], step[0] - step[1]) >= LEAST_IN_STEP


def uncalibrated(model: Model, log_odds: float) -> float:
    """Return the raw score whose calibrated log-odds these are."""
    calibration = model.manifest["calibration"]
    if not (points := calibration.get("points")):
        return (log_odds - calibration["intercept"]) / calibration["slope"]
    return interpolated([(y, x) for x, y in points], 1 / calibration["slope"], log_odds)


def logit(risk: float) -> float:
    """Return the log-odds of a risk between 0 and 1."""
    return float(np.log(risk) - np.log1p(-risk))


def _method(method: str, outcomes: Outcomes) -> Callable[[np.ndarray, np.ndarray], dict]:
    if method not in LEAST_EVENTS:
        raise ModelError(f"There is no method {method!r}; give {LINE} or {ISOTONIC}.")
    least, events = LEAST_EVENTS[method], int(outcomes.event.sum())
    if min(events, len(outcomes.event) - events) < least:
        raise ModelError(f"A recalibration by {method} needs {least} rows with and without the outcome; there are {events} with it.")
    return {LINE: line, ISOTONIC: isotonic}[method]


def _account(fit: Callable, raw: np.ndarray, outcomes: Outcomes) -> dict:
    """Return counts, and the figures before and after; those after are of folds by patient that the fit has not seen."""
    people = np.random.default_rng(SEED).permutation(np.unique(outcomes.patient))
    after = np.empty(len(raw))
    for fold in range(FOLDS):
        held = np.isin(outcomes.patient, people[fold::FOLDS])
        after[held] = _risks(fit(raw[~held], outcomes.event[~held]), raw[held])
    return {
        "rows": len(raw), "patients": len(people), "events": int(outcomes.event.sum()),
        "before": _figures(outcomes.risk, outcomes.event), "after": _figures(after, outcomes.event),
        "how": f"after: {FOLDS} folds by patient, each scored by a fit to the others",
    }  # fmt: skip


def _risks(calibration: dict, raw: np.ndarray) -> np.ndarray:
    scored = Model(ModelId("", "", ""), {"calibration": calibration}, "")
    return 1 / (1 + np.exp(-np.array([scored.calibrated(score) for score in raw.tolist()])))


def _figures(risk: np.ndarray, event: np.ndarray) -> dict[str, float]:
    intercept, slope = logistic_line(np.log(risk) - np.log1p(-risk), event)
    found = {"calibration_intercept": intercept, "calibration_slope": slope, "observed_expected": event.sum() / risk.sum()}
    return {name: round(float(value), 4) for name, value in (found | {"brier": brier(risk, event)}).items()}
