"""Turns ranges of numbers and of time into positions and round tick values: the axes that every
plot shares.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Of a whole plot, in the units of its viewBox: letters stay readable in a panel of 320 pixels.
WIDTH = 340
HOURS_BETWEEN_TICKS = 12
DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values (`low` to `high`) to coordinates (`start` to `end`, in SVG
    units).
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the coordinate of a value, rounded to a tenth; values outside stay at the edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + (self.end - self.start) * min(max(share, 0.0), 1.0), 1)


@dataclass(frozen=True, slots=True)
class Tick:
    """One labelled place on an axis; `time` is set on time axes only."""

    at: float
    label: str
    time: datetime | None = None


def value_range(values: list[float], least: float, greatest: float) -> tuple[float, float]:
    """Return a padded range around the values that stays inside the plausible limits.

    The span is at least 12 % of the middle value, so that noise does not look like a change.
    """
    low, high = min(values), max(values)
    middle = (low + high) / 2
    half = max((high - low) * 0.6, abs(middle) * 0.06) or 0.5
    return max(middle - half, least), min(middle + half, greatest)


def time_scale(at: datetime, hours: float, start: float, end: float) -> Scale:
    """Return the scale of hours before `at`: -hours at `start`, 0 at `end`."""
    return Scale(-hours, 0.0, start, end)


def hours_before(time: datetime, at: datetime) -> float:
    """Return how far a time lies from `at` in hours; the past is negative."""
    return (time - at) / timedelta(hours=1)


def time_ticks(
    scale: Scale, at: datetime, hours_between: int = HOURS_BETWEEN_TICKS
) -> tuple[Tick, ...]:
    """Return a tick every so many hours back from `at`, with the time it stands for."""
    steps = range(0, int(-scale.low) + 1, hours_between)
    return tuple(Tick(scale(-n), _back(n, hours_between), at - timedelta(hours=n)) for n in steps)


def _back(hours: int, hours_between: int) -> str:
    """Return how long ago, in days where the ticks are days."""
    if not hours:
        return "now"
    days = hours_between == DAY_HOURS
    return f"\N{MINUS SIGN}{hours // DAY_HOURS} d" if days else f"\N{MINUS SIGN}{hours} h"


def lines(points: list[tuple[float, float] | None]) -> tuple[str, ...]:
    """Return SVG polyline strings of the runs between gaps (None); a lone point makes no line."""
    runs: list[list[str]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(f"{point[0]},{point[1]}")
    return tuple(" ".join(run) for run in runs if len(run) > 1)
