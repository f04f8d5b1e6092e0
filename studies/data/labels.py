"""Turns what happened in a stay into the label of every whole hour; the label of hour h answers
what is asked at start + h hours.

Times are seconds on any one axis. Nothing is asked at or after the event, or after the last thing
known of the stay.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

HOUR = 3600.0


def constant(start: float, end: float, happened: bool) -> tuple[bool, ...]:
    """Return the same label for every whole hour after `start`, up to `end`."""
    return (happened,) * whole_hours(start, end)


def before_event(start: float, end: float, event: float | None, horizon: int) -> tuple[bool, ...]:
    """Return for each hour whether the event follows within `horizon` hours; None means that there
    was none.

    An event within the horizon after `end` carries the stay on to itself, since the answer at `end`
    was yes.
    """
    if event is None or event - end > horizon * HOUR:
        return constant(start, end, False)
    hours = math.ceil((event - start) / HOUR) - 1
    return tuple(event - (start + hour * HOUR) <= horizon * HOUR for hour in range(1, hours + 1))


def by_rows(
    start: float, end: float, times: Sequence[float], marks: Sequence[int]
) -> tuple[bool, ...]:
    """Return for each hour the mark of the newest row then, before the first row that of the
    first; rows are in order of time.
    """
    hours = whole_hours(start, end)
    return tuple(
        bool(marks[max(bisect_right(times, start + hour * HOUR) - 1, 0)])
        for hour in range(1, hours + 1)
    )


def whole_hours(start: float, end: float) -> int:
    """Return how many whole hours fit between two moments."""
    return max(math.floor((end - start) / HOUR), 0)
