"""Turns probabilities and outcomes into the figures that training and recalibration need:
discrimination, thresholds, intervals.
"""

import numpy as np

from studies.validation.ranking import Ranked


def auroc(score: np.ndarray, outcome: np.ndarray) -> float:
    """Return the area under the ROC curve; ties count half. NaN when only one class is there."""
    return Ranked(score, outcome).counts(np.ones(len(score))).auroc()


def auprc(score: np.ndarray, outcome: np.ndarray) -> float:
    """Return the average precision over distinct thresholds; NaN without events."""
    return Ranked(score, outcome).counts(np.ones(len(score))).auprc()


def brier(probability: np.ndarray, outcome: np.ndarray) -> float:
    """Return the mean squared error of the probabilities."""
    return float(np.mean((probability - outcome) ** 2))


def threshold_at_sensitivity(
    probability: np.ndarray, outcome: np.ndarray, sensitivity: float
) -> float:
    """Return the highest threshold that still finds this share of the events."""
    return float(np.quantile(probability[outcome], 1 - sensitivity, method="lower"))


def threshold_at_break_even(probability: np.ndarray, outcome: np.ndarray) -> float:
    """Return the threshold at which the smaller of sensitivity and positive predictive value is
    greatest: there they are equal.
    """
    counts = Ranked(probability, outcome).counts(np.ones(len(probability)))
    smaller = np.minimum(counts.hits / counts.events, counts.hits / (counts.hits + counts.alarms))
    return float(counts.thresholds[int(np.argmax(smaller))])


def bootstrap(
    figure, score: np.ndarray, outcome: np.ndarray, groups: np.ndarray, draws: int, seed: int
) -> list[float]:
    """Return the 95 % interval of a figure, drawing whole patients with replacement."""
    random = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(groups[order]) != 0))
    members = np.split(order, starts[1:])
    values = []
    for _ in range(draws):
        rows = np.concatenate([members[i] for i in random.integers(0, len(members), len(members))])
        values.append(figure(score[rows], outcome[rows]))
    return [float(np.quantile(values, q)) for q in (0.025, 0.975)]
