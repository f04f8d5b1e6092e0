"""Turns a hospital's own outcomes into a new version of a model with another calibration: `vigil
recalibrate`.

The trees stay as they are, so that the order of patients stays too (Steyerberg, Clinical Prediction
Models, ch. 20: intercept and slope before anything more), and so do the half-widths of the
intervals, which are raw scores. What hangs on the calibration is made anew: the bands, and the
figures, which come from folds by patient that the fit has not seen. The manifest names the parent.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from models.card.validation import seen_files
from models.fitted.aliases import VERSION
from models.fitted.booster import ModelError
from models.fitted.model import Model, interpolated, load, logit
from models.fitted.registry import Trust, admit
from models.fitted.signature import canonical
from studies.data.bulk import is_bulk
from studies.data.describe import source
from studies.data.split import ALL
from studies.data.stays import DataError
from studies.recalibration.bands import RULE, cut, rule_of, words
from studies.recalibration.outcomes import Outcomes, of_cohort, read_outcomes
from studies.training.calibrate import isotonic, line, risks, stretched
from studies.training.train import write
from studies.validation.calibration import Cells
from studies.validation.dataset import Description, data_set
from studies.validation.intervals import Figures, with_intervals
from studies.validation.ranking import Ranked, share, working
from studies.validation.validate import scored

LINE, ISOTONIC = "line", "isotonic"
# Patients with the outcome, and without it: rows of one patient say the same thing again.
LEAST_PATIENTS = {LINE: 50, ISOTONIC: 200}
FOLDS, DRAWS, SEED = 5, 200, 20261121
CALIBRATION = ("calibration_intercept", "calibration_slope", "observed_expected")
CARRIED = (
    "; recalibrated since, which leaves raw scores and with them these widths as they were, so "
    "that the coverage is that of the training patients"
)


def recalibrate(
    parent: Path, outcomes: Outcomes, version: str, method: str = LINE, about: dict | None = None
) -> dict:
    """Write `<parent's folder>/<version>/`, unsigned, with the calibration that fits the outcomes
    and bands cut by the parent's rules on them; return its manifest.

    `about` names the data of the outcomes: `files` with their SHA-256, and `part`. Raises
    ModelError, and writes nothing, when there are too few patients, risk does not rise with the
    outcome, the bands can't be cut, or the version is there already.
    """
    model = load(parent)
    _check_version(parent, version)
    fit = _method(method, model, outcomes)
    rule, read_from = rule_of(model)
    raw = np.array([uncalibrated(model, logit(risk)) for risk in outcomes.risk])
    after = _out_of_fold(fit, raw, outcomes)
    bands = cut(after, outcomes.event, outcomes.patient, rule)
    manifest = model.manifest | {
        "version": version,
        "calibration": fit(raw, outcomes.event),
        "thresholds": bands,
        RULE: rule.written,
        "thresholds_chosen": words(rule, model.manifest["label"]),
        "parent": {
            "version": model.id.version,
            "manifest_sha256": hashlib.sha256(canonical(model.manifest)).hexdigest(),
        },
        "recalibration": (about or {})
        | {
            "method": method,
            "bands": f"medium has to find {100 * rule.medium_sensitivity:.0f} % ({read_from})",
        }
        | _account(model, after, bands, outcomes),
    }
    if known := model.manifest.get("certainty"):
        how = str(known.get("how", "")).removesuffix(CARRIED) + CARRIED
        manifest["certainty"] = known | {"how": how}
    # What a release or a training said of the parent is not said of this version.
    for key in ("release", "figures"):
        manifest.pop(key, None)
    write(parent.parent / version, model.text, manifest)
    return manifest


def recalibrate_from(parent: Path, outcomes: Path, version: str, method: str = LINE) -> dict:
    """Do what `recalibrate` does with a CSV of scores and outcomes."""
    return recalibrate(parent, read_outcomes(outcomes), version, method, source({}, [outcomes]))


def recalibrate_on(
    parent: Path,
    data: Path,
    description: Description,
    version: str,
    method: str = LINE,
    part: str = ALL,
) -> dict:
    """Score data as a validation does, and do what `recalibrate` does with the outcomes.

    Raises DataError besides, as a validation does.
    """
    _check_version(parent, version)
    if description.mapping is None and is_bulk(data):
        raise DataError(
            f"{data} holds FHIR bulk NDJSON: run `vigil validate --scores FILE` on it, and give "
            "that file as --outcomes."
        )
    model = admit(parent, Trust(development=True))
    about = {"files": data_set(data, description).hashes(), "part": part}
    _check_unseen(model, about, data)
    _, (cohort,) = scored(data, description, [model], part)
    return recalibrate(parent, of_cohort(cohort), version, method, about)


def uncalibrated(model: Model, log_odds: float) -> float:
    """Return the raw score whose calibrated log-odds these are."""
    calibration = model.manifest["calibration"]
    if not (points := calibration.get("points")):
        return (log_odds - calibration["intercept"]) / calibration["slope"]
    return interpolated([(y, x) for x, y in points], 1 / calibration["slope"], log_odds)


def _check_version(parent: Path, version: str) -> None:
    if not VERSION.fullmatch(version) or not VERSION.fullmatch(parent.name):
        raise ModelError(f"{version!r} is no version.")
    if (folder := parent.parent / version).exists():
        raise ModelError(f"{folder} is there already; give a version of its own.")


def _check_unseen(model: Model, about: dict, data: Path) -> None:
    """Raise ModelError where the trees were fitted to these very records, on which every risk looks
    better than it is.
    """
    trained = {name: model.manifest.get(name) for name in ("source", "held_out")}
    if seen_files(trained, {"data": about, "settings": about}):
        raise ModelError(
            f"{model.id.name} {model.id.version} was trained on {data.name}: give other data, or "
            "--part held-out if its training left that out."
        )


def _method(
    method: str, model: Model, outcomes: Outcomes
) -> Callable[[np.ndarray, np.ndarray], dict]:
    if method not in LEAST_PATIENTS:
        raise ModelError(f"There is no method {method!r}; give {LINE} or {ISOTONIC}.")
    if len(np.unique(outcomes.risk)) < 2:
        raise ModelError("All scores are the same, so that no slope can be fitted.")
    least = LEAST_PATIENTS[method]
    ill = len(np.unique(outcomes.patient[outcomes.event]))
    well = len(np.unique(outcomes.patient)) - ill
    if min(ill, well) < least:
        raise ModelError(
            f"A recalibration by {method} needs {least} patients with and {least} without the "
            f"outcome; there are {ill} with it and {well} without."
        )
    return partial(_line, model) if method == LINE else isotonic


def _line(model: Model, raw: np.ndarray, event: np.ndarray) -> dict:
    """Return the model's own calibration, its log-odds moved and stretched to fit the outcomes."""
    return stretched(
        model.manifest["calibration"],
        line(np.array([model.calibrated(score) for score in raw.tolist()]), event),
    )


