"""Reads the population behind a validation, and finds in it where one risk stands and what became
of those with a like risk (written by studies/validation/population.py).
"""

import math
from bisect import bisect_right
from typing import Any

import msgspec

from models.fitted.booster import ModelError

# Fewer patients than this tell nothing of how often something happens.
LEAST = 20
# The normal quantile of a 95 % interval.
WIDE = 1.959964


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a validation and how many of them have the outcome; `effective` is what they are
    worth if all rows of a patient say the same, `risk` their mean risk.
    """

    rows: int
    events: int
    patients: int
    effective: float
    risk: float

    @property
    def told(self) -> bool:
        """Tell whether they are of enough patients to say how often the outcome was."""
        return self.patients >= LEAST

    @property
    def share(self) -> float:
        """Return how often the outcome was, from 0 to 1; only where that can be told."""
        return self.events / self.rows

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the share by Wilson's score, on the effective size."""
        return wilson(self.share, self.effective)


class Bin(Counted, frozen=True, kw_only=True, rename={"low": "from", "high": "to"}):
    """The rows with a risk from `low` up to `high`; `lacking` counts them by how much of the
    model's evidence was missing.
    """

    low: float
    high: float
    lacking: tuple[Counted, ...] = ()


class Population(msgspec.Struct, frozen=True):
    """The risks of a validation: percentiles of all rows and of each stay's highest, and bins of
    rising risk. `lacking` are the limits between grades of missing evidence, as shares; `setting`
    is where the patients lay, None where the data do not say it.
    """

    percentiles: tuple[float, ...]
    highest: tuple[float, ...]
    bins: tuple[Bin, ...]
    lacking: tuple[float, ...] = ()
    setting: str | None = None

    def above(self, risk: float) -> int | None:
        """Return how many of 100 rows have a lower risk; None where no row has."""
        return _place(self.percentiles, risk)

    def above_stays(self, risk: float) -> int | None:
        """Return how many of 100 stays never had so high a risk; None where none had."""
        return _place(self.highest, risk)

    @property
    def highest_risk(self) -> float:
        """Return the highest risk of all rows."""
        return self.bins[-1].high

    def like(self, risk: float) -> Bin | None:
        """Return the rows with a like risk; None where the risk is beyond all of them."""
        if not self.bins[0].low <= risk <= self.bins[-1].high:
            return None
        place = bisect_right(self.bins, risk, key=lambda one: one.low)
        return self.bins[place - 1]

    def grade(self, lacking: float) -> int | None:
        """Return the grade of missing evidence of a chart; None where the file knows none."""
        return bisect_right(self.lacking, lacking) if self.lacking else None


def population(validation: dict[str, Any] | None) -> Population | None:
    """Return the population of a validation.json; None where it holds none.

    Raises ModelError when what it holds is no population.
    """
    found = (validation or {}).get("population")
    if found is None:
        return None
    try:
        made = msgspec.convert(found, Population)
    except msgspec.ValidationError as error:
        raise ModelError(
            f"validation.json holds no population that can be read ({error})."
        ) from None
    if len(made.percentiles) != 101 or len(made.highest) != 101 or not made.bins:
        raise ModelError("validation.json holds no whole population.")
    return made


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % score interval of a share of `n` (Wilson, JASA 22:209-212, 1927); `n` is
    above 0 and need not be whole.
    """
    square = WIDE * WIDE
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = WIDE / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _place(percentiles: tuple[float, ...], risk: float) -> int | None:
    place = bisect_right(percentiles, risk) - 1
    return None if place < 0 else place
