"""Turns stays into a trained, calibrated model with its manifest: `vigil train`.

Rows are landmarks every six hours of the first 48; a row uses only what was known at its landmark, through the features of serving.
The outcome is death in hospital. Figures come from folds of patients that the fold's model has not seen.
"""

import hashlib
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import lightgbm
import numpy as np
from tqdm import tqdm

from models.assess import answerable, chart_news2
from models.features import LABS, feature_row, names, series
from models.offline.performance import (
    auprc,
    auroc,
    bootstrap,
    brier,
    logistic_line,
    threshold_at_ppv,
    threshold_at_sensitivity,
)
from models.offline.physionet2012 import ADMITTED, Stay
from models.vocabulary import vocabulary_sha256

LANDMARK_HOURS = range(6, 49, 6)
SEED, FOLDS, DRAWS = 20261121, 5, 200
TREES = 400
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.03, "num_leaves": 16, "max_depth": 5, "min_data_in_leaf": 120, "feature_fraction": 0.4,
    "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5.0, "max_bin": 127, "seed": SEED, "deterministic": True,
    "force_row_wise": True, "num_threads": 2, "verbosity": -1,
    "monotone_constraints_method": "intermediate",
}  # fmt: skip
# Where physiology leaves no doubt, a worse value never lowers the risk; on the out-of-fold rows this costs nothing (AUROC
# 0.835 with and without). What is dangerous at both ends, as a heart rate or a pH, is not bound.
RISING = ("age", "lactate", "bun", "creatinine", "bilirubin", "bun.over_creatinine", "heart_rate.high", "heart_rate.shock_index",
          "respiratory_rate.high", "fio2", "fio2.high")  # fmt: skip
FALLING = ("gcs", "gcs.low", "gcs.high", "spo2", "spo2.low", "spo2.over_fio2", "pao2.over_fio2", "systolic.low",
           "mean_pressure.low", "albumin")  # fmt: skip
# How the bands are cut: see `thresholds_chosen` in the manifest.
MEDIUM_SENSITIVITY, HIGH_PPV = 0.8, 0.5
THRESHOLDS_CHOSEN = (
    "medium finds 80 % of the out-of-fold rows that are followed by death in hospital; of the rows from high on, one in two is"
)
COMMAND = "vigil train --physionet-2012 FOLDER"
# Share of training rows that are shown a second time without laboratory values, so that vital signs alone get a fair risk.
WITHOUT_LABS = 0.3
# In 2012 a respiratory rate was charted only for those who breathe by themselves (28 % of rows; 7.6 % died, of all 14.0 %): to
# have one looked protective, even at 30. Shown again without it at this weight, having one says little; it costs 0.006 of AUROC.
WITHOUT_RATE = 2.0


@dataclass(frozen=True)
class Rows:
    """The training table; `x` is rows x features in the order of `names()`, NaN is missing."""

    x: np.ndarray
    died: np.ndarray
    patient: np.ndarray
    news2: np.ndarray


def rows(stays: Sequence[Stay]) -> Rows:
    """Build the landmarks of every stay; a landmark on which serving would give no number is left out."""
    x, died, patient, news = [], [], [], []
    for stay in tqdm(stays, desc="features", unit="stay"):
        readings = series(stay.chart)
        for hour in LANDMARK_HOURS:
            at = ADMITTED + timedelta(hours=hour)
            if answerable(stay.chart, readings, at)[0] != "scored":
                continue
            row = feature_row(stay.chart, readings, at)
            x.append([np.nan if row[name] is None else row[name] for name in names()])
            died.append(stay.died)
            patient.append(int(stay.record))
            news.append(chart_news2(stay.chart, readings, at).low)
    return Rows(np.array(x), np.array(died, bool), np.array(patient), np.array(news, float))


def fit(x: np.ndarray, died: np.ndarray) -> lightgbm.Booster:
    """Fit one model; some rows are shown again without laboratory values, those with a respiratory rate again without it."""
    again = np.random.default_rng(SEED).random(len(x)) < WITHOUT_LABS
    breathing = ~np.isnan(x[:, names().index("respiratory_rate")])
    shown = np.vstack([x, _without(x[again], LABS), _without(x[breathing], ("respiratory_rate",))])
    weight = np.repeat([1.0, 1.0, WITHOUT_RATE], [len(x), again.sum(), breathing.sum()])
    table = lightgbm.Dataset(shown, np.concatenate([died, died[again], died[breathing]]), weight=weight, feature_name=_plain_names())
    bounds = {"monotone_constraints": [(name in RISING) - (name in FALLING) for name in names()]}
    return lightgbm.train(PARAMETERS | bounds, table, num_boost_round=TREES)


