"""Turns training rows into the facts from which serving tells how sure a risk is: split conformal
intervals, and what was seen.

A model of eight tenths of the patients scores charts of the others with values hidden as other
charts lack them; a model of half those patients scores the full charts. The distance is what
missing values and another sample of patients change. Its quantile, by how much of the model's
evidence is missing, is half the interval's width (Vovk, Gammerman, Shafer, Algorithmic Learning in
a Random World, 2005: Mondrian conformal prediction). It is fitted on one of the two last tenths,
and its coverage is measured on the other.
"""

import math
from collections.abc import Callable

import numpy as np

from models.certainty import half_width
from models.patient.features import FEATURED, names, variable_of
from models.patient.printing import number
from models.patient.vocabulary import VARIABLES
from studies.boosting.fit import Fitted
from studies.training.thinning import HIDDEN, SPARSE, without

COVERAGE, SEEN = 0.9, 0.99
STEPS = 12
# Charts that lack no more than the median chart stand for full ones.
FULL = 0.5
HOW = (
    "half-width, as a raw score, by share of evidence missing: in 9 of 10 charts, full and "
    "thinned, the score of the full chart, by a model of half the patients, lay within; fitted on "
    "a tenth of the training patients, measured on another tenth"
)
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], Fitted]


def fit_certainty(
    x: np.ndarray,
    event: np.ndarray,
    weight: np.ndarray,
    patient: np.ndarray,
    fit: Fit,
    seed: int,
) -> dict:
    """Return the manifest's `certainty`: evidence by variable, half-widths, ranges seen, and
    their measured coverage.
    """
    random = np.random.default_rng(seed)
    tenths = np.array_split(random.permutation(np.unique(patient)), 10)

    def of(*chosen: int) -> np.ndarray:
        return np.isin(patient, np.concatenate([tenths[i] for i in chosen]))

    whole, half = (
        fit(x[rows], event[rows], weight[rows]) for rows in (of(*range(8)), of(*range(4)))
    )
    shares = evidence(whole, x[of(8, 9)])
    fitted, measured = (_distances(x[rows], whole, half, shares, random) for rows in (of(8), of(9)))
    widths = _widths(*fitted)
    within = np.array(
        [distance <= half_width(widths, gone) for gone, distance in zip(*measured, strict=True)]
    )
    seen, inside = _seen(x[~of(9)], x[of(9)])
    return {
        "coverage": COVERAGE,
        "evidence": shares,
        "widths": widths,
        "seen": seen,
        "how": HOW,
        "measured": {
            "rows": len(within),
            "coverage": round(float(within.mean()), 4),
            "inside_seen": round(inside, 4),
        },
    }


def evidence(model: Fitted, x: np.ndarray) -> dict[str, float]:
    """Return each variable's share of what the model goes by: its mean absolute contribution
    where it is known; together 1.
    """
    parts, owners = model.contributions(x), [variable_of(name) for name in model.features]
    weight = {}
    for variable in dict.fromkeys(owners):
        own = [place for place, owner in enumerate(owners) if owner == variable]
        known = ~np.isnan(x[:, names().index(variable)])
        weight[variable] = (
            float(np.abs(parts[known][:, own].sum(axis=1)).mean()) if known.any() else 0.0
        )
    total = sum(weight.values())
    return {variable: round(value / total, 5) for variable, value in weight.items() if value}


def lacking(x: np.ndarray, shares: dict[str, float]) -> np.ndarray:
    """Return the share of evidence that each row lacks."""
    places = [names().index(variable) for variable in shares]
    return np.isnan(x[:, places]) @ np.array(list(shares.values()))


def _distances(
    x: np.ndarray,
    whole: Fitted,
    half: Fitted,
    shares: dict[str, float],
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what thinned charts lack, and how far their scores lie from those of the full
    charts.
    """
    full = x[lacking(x, shares) <= np.quantile(lacking(x, shares), FULL)]
    like = x[random.integers(0, len(x), len(full))]
    thin = [
        full,
        np.where(np.isnan(like), np.nan, full),
        *(without(full, HIDDEN[part]) for part in SPARSE),
    ]
    truth = half.raw(full)
    gone = np.concatenate([lacking(rows, shares) for rows in thin])
    return gone, np.concatenate([np.abs(whole.raw(rows) - truth) for rows in thin])


def _widths(gone: np.ndarray, distance: np.ndarray) -> list[list[float]]:
    """Return (share missing up to, half-width) steps; what lacks more is never taken for surer."""
    edges = np.unique(np.quantile(gone, np.linspace(0, 1, STEPS + 1)[1:]))
    widths, before, widest = [], -1.0, 0.0
    for edge in edges:
        own = np.sort(distance[(gone > before) & (gone <= edge)])
        # Where charts lack one of few shares, edges may differ by rounding alone.
        if not len(own):
            continue
        rank = min(math.ceil((len(own) + 1) * COVERAGE), len(own)) - 1
        widest = max(widest, float(own[rank]))
        widths.append([round(float(edge), 4), round(widest, 4)])
        before = edge
    return widths


def _seen(fitted: np.ndarray, measured: np.ndarray) -> tuple[dict[str, list[float]], float]:
    """Return the range of each variable such that SEEN of the rows lie within all of them, and
    the share of other rows that do.
    """
    low, high = 0.0, 0.01
    for _ in range(20):
        tail = (low + high) / 2
        low, high = (tail, high) if _inside(_ranges(fitted, tail), fitted) >= SEEN else (low, tail)
    found = _ranges(fitted, low)
    return found, _inside(found, measured)


def _ranges(x: np.ndarray, tail: float) -> dict[str, list[float]]:
    found = {}
    for variable in FEATURED:
        values = x[:, names().index(variable)]
        if len(values := values[~np.isnan(values)]):
            found[variable] = [
                _rounded(variable, value) for value in np.quantile(values, (tail, 1 - tail))
            ]
    return found


def _rounded(variable: str, value: float) -> float:
    return float(number(VARIABLES[variable], float(value)))


def _inside(ranges: dict[str, list[float]], x: np.ndarray) -> float:
    outside = np.zeros(len(x), bool)
    for variable, (low, high) in ranges.items():
        values = x[:, names().index(variable)]
        outside |= (values < low) | (values > high)
    return float(1 - outside.mean())
