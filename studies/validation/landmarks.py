"""Turns Stays into the rows of a validation: at each landmark the risk exactly as serving gives it,
beside NEWS2, qSOFA and SIRS.

A landmark on which serving gives no number is left out and counted by its status. Each row is
scored again as if parts of the chart were missing, which tells what a sparse chart costs.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import numpy as np
from tqdm import tqdm

from models.answerable import answerable
from models.certainty import certainty, lacking
from models.fitted.model import Model, sigmoid
from models.patient.features import feature_row, made_of
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from studies.data.stays import Stay
from studies.training.thinning import HIDDEN, SPARSE
from studies.validation import calibration
from studies.validation.criteria import criteria

CRITERIA = ("news2", "qsofa", "sirs")
BANDS = ((18, 44), (45, 64), (65, 79), (80, 125))
COLUMNS = (
    "stay", "hour", "log_odds", "event", "indeterminate", "lacking",
    *(f"{name} {end}" for name in CRITERIA for end in ("low", "high")),
    *(f"without {part}" for part in HIDDEN), *(f"within {part}" for part in SPARSE),
)  # fmt: skip
Row = dict[str, float | None]


@dataclass(frozen=True)
class Landmarks:
    """One row a landmark: `stay` and `patient` are running numbers from 0, `hour` counts from the
    start of the stay.

    `low` and `high` give by criterion what a partial score could be. `groups` has one value a row
    for each column. `indeterminate` says where serving gives no band. `lacking` is the share of the
    model's evidence that was missing. `without` gives the log-odds with a part of the chart hidden,
    and `within` whether the interval of that thinner chart holds the risk of the whole one. Both
    are NaN where the model gives no interval, `lacking` for a stay as a whole as well.
    """

    stay: np.ndarray
    patient: np.ndarray
    hour: np.ndarray
    log_odds: np.ndarray
    event: np.ndarray
    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    groups: dict[str, np.ndarray]
    indeterminate: np.ndarray
    lacking: np.ndarray
    without: dict[str, np.ndarray] = field(default_factory=dict)
    within: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def risk(self) -> np.ndarray:
        """Return the calibrated probabilities."""
        return calibration.sigmoid(self.log_odds)

    def of(self, chosen: np.ndarray) -> "Landmarks":
        """Return the rows at these places, patients numbered anew from 0."""
        patient = np.unique(self.patient[chosen], return_inverse=True)[1]
        low, high, groups, without, within = (
            {name: values[chosen] for name, values in part.items()}
            for part in (self.low, self.high, self.groups, self.without, self.within)
        )
        return Landmarks(
            self.stay[chosen],
            patient,
            self.hour[chosen],
            self.log_odds[chosen],
            self.event[chosen],
            low,
            high,
            groups,
            self.indeterminate[chosen],
            self.lacking[chosen],
            without,
            within,
        )

    def highest(self) -> "Landmarks":
        """Return one row a stay: its highest risk and scores, and whether any of its rows has
        the event.
        """
        _, first, place = np.unique(self.stay, return_index=True, return_inverse=True)

        def most(values: np.ndarray) -> np.ndarray:
            found = np.full(len(first), -np.inf)
            np.maximum.at(found, place, values)
            return found

        low, high = (
            {name: most(values) for name, values in part.items()} for part in (self.low, self.high)
        )
        groups = {name: values[first] for name, values in self.groups.items()}
        return Landmarks(
            self.stay[first],
            self.patient[first],
            self.hour[first],
            most(self.log_odds),
            most(self.event.astype(float)) > 0,
            low,
            high,
            groups,
            most(self.indeterminate.astype(float)) > 0,
            np.full(len(first), np.nan),
        )


@dataclass
class Cohort:
    """All landmarks of one model in the making, labels and age of every stay, and by reason what
    got no number and what was rejected.
    """

    model: Model
    rows: list[tuple] = field(default_factory=list)
    groups: list[dict[str, str]] = field(default_factory=list)
    labels: list[tuple[bool, ...]] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    ages: list[int | None] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    @cached_property
    def hidden(self) -> dict[str, list[int]]:
        """Return by part of a chart the places of the features that hang on it."""
        features = self.model.features
        return {
            part: [n for n, name in enumerate(features) if set(made_of(name)) & set(gone)]
            for part, gone in HIDDEN.items()
        }

    def landmarks(self) -> Landmarks:
        """Return the rows as columns; stays without any number have none."""
        table = np.array(self.rows, float).reshape(-1, len(COLUMNS))
        column = dict(zip(COLUMNS, table.T, strict=True))
        stay = column["stay"].astype(int)
        person = np.unique(self.patients, return_inverse=True)[1].astype(int)[stay]
        names = sorted({name for groups in self.groups for name in groups})
        by_stay = {
            name: np.array([groups.get(name, "unknown") for groups in self.groups], object)
            for name in names
        }

        def columns(form: str, parts: Iterable[str]) -> dict[str, np.ndarray]:
            return {part: column[form.format(part)] for part in parts}

        return Landmarks(
            stay,
            np.unique(person, return_inverse=True)[1],
            column["hour"].astype(int),
            column["log_odds"],
            column["event"] > 0,
            columns("{} low", CRITERIA),
            columns("{} high", CRITERIA),
            {name: values[stay] for name, values in by_stay.items()},
            column["indeterminate"] > 0,
            column["lacking"],
            columns("without {}", HIDDEN),
            columns("within {}", SPARSE),
        )


def collect(stays: Iterable[Stay], models: Sequence[Model], every: int) -> list[Cohort]:
    """Score each stay at every `every` hours by each model whose outcome it has; a model without
    any stay is left out.
    """
    cohorts = [Cohort(model) for model in models]
    for stay in tqdm(stays, desc="scoring", unit="stay"):
        for cohort in cohorts:
            if cohort.model.manifest["outcome"] in stay.labels:
                _score(cohort, stay, every)
    return [cohort for cohort in cohorts if cohort.labels]


def age_band(age: int | None) -> str:
    """Return the age band by which results are reported."""
    return next(
        (
            f"{low}-{high}" if high < 125 else f"{low}+"
            for low, high in BANDS
            if age is not None and low <= age <= high
        ),
        "unknown",
    )


def _score(cohort: Cohort, stay: Stay, every: int) -> None:
    model, number, readings = cohort.model, len(cohort.labels), series(stay.chart)
    labels = stay.labels[model.manifest["outcome"]]
    cohort.labels.append(labels)
    cohort.patients.append(stay.chart.patient)
    cohort.rejected.update(stay.chart.rejected)
    cohort.ages.append(stay.chart.age(stay.start))
    cohort.groups.append(stay.groups | {"age band": age_band(cohort.ages[-1])})
    for hour in range(every, len(labels) + 1, every):
        snapshot = snapshot_at(readings, stay.start + timedelta(hours=hour))
        status = answerable(snapshot)[0]
        if status != "scored":
            cohort.unanswered[status] += 1
            continue
        points = [end for score in criteria(snapshot).values() for end in (score.low, score.high)]
        log_odds, *sure = _risks(cohort, feature_row(snapshot))
        facts = (number, hour, log_odds, labels[hour - 1], *sure[:2])
        cohort.rows.append((*facts, *points, *sure[2:]))


def _risks(cohort: Cohort, row: Row) -> list[float]:
    """Return the log-odds, whether no band can be told, what share of the evidence is missing,
    the log-odds without each part, and whether their intervals hold the first.
    """
    model = cohort.model
    values = model.seen(row)
    raw = model.predictor.score(values)
    log_odds, sure = model.calibrated(raw), certainty(model, row, raw)
    without, within = [], []
    for part, places in cohort.hidden.items():
        thin = values.copy()
        for place in places:
            thin[place] = None
        less = model.predictor.score(thin)
        without.append(model.calibrated(less))
        if part in SPARSE:
            span = certainty(model, row | dict.fromkeys(HIDDEN[part]), less)
            within.append(
                float(span.low <= sigmoid(log_odds) <= span.high) if span else float("nan")
            )
    gone = lacking(model, sure) if sure else float("nan")
    return [log_odds, bool(sure and sure.indeterminate), gone, *without, *within]
