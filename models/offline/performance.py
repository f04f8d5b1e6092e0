"""Turns probabilities and outcomes into the figures of a validation: discrimination and calibration."""

import numpy as np
from scipy.optimize import minimize


def auroc(score: np.ndarray, outcome: np.ndarray) -> float:
    """Return the area under the ROC curve; ties count half. NaN when only one class is there."""
    positives, negatives = outcome.sum(), (~outcome).sum()
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[outcome].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def auprc(score: np.ndarray, outcome: np.ndarray) -> float:
    """Return the average precision over distinct thresholds."""
    order = np.argsort(-score, kind="stable")
    ordered, hits = score[order], np.cumsum(outcome[order])
    last = np.append(np.diff(ordered) != 0, True)
    recall, precision = hits[last] / outcome.sum(), hits[last] / (np.flatnonzero(last) + 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def brier(probability: np.ndarray, outcome: np.ndarray) -> float:
    """Return the mean squared error of the probabilities."""
    return float(np.mean((probability - outcome) ** 2))


def logistic_line(score: np.ndarray, outcome: np.ndarray) -> tuple[float, float]:
    """Return intercept and slope of logit P(outcome) = intercept + slope * score, by maximum likelihood."""

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        eta = line[0] + line[1] * score
        residual = 1 / (1 + np.exp(-eta)) - outcome
        return float(np.mean(np.logaddexp(0, eta) - outcome * eta)), np.array([residual.mean(), (residual * score).mean()])

    found = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS", options={"gtol": 1e-8})
    return float(found.x[0]), float(found.x[1])


def threshold_at_sensitivity(probability: np.ndarray, outcome: np.ndarray, sensitivity: float) -> float:
    """Return the highest threshold that still finds this share of the events."""
    return float(np.quantile(probability[outcome], 1 - sensitivity, method="lower"))


def threshold_at_ppv(probability: np.ndarray, outcome: np.ndarray, ppv: float, least: int = 100) -> float:
    """Return the lowest threshold from which on at least this share of the alerts are events.

    The share is taken over all rows at or above the threshold, of which there have to be `least`.
    Raises ValueError when no threshold reaches it.
    """
    order = np.argsort(-probability, kind="stable")
    share = np.cumsum(outcome[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero((share >= ppv) & (np.arange(len(order)) >= least))
    if not len(reached):
        raise ValueError(f"No threshold reaches a positive predictive value of {ppv}.")
    return float(probability[order][reached[-1]])


def bootstrap(figure, score: np.ndarray, outcome: np.ndarray, groups: np.ndarray, draws: int, seed: int) -> list[float]:
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
