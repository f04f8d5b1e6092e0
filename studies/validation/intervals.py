"""Turns a set of figures into figures with 95 % intervals, by drawing whole patients with
replacement.

A figure that sums up distances, such as a calibration error, is made greater by whatever chance
adds. A draw repeats patients, so that chance weighs twice in it, and nearly all draws may lie above
the value. Their quantiles are then no interval of it: such draws are moved until their median is
the value, and cut at 0, which no distance falls below.
"""

from collections.abc import Callable

import numpy as np

from studies.validation.calibration import DISTANCES

SEED = 20261121
# Fewer draws than this share that give a number, and there is no interval to speak of.
LEAST_SHARE = 0.5
# Those that chance only makes greater.
NOISY = frozenset({*DISTANCES, "score2"})

Figures = dict[str, float]


def with_intervals(
    figures: Callable[[np.ndarray], Figures], patients: int, draws: int, seed: int = SEED
) -> dict[str, dict]:
    """Return {name: {"value", "interval"}} of a function that maps the weight of each patient to
    figures.

    What is not estimable is None. All figures see the same draws, so that a difference among them
    has its own interval.
    """
    random = np.random.default_rng(seed)
    value = figures(np.ones(patients))
    drawn = [
        figures(
            np.bincount(random.integers(0, patients, patients), minlength=patients).astype(float)
        )
        for _ in range(draws)
    ]
    return {
        name: {
            "value": number(own),
            "interval": _interval(own, [draw[name] for draw in drawn], name in NOISY),
        }
        for name, own in value.items()
    }


def _interval(value: float, values: list[float], noisy: bool) -> list[float | None] | None:
    found = np.array(values, float)
    found = found[np.isfinite(found)]
    if not len(found) or len(found) < LEAST_SHARE * len(values):
        return None
    if noisy:
        found = np.maximum(found - np.median(found) + value, 0.0)
    return [number(v) for v in np.quantile(found, (0.025, 0.975))]


def number(value: float) -> float | None:
    """Return a figure to six significant digits for JSON; None when it is not finite."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
