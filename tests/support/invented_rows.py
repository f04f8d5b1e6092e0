"""Invented landmarks for the tests of the figures: by hand for tiny examples, drawn at random
for comparisons.
"""

import numpy as np

from studies.validation.landmarks import CRITERIA, Landmarks


def log_odds(risk) -> np.ndarray:
    """Return the log-odds of risks."""
    risk = np.asarray(risk, float)
    return np.log(risk) - np.log1p(-risk)


def rows(stay, hour, risk, event, patient=None, groups=None, lacking=None, **scores) -> Landmarks:
    """Return landmarks; a criterion that is not given is 0, one given as a pair of lists is
    partial.
    """
    stay, count = np.array(stay, int), len(stay)
    ends = {name: np.array(scores.get(name, np.zeros(count)), float) for name in CRITERIA}
    low, high = (
        {name: end if end.ndim == 1 else end[place] for name, end in ends.items()}
        for place in (0, 1)
    )
    return Landmarks(
        stay=stay,
        patient=stay if patient is None else np.array(patient, int),
        hour=np.array(hour, int),
        log_odds=log_odds(risk),
        event=np.array(event, bool),
        low=low,
        high=high,
        groups={k: np.array(v, object) for k, v in (groups or {}).items()},
        indeterminate=np.zeros(count, bool),
        lacking=np.full(count, np.nan) if lacking is None else np.array(lacking, float),
    )


def invented(stays: int = 300, seed: int = 5) -> Landmarks:
    """Return stays of 1 to 12 rows, two a patient, with tied risks and scores that say something
    of the event.
    """
    random = np.random.default_rng(seed)
    size = random.integers(1, 13, stays)
    stay, ill = np.repeat(np.arange(stays), size), random.normal(0, 1, stays)
    hour = np.concatenate([np.arange(1, n + 1) for n in size])
    line = np.round(-1.5 + ill[stay] + random.normal(0, 0.5, len(stay)), 1)
    event = random.random(len(stay)) < 1 / (1 + np.exp(-line))
    scores = {
        name: np.clip(np.round(3 + 2 * ill[stay] + random.normal(0, 2, len(stay))), 0, 20)
        for name in CRITERIA
    }
    groups = {
        "sex": np.where(np.arange(stays) % 3, "female", "male")[stay],
        "unit": np.where(np.arange(stays) % 5, "ward", "rare")[stay],
    }
    return rows(stay, hour, 1 / (1 + np.exp(-line)), event, stay // 2, groups, **scores)


def literally(drawn: Landmarks, patients) -> np.ndarray:
    """Return the places of the rows of these patients, each as often as it was drawn."""
    return np.concatenate([np.flatnonzero(drawn.patient == one) for one in patients])


def weights(patients, count: int) -> np.ndarray:
    """Return how often each patient was drawn."""
    return np.bincount(patients, minlength=count).astype(float)
