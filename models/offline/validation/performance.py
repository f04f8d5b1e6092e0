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


class Ranked:
    """Scores in falling order, so that with any weights all thresholds are counted in one pass: what makes a bootstrap quick."""

    def __init__(self, score: np.ndarray, outcome: np.ndarray) -> None:
        self.order = np.argsort(-score, kind="stable")
        ordered = score[self.order]
        self._last = np.flatnonzero(np.append(np.diff(ordered) != 0, True)) if len(score) else np.array([], int)
        self.thresholds = ordered[self._last]
        self._event = outcome[self.order].astype(float)

    def counts(self, weight: np.ndarray) -> "Counts":
        """Return the weighted true and false positives at or above each distinct score."""
        ordered = weight[self.order]
        hits = np.cumsum(ordered * self._event)[self._last]
        return Counts(self.thresholds, hits, np.cumsum(ordered)[self._last] - hits)


class Counts:
    """True and false positives at or above each of the falling thresholds; the last ones are all events and all others."""

    def __init__(self, thresholds: np.ndarray, hits: np.ndarray, alarms: np.ndarray) -> None:
        self.thresholds, self.hits, self.alarms = thresholds, hits, alarms
        self.events, self.others = (float(hits[-1]), float(alarms[-1])) if len(hits) else (0.0, 0.0)

    def auroc(self) -> float:
        """Return the area under the ROC curve; ties count half. NaN when only one class is there."""
        if not self.events or not self.others:
            return float("nan")
        before = np.append(0.0, self.hits[:-1])
        return float(np.sum(np.diff(self.alarms, prepend=0.0) * (self.hits + before)) / 2 / self.events / self.others)

    def auprc(self) -> float:
        """Return the average precision over distinct thresholds; NaN without events."""
        if not self.events:
            return float("nan")
        precision = self.hits / np.maximum(self.hits + self.alarms, 1e-300)
        return float(np.sum(np.diff(self.hits, prepend=0.0) * precision) / self.events)

    def at(self, threshold: float) -> tuple[float, float]:
        """Return the true and false positives among scores at or above a threshold."""
        place = int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1
        return (float(self.hits[place]), float(self.alarms[place])) if place >= 0 else (0.0, 0.0)

    def at_sensitivity(self, sensitivity: float) -> float:
        """Return the highest threshold that still finds this share of the events; NaN without events."""
        enough = np.flatnonzero(self.hits >= sensitivity * self.events * (1 - 1e-12))
        return float(self.thresholds[enough[0]]) if self.events and len(enough) else float("nan")

    def at_specificity(self, specificity: float) -> float:
        """Return the lowest threshold that still spares this share of the others; NaN when none does."""
        spared = np.flatnonzero(self.others - self.alarms >= specificity * self.others * (1 - 1e-12))
        return float(self.thresholds[spared[-1]]) if self.others and len(spared) else float("nan")


def working(counts: Counts, threshold: float) -> dict[str, float]:
    """Return sensitivity, specificity, PPV, NPV and NNE (1 / PPV) at a threshold; NaN where there is nothing to divide by."""
    hits, alarms = (float("nan"),) * 2 if np.isnan(threshold) else counts.at(threshold)
    missed, spared = counts.events - hits, counts.others - alarms
    return {
        "sensitivity": share(hits, counts.events), "specificity": share(spared, counts.others), "ppv": share(hits, hits + alarms),
        "npv": share(spared, spared + missed), "nne": share(hits + alarms, hits),
    }  # fmt: skip


def net_benefit(counts: Counts, threshold: float, odds_at: float) -> float:
    """Return TP/n - FP/n x t/(1-t) for alerts at or above `threshold`, weighed at the risk t = `odds_at`."""
    hits, alarms = counts.at(threshold)
    return share(hits - alarms * odds_at / (1 - odds_at), counts.events + counts.others)


def share(part: float, whole: float) -> float:
    """Return part / whole, NaN when the whole is nothing."""
    return float(part / whole) if whole else float("nan")