def out_of_fold(data: Rows) -> np.ndarray:
    """Return the raw score of each row from a model that has not seen its patient."""
    patients = np.random.default_rng(SEED).permutation(np.unique(data.patient))
    scores = np.full(len(data.died), np.nan)
    for fold in tqdm(range(FOLDS), desc="folds", unit="fold"):
        held = np.isin(data.patient, patients[fold::FOLDS])
        scores[held] = fit(data.x[~held], data.died[~held]).predict(data.x[held], raw_score=True)
    return scores


def train(stays: Sequence[Stay], folder: Path, version: str, source: dict) -> dict:
    """Train, calibrate and write `<folder>/deterioration/<version>/`; return the manifest.

    `source` names the data and their hashes. Training twice on the same data gives the same file.
    """
    data = rows(stays)
    scores = out_of_fold(data)
    intercept, slope = logistic_line(scores, data.died)
    risk = 1 / (1 + np.exp(-(intercept + slope * scores)))
    booster = fit(data.x, data.died)
    text = booster.model_to_string()
    manifest = {
        "name": "deterioration",
        "version": version,
        "outcome": "death",
        "label": "death in hospital",
        "horizon": "during this hospital stay",
        "features": list(names()),
        "calibration": {"intercept": intercept, "slope": slope},
        "thresholds": _thresholds(risk, data),
        "thresholds_chosen": THRESHOLDS_CHOSEN,
        "model_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "vocabulary_sha256": vocabulary_sha256(),
        "code_version": _code_version(),
        "lightgbm": lightgbm.__version__,
        "parameters": PARAMETERS | {"trees": TREES, "rising": RISING, "falling": FALLING},
        "command": COMMAND,
        "source": source,
        "figures": _figures(risk, data),
        "golden": _golden(booster, data.x),
    }
    write(folder / "deterioration" / version, text, manifest)
    return manifest


def write(folder: Path, text: str, manifest: dict) -> None:
    """Write the files of a version, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("model.txt", text), ("manifest.json", json.dumps(manifest, indent=1) + "\n")):
        part = folder / f"{name}.part"
        part.write_text(content, "utf-8")
        part.replace(folder / name)


def _thresholds(risk: np.ndarray, data: Rows) -> dict[str, float]:
    medium = threshold_at_sensitivity(risk, data.died, MEDIUM_SENSITIVITY)
    return {"medium": round(medium, 4), "high": round(threshold_at_ppv(risk, data.died, HIGH_PPV), 4)}


def _figures(risk: np.ndarray, data: Rows) -> dict:
    """Return the figures of the model and of NEWS2 on the same out-of-fold rows."""

    def line(name: str, figure: Callable, score: np.ndarray) -> tuple[str, dict]:
        interval = bootstrap(figure, score, data.died, data.patient, DRAWS, SEED)
        return name, {"value": round(figure(score, data.died), 4), "interval": [round(v, 4) for v in interval]}

    figures = dict([line("auroc", auroc, risk), line("auprc", auprc, risk), line("brier", brier, risk),
                    line("news2_auroc", auroc, data.news2), line("news2_auprc", auprc, data.news2)])  # fmt: skip
    counts = {"rows": len(risk), "patients": len(np.unique(data.patient)), "events": int(data.died.sum())}
    how = f"{FOLDS} folds by patient, rows every six hours"
    return counts | {"prevalence": round(float(data.died.mean()), 4), "how": how} | figures


def _golden(booster: lightgbm.Booster, x: np.ndarray) -> list[dict]:
    """Return rows made by code, never a patient's: medians, quartiles, and nothing known at all."""
    made = [np.nanquantile(x, q, axis=0) for q in (0.1, 0.5, 0.9)] + [np.full(x.shape[1], np.nan)]
    scores = booster.predict(np.array(made), raw_score=True, num_threads=1)
    clean = [[None if np.isnan(v) else float(v) for v in row] for row in made]
    return [{"row": row, "score": float(score)} for row, score in zip(clean, scores, strict=True)]


def _without(x: np.ndarray, variables: Sequence[str]) -> np.ndarray:
    """Return a copy in which every feature of some variables is missing."""
    blank = x.copy()
    blank[:, [i for i, name in enumerate(names()) if name.partition(".")[0] in variables]] = np.nan
    return blank


def _plain_names() -> list[str]:
    return [name.replace(".", "_") for name in names()]


def _code_version() -> str:
    try:
        command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not available"
