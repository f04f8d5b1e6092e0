"""Turns hourly alarms into the official utility of the PhysioNet/CinC Challenge 2019 (Reyna et al.,
Crit Care Med 48(2):210-217, 2020).

An alarm earns up to 1 from 12 h before onset to 3 h after it, most at 6 h before; a miss costs up
to 2, a false alarm 0.05 an hour. The sum over all patients is normalised so that the best possible
alarms give 1 and none give 0.
"""

from collections.abc import Sequence

import numpy as np

from studies.validation.intervals import Figures, with_intervals
from studies.validation.landmarks import Landmarks
from studies.validation.ranking import share

EARLY, OPTIMAL, LATE = -12, -6, 3
HIT, MISS, FALSE_ALARM = 1.0, -2.0, -0.05


def utilities(labels: Sequence[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Return for each hour of a stay the utility of an alarm and of no alarm; labels begin six
    hours before onset.
    """
    hours = np.arange(len(labels))
    if not any(labels):
        return np.full(len(labels), FALSE_ALARM), np.zeros(len(labels))
    from_onset = hours - (int(np.argmax(labels)) - OPTIMAL)
    rising = np.maximum(HIT * (from_onset - EARLY) / (OPTIMAL - EARLY), FALSE_ALARM)
    falling = HIT * (LATE - from_onset) / (LATE - OPTIMAL)
    missing = MISS * (from_onset - OPTIMAL) / (LATE - OPTIMAL)
    alarm = np.where(from_onset <= OPTIMAL, rising, falling)
    silence = np.where(from_onset <= OPTIMAL, 0.0, missing)
    counted = from_onset <= LATE
    return np.where(counted, alarm, 0.0), np.where(counted, silence, 0.0)


def best_gain(labels: Sequence[bool]) -> float:
    """Return what the best alarms gain over none: alarms from 12 h before onset to 3 h after it."""
    if not any(labels):
        return 0.0
    onset = int(np.argmax(labels)) - OPTIMAL
    alarm, silence = utilities(labels)
    window = slice(max(0, onset + EARLY), onset + LATE + 1)
    return float((alarm - silence)[window].sum())


def challenge(
    rows: Landmarks, labels: list[tuple[bool, ...]], thresholds: dict[str, float], draws: int
) -> dict:
    """Return the normalised utility over all stays at the model's thresholds; an hour without a
    number has no alarm.

    Rows are hourly. A stay is a patient.
    """
    gains = [np.subtract(*utilities(label)) for label in labels]
    gain = np.array(
        [
            gains[stay][hour - 1]
            for stay, hour in zip(rows.stay.tolist(), rows.hour.tolist(), strict=True)
        ]
    )
    best = np.array([best_gain(label) for label in labels])
    limits = thresholds | {"best": best_threshold(rows.risk, gain)}
    earned = {
        name: np.bincount(rows.stay, gain * (rows.risk >= limit), len(labels))
        for name, limit in limits.items()
    }

    def weighted(stays: np.ndarray) -> Figures:
        return {
            f"utility_at_{name}": share(np.dot(stays, part), np.dot(stays, best))
            for name, part in earned.items()
        }

    return {
        "name": "PhysioNet/CinC Challenge 2019, normalised utility",
        "stays": len(labels),
        "thresholds": limits,
        "note": (
            "The threshold `best` was found on these very stays, so the utility at it is "
            "optimistic; the others are the model's own."
        ),
        "figures": with_intervals(weighted, len(labels), draws),
    }


def best_threshold(risk: np.ndarray, gain: np.ndarray) -> float:
    """Return the threshold with the greatest sum of gains at or above it."""
    order = np.argsort(-risk, kind="stable")
    last = np.flatnonzero(np.append(np.diff(risk[order]) != 0, True))
    return float(risk[order][last[int(np.argmax(np.cumsum(gain[order])[last]))]])
