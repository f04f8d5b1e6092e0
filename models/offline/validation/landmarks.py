"""Turns Stays into the rows of a validation: at each landmark the risk exactly as serving gives it, beside NEWS2, qSOFA and SIRS.

A landmark on which serving gives no number is left out and counted by its status.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from tqdm import tqdm

from models.assess import answerable
from models.features import feature_row, series
from models.model import Model
from models.offline.data.stays import Stay
from models.offline.validation.criteria import scores

CRITERIA = ("news2", "qsofa", "sirs")
BANDS = ((18, 44), (45, 64), (65, 79), (80, 125))


@dataclass(frozen=True)
class Landmarks:
    """One row a landmark: `stay` and `patient` are running numbers from 0, `hour` counts from the start of the stay.

    `low` and `high` give by criterion what a partial score could be. `groups` has one value a row for each column.
    """

    stay: np.ndarray
    patient: np.ndarray
    hour: np.ndarray
    log_odds: np.ndarray
    event: np.ndarray
    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    groups: dict[str, np.ndarray]

    @property
    def risk(self) -> np.ndarray:
        """Return the calibrated probabilities."""
        return 1 / (1 + np.exp(-self.log_odds))

    def of(self, chosen: np.ndarray) -> "Landmarks":
        """Return the rows at these places, patients numbered anew from 0."""
        patient = np.unique(self.patient[chosen], return_inverse=True)[1]
        low, high, groups = ({k: v[chosen] for k, v in part.items()} for part in (self.low, self.high, self.groups))
        return Landmarks(self.stay[chosen], patient, self.hour[chosen], self.log_odds[chosen], self.event[chosen], low, high, groups)

    def highest(self) -> "Landmarks":
        """Return one row a stay: its highest risk and scores, and whether any of its rows has the event."""
        _, first, place = np.unique(self.stay, return_index=True, return_inverse=True)

        def most(values: np.ndarray) -> np.ndarray:
            found = np.full(len(first), -np.inf)
            np.maximum.at(found, place, values)
            return found

        low, high = ({name: most(values) for name, values in part.items()} for part in (self.low, self.high))
        groups = {name: values[first] for name, values in self.groups.items()}
        event = most(self.event.astype(float)) > 0
        return Landmarks(self.stay[first], self.patient[first], self.hour[first], most(self.log_odds), event, low, high, groups)


@dataclass
class Cohort:
    """All landmarks of one model in the making, the labels of every stay, and the landmarks without a number by status."""

    model: Model
    rows: list[tuple] = field(default_factory=list)
    groups: list[dict[str, str]] = field(default_factory=list)
    labels: list[tuple[bool, ...]] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)

    def landmarks(self) -> Landmarks:
        """Return the rows as columns; stays without any number have none."""
        columns = list(zip(*self.rows, strict=True)) or [()] * 10
        stay = np.array(columns[0], int)
        numbers = {name: number for number, name in enumerate(dict.fromkeys(self.patients))}
        person = np.array([numbers[name] for name in self.patients], int)[stay]
        names = sorted({name for groups in self.groups for name in groups})
        by_stay = {name: np.array([groups.get(name, "unknown") for groups in self.groups], object) for name in names}
        pairs = {name: (np.array(columns[4 + 2 * n], float), np.array(columns[5 + 2 * n], float)) for n, name in enumerate(CRITERIA)}
        return Landmarks(
            stay, np.unique(person, return_inverse=True)[1], np.array(columns[1], int), np.array(columns[2], float),
            np.array(columns[3], bool), {k: v[0] for k, v in pairs.items()}, {k: v[1] for k, v in pairs.items()},
            {k: v[stay] for k, v in by_stay.items()},
        )  # fmt: skip


def collect(stays: Iterable[Stay], models: Sequence[Model], every: int) -> list[Cohort]:
    """Score each stay at every `every` hours by each model whose outcome it has; a model without any stay is left out."""
    cohorts = [Cohort(model) for model in models]
    for stay in tqdm(stays, desc="scoring", unit="stay"):
        for cohort in cohorts:
            if cohort.model.manifest["outcome"] in stay.labels:
                _score(cohort, stay, every)
    return [cohort for cohort in cohorts if cohort.labels]


def _score(cohort: Cohort, stay: Stay, every: int) -> None:
    model, number, readings = cohort.model, len(cohort.labels), series(stay.chart)
    labels = stay.labels[model.manifest["outcome"]]
    cohort.labels.append(labels)
    cohort.patients.append(stay.chart.patient)
    cohort.groups.append(stay.groups | {"age band": age_band(stay.chart.age(stay.start))})
    for hour in range(every, len(labels) + 1, every):
        at = stay.start + timedelta(hours=hour)
        status = answerable(stay.chart, readings, at)[0]
        if status != "scored":
            cohort.unanswered[status] += 1
            continue
        row = feature_row(stay.chart, readings, at)
        log_odds = model.calibrated(model.predictor.score([row[name] for name in model.features]))
        points = [end for score in scores(stay.chart, readings, at).values() for end in (score.low, score.high)]
        cohort.rows.append((number, hour, log_odds, labels[hour - 1], *points))


def age_band(age: int | None) -> str:
    """Return the age band by which results are reported."""
    return next((f"{low}-{high}" if high < 125 else f"{low}+" for low, high in BANDS if age is not None and low <= age <= high), "unknown")
