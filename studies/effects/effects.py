"""Turns a model's text and rows into Effects: what each variable adds to the log-odds, row by row,
and in which direction.

The values are shap.TreeExplainer's (TreeSHAP, Lundberg 2020), in log-odds before calibration; all
features of one variable are summed, as they are on the page of one patient.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import lightgbm
import numpy as np

from models.patient.features import variable_of
from models.patient.printing import printed_unit
from models.patient.vocabulary import VARIABLES

# label, unit and digits of what is no Observation
PERSON = {"age": ("age", "years", 0), "sex": ("sex", "", 0)}
RAISES, LOWERS = "a high value raises the risk", "a low value raises the risk"
ENDS, MIDDLE = "both ends raise the risk", "the middle raises the risk"
KNOWN, UNKNOWN = "having a value raises the risk", "having no value raises the risk"
UNCLEAR = "no clear direction"
OF_SEX = {RAISES: "male raises the risk", LOWERS: "female raises the risk"}
TENTHS = 10
# A bend of this share of the whole range counts as an end; a weaker rank correlation than this is
# no direction; where known and unknown differ by this many ranges, and neither is rare, what counts
# is that there is a value.
BEND, LEAST_CORRELATION, GAP, RARE, LEAST_ROWS = 0.3, 0.2, 2.0, 0.1, 30


@dataclass(frozen=True)
class Effect:
    """One variable in every row: `value` is its newest value (NaN is missing), `log_odds` the
    sum of its features' SHAP values.
    """

    name: str
    value: np.ndarray
    log_odds: np.ndarray

    @property
    def label(self) -> str:
        """Return the variable's name for people."""
        return PERSON[self.name][0] if self.name in PERSON else VARIABLES[self.name].label

    @property
    def unit(self) -> str:
        """Return the unit for people; empty for pH and sex."""
        if self.name in PERSON:
            return PERSON[self.name][1]
        return (
            "points"
            if VARIABLES[self.name].unit == "{score}"
            else printed_unit(VARIABLES[self.name])
        )

    @property
    def digits(self) -> int:
        """Return how many decimals the variable is printed with."""
        return PERSON[self.name][2] if self.name in PERSON else VARIABLES[self.name].digits

    @property
    def known(self) -> np.ndarray:
        """Return which rows have a value."""
        return ~np.isnan(self.value)

    @property
    def mean(self) -> float:
        """Return the mean absolute effect in log-odds."""
        return float(np.abs(self.log_odds).mean())

    @property
    def missing(self) -> float:
        """Return the share of rows without a value."""
        return float(1 - self.known.mean())

    @cached_property
    def course(self) -> list[tuple[float, float]]:
        """Return (median value, mean log-odds) of each tenth of the known values, lowest first;
        equal values stay together.
        """
        value, log_odds = self.value[self.known], self.log_odds[self.known]
        if not len(value):
            return []
        edges = np.unique(
            np.quantile(value, np.linspace(0, 1, TENTHS + 1)[1:-1], method="closest_observation")
        )
        tenth = np.searchsorted(edges, value, side="left")
        return [
            (float(np.median(value[tenth == i])), float(log_odds[tenth == i].mean()))
            for i in np.unique(tenth)
        ]

    @cached_property
    def direction(self) -> str:
        """Return what raises the risk: to have a value, by the shape of the course, else by the
        sign of the rank correlation.
        """
        known, steps = self.known, np.array([log_odds for _, log_odds in self.course])
        if known.sum() < LEAST_ROWS or np.ptp(self.log_odds) == 0:
            return UNCLEAR
        span = np.ptp(steps)
        gap = (
            self.log_odds[known].mean() - self.log_odds[~known].mean()
            if RARE < self.missing < 1 - RARE
            else 0.0
        )
        if abs(gap) > GAP * span:
            return KNOWN if gap > 0 else UNKNOWN
        ends = steps[[0, -1]]
        if (ends - steps.min() > BEND * span).all():
            return ENDS
        if (steps.max() - ends > BEND * span).all():
            return MIDDLE
        correlation = _rank_correlation(self.value[known], self.log_odds[known])
        return (
            UNCLEAR
            if abs(correlation) < LEAST_CORRELATION
            else RAISES
            if correlation > 0
            else LOWERS
        )

    @property
    def words(self) -> str:
        """Return the direction in words that fit the variable."""
        return OF_SEX.get(self.direction, self.direction) if self.name == "sex" else self.direction

    def row(self) -> dict:
        """Return the line of a table: log-odds on average, direction, share missing, and the
        effect at the ends where it is known.
        """
        low, high = (self.course[0], self.course[-1]) if self.course else (None, None)
        return {
            "name": self.name,
            "variable": self.label,
            "unit": self.unit,
            "mean_abs_shap": round(self.mean, 4),
            "direction": self.words,
            "missing": round(self.missing, 4),
            "lowest_tenth": _end(low, self.digits),
            "highest_tenth": _end(high, self.digits),
        }


def effects(
    text: str, features: Sequence[str], x: np.ndarray, newest: Mapping[str, np.ndarray]
) -> list[Effect]:
    """Return the effect of each variable on each row, the one that moves the risk most first.

    `x` is rows x features, NaN is missing; `newest` holds each variable's newest value in these
    rows. Raises ValueError when features, columns and model do
    not fit together, or there is no row.
    """
    booster = lightgbm.Booster(model_str=text)
    if not len(x) or not x.shape[1] == len(features) == booster.num_feature():
        raise ValueError(
            f"the model has {booster.num_feature()} features, {len(features)} are named, the "
            f"rows are {x.shape}"
        )
    with warnings.catch_warnings():
        # Said for every binary model of LightGBM; what comes back is still one array.
        warnings.filterwarnings(
            "ignore", "LightGBM binary classifier with TreeExplainer", UserWarning
        )
        values = np.asarray(shap().TreeExplainer(booster).shap_values(x))
    variables = [variable_of(name) for name in features]
    found = []
    for variable in dict.fromkeys(variables):
        columns = [i for i, name in enumerate(variables) if name == variable]
        found.append(Effect(variable, newest[variable], values[:, columns].sum(axis=1)))
    return sorted(found, key=lambda effect: (-effect.mean, effect.name))


def shap():
    """Return the shap library; imported late, for it takes seconds."""
    with warnings.catch_warnings():
        # shap's own colour maps use a call that matplotlib will drop.
        warnings.filterwarnings(
            "ignore", "The set_(bad|over|under) function", PendingDeprecationWarning
        )
        import shap
    return shap


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's correlation, 0 where one side does not vary."""
    from scipy.stats import rankdata

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def _end(point: tuple[float, float] | None, digits: int) -> dict | None:
    return (
        None
        if point is None
        else {"value": round(point[0], digits), "log_odds": round(point[1], 4)}
    )
