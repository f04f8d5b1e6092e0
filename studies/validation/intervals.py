"""Turns a set of figures into figures with 95 % intervals, by drawing whole patients with
replacement.
"""

from collections.abc import Callable

import numpy as np

SEED = 20261121
# Fewer draws than this share that give a number, and there is no interval to speak of.
LEAST_SHARE = 0.5

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
        name: {"value": number(value[name]), "interval": _interval([draw[name] for draw in drawn])}
        for name in value
    }


def _interval(values: list[float]) -> list[float | None] | None:
    found = np.array(values, float)
    found = found[np.isfinite(found)]
    if not len(found) or len(found) < LEAST_SHARE * len(values):
        return None
    return [number(v) for v in np.quantile(found, (0.025, 0.975))]


def number(value: float) -> float | None:
    """Return a figure to six significant digits for JSON; None when it is not finite."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
