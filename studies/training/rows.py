"""Turns stays into the training table: a row a landmark, with the features of serving."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from tqdm import tqdm

from models.answerable import answerable
from models.patient.features import feature_row, names
from models.patient.news2 import chart_news2
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from studies.data.stays import Stay
from studies.training.recipes import Recipe


@dataclass(frozen=True)
class Rows:
    """The training table; `x` is rows x features in the order of `names()`, NaN is missing; `hour`
    counts from the start of the stay, `patient` is a running number.

    `left` is how many hours later the outcome is expected to happen, below 0 afterwards, infinite
    where it does not or nobody says when. `site` names the hospital, empty where it is not said.
    """

    x: np.ndarray
    event: np.ndarray
    patient: np.ndarray
    news2: np.ndarray
    hour: np.ndarray
    left: np.ndarray
    site: np.ndarray

    def weights(self, recipe: Recipe) -> np.ndarray:
        """Return how much each row counts: one before an event the more the sooner it happens."""
        soon = np.exp(-np.maximum(self.left, 0.0) / (24 * recipe.early_days))
        return np.where(self.event, 1 + recipe.early_weight * soon, 1.0)


def rows(stays: Iterable[Stay], recipe: Recipe) -> Rows:
    """Build the landmarks of every stay; a landmark on which serving would give no number is
    left out.
    """
    found, x = [], []
    people: dict[str, int] = {}
    for stay in tqdm(stays, desc=f"{recipe.name}: features", unit="stay"):
        readings, labels = series(stay.chart), stay.labels[recipe.outcome]
        number = people.setdefault(stay.chart.patient, len(people))
        expected = stay.expected.get(recipe.outcome, math.inf)
        for hour in range(recipe.first, min(recipe.last, len(labels)) + 1, recipe.every):
            snapshot = snapshot_at(readings, stay.start + timedelta(hours=hour))
            if answerable(snapshot)[0] != "scored":
                continue
            row = feature_row(snapshot)
            x.append(np.array([row[name] for name in names()], np.float64))
            score = chart_news2(snapshot).low
            found.append((labels[hour - 1], number, score, hour, expected - hour, stay.site))
    event, patient, news, hours, left, site = zip(*found, strict=True) if found else ((),) * 6
    return Rows(
        np.array(x),
        np.array(event, bool),
        np.array(patient, int),
        np.array(news, float),
        np.array(hours, int),
        np.array(left, float),
        np.array(site, object),
    )
