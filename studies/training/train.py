"""Turns stays and a Recipe into a trained, calibrated model with its manifest: `vigil train`.

A row uses only what was known at its landmark, through the features of serving. Figures come from
folds of patients that the fold's model has not seen.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import lightgbm
import numpy as np
from tqdm import tqdm

from models.answerable import answerable
from models.fitted.whole import write_whole
from models.patient.features import feature_row, names
from models.patient.news2 import chart_news2
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.patient.vocabulary import vocabulary_sha256
from studies.data import split
from studies.data.stays import DataError, Stay
from studies.training.calibrate import curve, risks
from studies.training.effect_plots import draw
from studies.training.fit_certainty import fit_certainty
from studies.training.leak import leak
from studies.training.performance import (
    auprc,
    auroc,
    bootstrap,
    brier,
    threshold_at_break_even,
    threshold_at_sensitivity,
)
from studies.training.recipes import Recipe
from studies.training.thinning import shown
from studies.version import code_version

SEED, FOLDS, DRAWS = 20261121, 5, 200
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.03, "num_leaves": 16, "max_depth": 5,
    "min_data_in_leaf": 300, "feature_fraction": 0.4, "bagging_fraction": 0.5, "bagging_freq": 1,
    "lambda_l2": 20.0, "max_bin": 127, "seed": SEED, "deterministic": True, "force_row_wise": True,
    "num_threads": 2, "verbosity": -1, "monotone_constraints_method": "intermediate",
}  # fmt: skip
# Where physiology leaves no doubt, a worse value never lowers the risk; trained on 2012 a and tried
# on b, this costs 0.001 of AUROC (0.839 against 0.840). What is dangerous at both ends, as a heart
# rate or a pH, is not bound.
RISING = (
    "age", "lactate", "bun", "creatinine", "bilirubin", "bun.over_creatinine", "heart_rate.high48",
    "heart_rate.shock_index", "respiratory_rate.high48", "fio2", "fio2.high48",
)  # fmt: skip
FALLING = (
    "gcs", "gcs.low48", "gcs.high48", "spo2", "spo2.low48", "spo2.over_fio2", "pao2.over_fio2",
    "systolic.low48", "mean_pressure.low48", "albumin",
)  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """The training table; `x` is rows x features in the order of `names()`, NaN is missing; `hour`
    counts from the start of the stay, `patient` is a running number.
    """

    x: np.ndarray
    event: np.ndarray
    patient: np.ndarray
    news2: np.ndarray
    hour: np.ndarray


def rows(stays: Iterable[Stay], recipe: Recipe) -> Rows:
    """Build the landmarks of every stay; a landmark on which serving would give no number is
    left out.
    """
    x, event, patient, news, hours = [], [], [], [], []
    people: dict[str, int] = {}
    for stay in tqdm(stays, desc=f"{recipe.name}: features", unit="stay"):
        readings, labels = series(stay.chart), stay.labels[recipe.outcome]
        number = people.setdefault(stay.chart.patient, len(people))
        for hour in range(recipe.first, min(recipe.last, len(labels)) + 1, recipe.every):
            snapshot = snapshot_at(readings, stay.start + timedelta(hours=hour))
            if answerable(snapshot)[0] != "scored":
                continue
            row = feature_row(snapshot)
            x.append(np.array([row[name] for name in names()], np.float64))
            event.append(labels[hour - 1])
            patient.append(number)
            news.append(chart_news2(snapshot).low)
            hours.append(hour)
    return Rows(
        np.array(x),
        np.array(event, bool),
        np.array(patient, int),
        np.array(news, float),
        np.array(hours, int),
    )


def fit(x: np.ndarray, event: np.ndarray, recipe: Recipe) -> lightgbm.Booster:
    """Fit one model, on full and on thinned rows."""
    rows, events, weights = shown(x, event, recipe.shown_again, SEED)
    table = lightgbm.Dataset(rows, events, weight=weights, feature_name=_plain_names())
    bounds = {"monotone_constraints": [(name in RISING) - (name in FALLING) for name in names()]}
    return lightgbm.train(PARAMETERS | bounds, table, num_boost_round=recipe.trees)


def out_of_fold(data: Rows, recipe: Recipe) -> np.ndarray:
    """Return the raw score of each row from a model that has not seen its patient."""
    patients = np.random.default_rng(SEED).permutation(np.unique(data.patient))
    raw = np.full(len(data.event), np.nan)
    for fold in tqdm(range(FOLDS), desc=f"{recipe.name}: folds", unit="fold"):
        held = np.isin(data.patient, patients[fold::FOLDS])
        raw[held] = fit(data.x[~held], data.event[~held], recipe).predict(
            data.x[held], raw_score=True
        )
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
    raw = out_of_fold(data, recipe)
    calibration = curve(raw, data.event)
    risk = risks(calibration, raw)
    booster = fit(data.x, data.event, recipe)
    text = booster.model_to_string()
    manifest = {
        "name": recipe.name,
        "version": version,
        "outcome": recipe.outcome,
        "label": recipe.label,
        "horizon": recipe.horizon,
        "features": list(names()),
        "calibration": calibration,
        "thresholds": _thresholds(risk, data, recipe),
        "thresholds_chosen": recipe.thresholds_chosen,
        "certainty": fit_certainty(
            data.x, data.event, data.patient, partial(fit, recipe=recipe), SEED
        ),
        "model_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "vocabulary_sha256": vocabulary_sha256(),
        "code_version": code_version(),
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "lightgbm": lightgbm.__version__,
        "parameters": PARAMETERS | {"trees": recipe.trees, "rising": RISING, "falling": FALLING},
        "command": recipe.command,
        "source": source,
        "held_out": split.RULE if hold_out else None,
        "figures": _figures(risk, data, recipe),
        "leak": leak(data.x, data.event, data.hour, data.patient, SEED),
        "golden": _golden(booster, data.x),
    }
    write(folder / recipe.name / version, text, manifest)
    draw(text, names(), data.x, folder / recipe.name / version)
    return manifest


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


def _thresholds(risk: np.ndarray, data: Rows, recipe: Recipe) -> dict[str, float]:
    medium = threshold_at_sensitivity(risk, data.event, recipe.medium_sensitivity)
    return {"medium": round(medium, 4), "high": round(threshold_at_break_even(risk, data.event), 4)}


def _figures(risk: np.ndarray, data: Rows, recipe: Recipe) -> dict:
    """Return the figures of the model and of NEWS2 on the same out-of-fold rows."""

    def line(name: str, figure: Callable, score: np.ndarray) -> tuple[str, dict]:
        interval = bootstrap(figure, score, data.event, data.patient, DRAWS, SEED)
        return name, {
            "value": round(figure(score, data.event), 4),
            "interval": [round(v, 4) for v in interval],
        }

    figures = dict(
        [
            line("auroc", auroc, risk),
            line("auprc", auprc, risk),
            line("brier", brier, risk),
            line("news2_auroc", auroc, data.news2),
            line("news2_auprc", auprc, data.news2),
        ]
    )
    counts = {
        "rows": len(risk),
        "patients": len(np.unique(data.patient)),
        "events": int(data.event.sum()),
    }
    how = f"{FOLDS} folds by patient, a row every {recipe.every} hours"
    return counts | {"prevalence": round(float(data.event.mean()), 4), "how": how} | figures


def _golden(booster: lightgbm.Booster, x: np.ndarray) -> list[dict]:
    """Return rows made by code, never a patient's: medians, quartiles, and nothing known at all."""
    known = [column[~np.isnan(column)] for column in x.T]
    made = [
        np.array([np.quantile(c, q) if len(c) else np.nan for c in known]) for q in (0.1, 0.5, 0.9)
    ] + [np.full(x.shape[1], np.nan)]
    raw = booster.predict(np.array(made), raw_score=True, num_threads=1)
    clean = [[None if np.isnan(v) else float(v) for v in row] for row in made]
    return [{"row": row, "score": float(score)} for row, score in zip(clean, raw, strict=True)]


def _plain_names() -> list[str]:
    return [name.replace(".", "_") for name in names()]