def _out_of_fold(fit: Callable, raw: np.ndarray, outcomes: Outcomes) -> np.ndarray:
    """Return the recalibrated risk of each row by a fit to patients of other folds."""
    people = np.random.default_rng(SEED).permutation(np.unique(outcomes.patient))
    after = np.empty(len(raw))
    for fold in range(FOLDS):
        held = np.isin(outcomes.patient, people[fold::FOLDS])
        after[held] = risks(fit(raw[~held], outcomes.event[~held]), raw[held])
    return after


def _account(model: Model, after: np.ndarray, bands: dict[str, float], outcomes: Outcomes) -> dict:
    """Return counts, and the figures before and after, at the bands before and after."""
    return {
        "rows": len(after),
        "patients": len(np.unique(outcomes.patient)),
        "events": int(outcomes.event.sum()),
        "prevalence": round(float(outcomes.event.mean()), 4),
        "thresholds_before": model.manifest["thresholds"],
        "before": _figures(outcomes.risk, model.manifest["thresholds"], outcomes),
        "after": _figures(after, bands, outcomes),
        "how": (
            f"after: {FOLDS} folds by patient, each scored by a fit to the others; intervals from "
            f"{DRAWS} draws of whole patients"
        ),
    }


def _figures(risk: np.ndarray, bands: dict[str, float], outcomes: Outcomes) -> dict[str, Any]:
    """Return the figures of risks and bands, each with its interval."""
    patient, event = np.unique(outcomes.patient, return_inverse=True)[1], outcomes.event
    cells = Cells(np.log(risk) - np.log1p(-risk), event, patient)
    ranked, squares = Ranked(risk, event, patient), np.bincount(patient, (risk - event) ** 2)
    size = np.bincount(patient)

    def weighted(weight: np.ndarray) -> Figures:
        counts, level, rows = ranked.counts(weight), cells.figures(weight), float(weight @ size)
        found = {name: level[name] for name in CALIBRATION}
        found |= {"brier": share(float(weight @ squares), rows), "auroc": counts.auroc()}
        for name, threshold in bands.items():
            point = working(counts, threshold)
            found |= {
                f"{name}_rows": share(sum(counts.at(threshold)), rows),
                f"{name}_sensitivity": point["sensitivity"],
                f"{name}_ppv": point["ppv"],
            }
        return found

    return with_intervals(weighted, len(size), DRAWS)
