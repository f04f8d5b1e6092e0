"""Turns risks at hour 48 into the official scores of the PhysioNet/CinC Challenge 2012.

Score 1 is the smaller of sensitivity and PPV of a yes or no; score 2 is the Hosmer-Lemeshow H over
tenths of rising risk, divided by the range of their mean risks (Silva et al., Computing in
Cardiology 39:245-248, 2012; the challenge's lemeshow.m 1.4).
"""

import numpy as np

from studies.validation.intervals import Figures, with_intervals
from studies.validation.landmarks import Landmarks
from studies.validation.ranking import Ranked

HOUR = 48
TENTHS = 10
NOTE = (
    "The threshold `best` was found on these very stays, so the score at it is optimistic; the "
    "others are the model's own. "
    "Drawing stays again adds to score 2 by chance alone; its interval is moved back by as much."
)


def score1(positive: np.ndarray, died: np.ndarray) -> float:
    """Return the smaller of sensitivity and positive predictive value; 0 when nobody dies or is
    predicted to.
    """
    return float(np.sum(positive & died) / max(positive.sum(), died.sum(), 1))


def score2(risk: np.ndarray, died: np.ndarray) -> float:
    """Return H over the range of the mean risks; tenths are of equal size, and what is left over
    above the last counts nowhere.
    """
    size = len(risk) // TENTHS
    if not size:
        return float("nan")
    order = np.argsort(risk, kind="stable")[: size * TENTHS].reshape(TENTHS, size)
    mean, deaths = risk[order].mean(axis=1), died[order].sum(axis=1)
    h = np.sum((deaths - size * mean) ** 2 / (size * mean * (1 - mean) + 0.001))
    spread = mean[-1] - mean[0]
    return float(h / spread) if spread else float("nan")


def challenge(
    rows: Landmarks, labels: list[tuple[bool, ...]], thresholds: dict[str, float], draws: int
) -> dict:
    """Return the official scores over all stays, from the last risk that could be given by hour 48.

    The challenge wants an answer for every stay: one without any number gets the mean risk of the
    others. A stay is a patient.
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
        found = {
            f"score1_at_{name}": score1(yes >= limit, truth) for name, limit in thresholds.items()
        }
        counts = Ranked(yes, truth).counts(np.ones(len(yes)))
        found |= {"score1_at_best": score1(yes >= best, truth), "score2": score2(yes, truth)}
        return found | {"auroc": counts.auroc(), "auprc": counts.auprc()}

    return {
        "name": "PhysioNet/CinC Challenge 2012, hour 48",
        "stays": len(risk),
        "stays_without_number": int(blank.sum()),
        "thresholds": thresholds | {"best": best},
        "note": NOTE,
        "figures": with_intervals(weighted, len(risk), draws),
    }


def _best(risk: np.ndarray, died: np.ndarray) -> float:
    counts = Ranked(risk, died).counts(np.ones(len(risk)))
    # Both have the same hits above them, so the smaller share is that of the greater whole.
    smaller = counts.hits / np.maximum(counts.hits + counts.alarms, died.sum())
    return float(counts.thresholds[int(np.argmax(smaller))])
