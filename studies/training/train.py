"""Turns stays and a Recipe into a trained, calibrated model with its manifest: `vigil train`.

A row uses only what was known at its landmark, through the features of serving. Figures come from
folds of patients that the fold's model has not seen.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import lightgbm
import numpy as np
from tqdm import tqdm

from models.fitted.whole import write_whole
from models.patient.features import names
from models.patient.vocabulary import vocabulary_sha256
from studies.boosting.bounds import FALLING, RISING, directions, normals
from studies.boosting.fit import PARAMETERS, SEED, fit
from studies.checks.across import across
from studies.checks.acute import acute
from studies.checks.inputs_seen import alert_rates, inputs_seen
from studies.checks.leak import leak
from studies.data import split
from studies.data.stays import DataError, Stay
from studies.effects.effect_plots import draw
from studies.training.calibrate import curve, risks
from studies.training.fit_certainty import fit_certainty
from studies.training.performance import DRAWS
from studies.training.recipes import Recipe
from studies.training.rows import Rows, rows
from studies.training.thresholds import thresholds, words
from studies.validation.intervals import with_intervals
from studies.validation.ranking import Ranked
from studies.version import code_version

FOLDS = 5


def out_of_fold(data: Rows, recipe: Recipe) -> np.ndarray:
    """Return the raw score of each row from a model that has not seen its patient."""
    patients = np.random.default_rng(SEED).permutation(np.unique(data.patient))
    raw, weight = np.full(len(data.event), np.nan), data.weights(recipe)
    for fold in tqdm(range(FOLDS), desc=f"{recipe.name}: folds", unit="fold"):
        held = np.isin(data.patient, patients[fold::FOLDS])
        rest = ~held
        fitted = fit(data.x[rest], data.event[rest], weight[rest], recipe)
        raw[held] = fitted.raw(data.x[held])
    return raw


def train(
    stays: Iterable[Stay], recipe: Recipe, folder: Path, version: str, source: dict, hold_out: bool
) -> dict:
    """Train, calibrate, draw the global plots and write `<folder>/<name>/<version>/`; return the
    manifest.

    `source` names the data and their hashes; with `hold_out` every fifth record is not looked at.
    Training twice on the same data gives the same file. Raises DataError when too few patients
    have the outcome, or lack it.
    """
    data = rows(split.part(stays, split.TRAINING if hold_out else split.ALL), recipe)
    _enough(data, recipe)
    raw, weight = out_of_fold(data, recipe), data.weights(recipe)
    fitted = fit(data.x, data.event, weight, recipe)
    seen = fitted.seen(data.x)
    text = fitted.booster.model_to_string()
    manifest = {
        "name": recipe.name,
        "version": version,
        "outcome": recipe.outcome,
        "label": recipe.label,
        "horizon": recipe.horizon,
        "features": list(fitted.features),
        "normal": normals(),
        **_judged(raw, data, recipe),
        "certainty": fit_certainty(
            data.x, data.event, weight, data.patient, partial(fit, recipe=recipe), SEED
        ),
        "model_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "vocabulary_sha256": vocabulary_sha256(),
        "code_version": code_version(),
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "lightgbm": lightgbm.__version__,
        "parameters": _parameters(recipe),
        "started_from": asdict(recipe.start.id) if recipe.start else None,
        "command": recipe.command,
        "source": source,
        "held_out": split.RULE if hold_out else None,
        "golden": _golden(fitted.booster, seen),
    }
    write(folder / recipe.name / version, text, manifest)
    newest = {name: data.x[:, n] for n, name in enumerate(names())}
    draw(text, fitted.features, seen, newest, folder / recipe.name / version)
    return manifest


def _judged(raw: np.ndarray, data: Rows, recipe: Recipe) -> dict:
    """Return what follows from the scores of rows that a fold's model has not seen: calibration,
    bands and figures, beside what the data themselves say.
    """
    calibration = curve(raw, data.event)
    risk = risks(calibration, raw)
    bands = thresholds(risk, data, recipe)
    rates = alert_rates(risk, bands)
    rule = {"medium_sensitivity": recipe.medium_sensitivity, "high_rows": rates["high"]}
    return {
        "calibration": calibration,
        "thresholds": bands,
        "thresholds_chosen": words(recipe),
        "thresholds_rule": rule,
        "inputs": inputs_seen(data),
        "alert_rate": rates,
        "figures": _figures(risk, data, recipe),
        "acute": acute(risk, data, recipe),
        "across": across(data, recipe),
        "leak": leak(data.x, data.event, data.hour, data.patient, SEED),
    }


def write(folder: Path, text: str, manifest: dict) -> None:
    """Write the files of a version, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "model.txt", text)
    write_whole(folder / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def _enough(data: Rows, recipe: Recipe) -> None:
    """Raise DataError unless so many patients have rows with the outcome, and as many only rows
    without.
    """
    with_it = len(np.unique(data.patient[data.event]))
    without = len(np.unique(data.patient)) - with_it
    if min(with_it, without) < recipe.least_patients:
        raise DataError(
            f"There are too few patients to train on: {with_it} have rows with {recipe.label} that "
            f"can be scored, {without} have only rows without it, and at least "
            f"{recipe.least_patients} of each are needed; bring more stays."
        )


def _parameters(recipe: Recipe) -> dict:
    bound = directions(recipe.spreads)
    return PARAMETERS | {
        "trees": recipe.trees,
        "rising": [name for name, way in bound.items() if way == RISING],
        "falling": [name for name, way in bound.items() if way == FALLING],
        "red": recipe.red,
        "extreme": recipe.extreme,
        "early_weight": recipe.early_weight,
        "early_days": recipe.early_days,
    }


def _figures(risk: np.ndarray, data: Rows, recipe: Recipe) -> dict:
    """Return the figures of the model and of NEWS2 on the same out-of-fold rows."""
    person = np.unique(data.patient, return_inverse=True)[1]
    ranked = {
        name: Ranked(s, data.event, person) for name, s in (("", risk), ("news2_", data.news2))
    }
    error = (risk - data.event) ** 2

    def figures(weight: np.ndarray) -> dict[str, float]:
        counts = {name: one.counts(weight) for name, one in ranked.items()}
        areas = {f"{name}auroc": one.auroc() for name, one in counts.items()}
        areas |= {f"{name}auprc": one.auprc() for name, one in counts.items()}
        return areas | {"brier": float(np.average(error, weights=weight[person]))}

    counted = {
        "rows": len(risk),
        "patients": int(person.max()) + 1,
        "events": int(data.event.sum()),
    }
    how = f"{FOLDS} folds by patient, a row every {recipe.every} hours"
    about = {"prevalence": round(float(data.event.mean()), 4), "how": how}
    return counted | about | with_intervals(figures, counted["patients"], DRAWS)


def _golden(booster: lightgbm.Booster, x: np.ndarray) -> list[dict]:
    """Return rows made by code, never a patient's: medians, quartiles, and nothing known at all."""
    known = [column[~np.isnan(column)] for column in x.T]
    made = [
        np.array([np.quantile(c, q) if len(c) else np.nan for c in known]) for q in (0.1, 0.5, 0.9)
    ] + [np.full(x.shape[1], np.nan)]
    raw = booster.predict(np.array(made), raw_score=True, num_threads=1)
    clean = [[None if np.isnan(v) else float(v) for v in row] for row in made]
    return [{"row": row, "score": float(score)} for row, score in zip(clean, raw, strict=True)]
