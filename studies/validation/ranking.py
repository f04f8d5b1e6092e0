"""Turns scores and outcomes into counts of true and false positives at every threshold, and these
into figures (governance part 3).

A ranking is made once and counted for many weights of the patients: what makes a bootstrap quick.
"""

import numpy as np


class Ranked:
    """Scores in falling order, so that all thresholds are counted in one pass.

    `patient` is the running number of whom each row belongs to; without it each row is weighed by
    itself.
    """

    def __init__(
        self, score: np.ndarray, outcome: np.ndarray, patient: np.ndarray | None = None
    ) -> None:
        order = np.argsort(-score, kind="stable")
        ordered = score[order]
        self._last = (
            np.flatnonzero(np.append(np.diff(ordered) != 0, True))
            if len(score)
            else np.array([], int)
        )
        self._thresholds, self._event = ordered[self._last], outcome[order].astype(float)
        self._patient = order if patient is None else patient[order]

    def counts(self, weight: np.ndarray) -> "Counts":
        """Return the weighted true and false positives at or above each distinct score."""
        ordered = weight[self._patient]
        hits = np.cumsum(ordered * self._event)[self._last]
        return Counts(self._thresholds, hits, np.cumsum(ordered)[self._last] - hits)


class Tallied:
    """The same for a score of few values, which are counted for each patient beforehand."""

    def __init__(self, score: np.ndarray, outcome: np.ndarray, patient: np.ndarray) -> None:
        values, rank = np.unique(-score, return_inverse=True)
        shape = int(patient.max(initial=-1)) + 1, len(values)
        place = patient * len(values) + rank
        self._thresholds = -values
        self._hits, self._alarms = (
            np.bincount(place[chosen], minlength=shape[0] * shape[1]).reshape(shape).astype(float)
            for chosen in (outcome, ~outcome)
        )

    def counts(self, weight: np.ndarray) -> "Counts":
        """Return the weighted true and false positives at or above each distinct score."""
        return Counts(
            self._thresholds, np.cumsum(weight @ self._hits), np.cumsum(weight @ self._alarms)
        )


class Counts:
    """True and false positives at or above each of the falling thresholds; the last ones are all
    events and all others.
    """

    def __init__(self, thresholds: np.ndarray, hits: np.ndarray, alarms: np.ndarray) -> None:
        self.thresholds, self.hits, self.alarms = thresholds, hits, alarms
        self.events, self.others = (float(hits[-1]), float(alarms[-1])) if len(hits) else (0.0, 0.0)

    def auroc(self) -> float:
        """Return the area under the ROC curve; ties count half. NaN when only one class is
        there.
        """
        if not self.events or not self.others:
            return float("nan")
        before = np.append(0.0, self.hits[:-1])
        return float(
            np.dot(np.diff(self.alarms, prepend=0.0), self.hits + before)
            / 2
            / self.events
            / self.others
        )

    def auprc(self) -> float:
        """Return the average precision over distinct thresholds; NaN without events."""
        if not self.events:
            return float("nan")
        # Thresholds above the first row of any weight have no alarm at all, and no hit either.
        precision = self.hits / np.maximum(self.hits + self.alarms, 1e-300)
        return float(np.dot(np.diff(self.hits, prepend=0.0), precision) / self.events)

    def at(self, threshold: float) -> tuple[float, float]:
        """Return the true and false positives among scores at or above a threshold."""
        place = (
            len(self.thresholds)
            - int(np.searchsorted(self.thresholds[::-1], threshold, side="left"))
            - 1
        )
        return (float(self.hits[place]), float(self.alarms[place])) if place >= 0 else (0.0, 0.0)

    def at_sensitivity(self, sensitivity: float) -> float:
        """Return the highest threshold that still finds this share of the events; NaN without
        events.
        """
        enough = np.flatnonzero(self.hits >= sensitivity * self.events * (1 - 1e-12))
        return float(self.thresholds[enough[0]]) if self.events and len(enough) else float("nan")

    def sensitivity_at_share(self, alerted: float) -> float:
        """Return the sensitivity where this share of all rows is alerted; between two thresholds
        on the straight line that joins them, as in a ROC curve. NaN without events.
        """
        if not self.events:
            return float("nan")
        marked = np.append(0.0, self.hits + self.alarms)
        wanted = alerted * (self.events + self.others)
        return float(np.interp(wanted, marked, np.append(0.0, self.hits)) / self.events)

    def at_specificity(self, specificity: float) -> float:
        """Return the lowest threshold that still spares this share of the others; NaN when none
        does.
        """
        spared = np.flatnonzero(
            self.others - self.alarms >= specificity * self.others * (1 - 1e-12)
        )
        return float(self.thresholds[spared[-1]]) if self.others and len(spared) else float("nan")


def working(counts: Counts, threshold: float) -> dict[str, float]:
    """Return sensitivity, specificity, PPV, NPV and NNE (1 / PPV) at a threshold; NaN where
    there is nothing to divide by.
    """
    hits, alarms = (float("nan"),) * 2 if np.isnan(threshold) else counts.at(threshold)
    missed, spared = counts.events - hits, counts.others - alarms
    return {
        "sensitivity": share(hits, counts.events),
        "specificity": share(spared, counts.others),
        "ppv": share(hits, hits + alarms),
        "npv": share(spared, spared + missed),
        "nne": share(hits + alarms, hits),
    }


def net_benefit(counts: Counts, threshold: float, risk: float) -> float:
    """Return TP/n - FP/n x t/(1-t) for alerts at or above `threshold`, weighed at t = `risk`."""
    hits, alarms = counts.at(threshold)
    return share(hits - alarms * risk / (1 - risk), counts.events + counts.others)


def share(part: float, whole: float) -> float:
    """Return part / whole, NaN when the whole is nothing."""
    return float(part / whole) if whole else float("nan")
