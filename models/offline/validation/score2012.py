"""Turns risks at hour 48 into the official scores of the PhysioNet/CinC Challenge 2012.

Score 1 is the smaller of sensitivity and PPV of a yes or no; score 2 is the Hosmer-Lemeshow H over tenths of rising risk, divided by
the range of their mean risks (Silva et al., Computing in Cardiology 39:245-248, 2012).
"""

import numpy as np

from models.offline.validation.intervals import Figures, with_intervals
from models.offline.validation.landmarks import Landmarks
from models.offline.validation.performance import Ranked, working

HOUR = 48
TENTHS = 10


def score1(positive: np.ndarray, died: np.ndarray) -> float:
    """Return the smaller of sensitivity and positive predictive value; 0 when nobody is predicted to die."""
    hits = float(np.sum(positive & died))
    return min(hits / died.sum(), hits / positive.sum()) if positive.any() and died.any() else 0.0


def score2(risk: np.ndarray, died: np.ndarray) -> float:
    """Return H over the range of the mean risks; tenths are of equal size, and what is left over above the last counts nowhere."""
    size = len(risk) // TENTHS
    if not size:
        return float("nan")
    order = np.argsort(risk, kind="stable")[: size * TENTHS].reshape(TENTHS, size)
    mean, deaths = risk[order].mean(axis=1), died[order].sum(axis=1)
    h = np.sum((deaths - size * mean) ** 2 / (size * mean * (1 - mean) + 0.001))
    spread = mean[-1] - mean[0]
    return float(h / spread) if spread else float("nan")


def challenge(rows: Landmarks, labels: list[tuple[bool, ...]], thresholds: dict[str, float], draws: int) -> dict:
    """Return the official scores over all stays, from the last risk that could be given by hour 48.

    The challenge wants an answer for every stay: one without any number gets the mean risk of the others, and "survives".
    """
    risk, died = np.full(len(labels), np.nan), np.array([label[0] for label in labels])
    in_time = rows.hour <= HOUR
    # Rows of a stay come in order of hour, so the last assignment is the newest.
    risk[rows.stay[in_time]] = rows.risk[in_time]
    blank = np.isnan(risk)
    risk[blank] = float(np.nanmean(risk))
    best = _best(risk, died)

    def weighted(stays: np.ndarray) -> Figures:
        drawn = np.repeat(np.arange(len(risk)), stays.astype(int))
        yes, truth = risk[drawn], died[drawn]
        found = {f"score1_at_{name}": score1(yes >= limit, truth) for name, limit in thresholds.items()}
        counts = Ranked(yes, truth).counts(np.ones(len(yes)))
        found |= {"score1_at_best": score1(yes >= best, truth), "score2": score2(yes, truth)}
        return found | {"auroc": counts.auroc(), "auprc": counts.auprc()}

    return {
        "name": "PhysioNet/CinC Challenge 2012, hour 48", "stays": len(risk), "stays_without_number": int(blank.sum()),
        "thresholds": thresholds | {"best": best},
        "note": "The threshold `best` was found on these very stays, so the score at it is optimistic; the others are the model's own.",
        "figures": with_intervals(weighted, len(risk), draws),
    }  # fmt: skip


def _best(risk: np.ndarray, died: np.ndarray) -> float:
    counts = Ranked(risk, died).counts(np.ones(len(risk)))
    smaller = [min(found["sensitivity"], found["ppv"]) for found in (working(counts, t) for t in counts.thresholds.tolist())]
    return float(counts.thresholds[int(np.nanargmax(smaller))])
