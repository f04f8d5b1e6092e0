"""Turns probabilities and outcomes into the figures that training and recalibration need:
discrimination, thresholds, intervals.
"""

from collections.abc import Mapping

import numpy as np

from studies.validation.intervals import with_intervals
from studies.validation.ranking import Ranked

# Bootstrap draws of the figures that training itself gives; a validation draws more.
DRAWS = 200


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


def areas(
    scores: Mapping[str, np.ndarray],
    outcome: np.ndarray,
    patient: np.ndarray,
    draws: int = DRAWS,
) -> dict[str, dict]:
    """Return the AUROC of each score with its 95 % interval, drawing whole patients with
    replacement.
    """
    person = np.unique(patient, return_inverse=True)[1]
    ranked = {name: Ranked(score, outcome, person) for name, score in scores.items()}

    def figures(weight: np.ndarray) -> dict[str, float]:
        return {name: one.counts(weight).auroc() for name, one in ranked.items()}

    return with_intervals(figures, int(person.max()) + 1, draws)
