"""Turns a Series and a moment into a Snapshot: what is known then, how old it is, and what is not
known and why.

It is made once a moment, and everything after it reads it: features, NEWS2, inputs, whether a
number is due, and the words of contributions. Windows of time are cut here and nowhere else.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.patient.chart import Chart, Reading, Unusable
from models.patient.series import Series
from models.patient.vocabulary import VARIABLES

MISSING, STALE, UNREAD, UNUSABLE = "missing", "stale", "unread", "unusable"


@dataclass(frozen=True)
class Snapshot:
    """A chart at `at` (aware UTC), from the readings known by then.

    `latest` holds each variable's newest reading, however old; `fresh` those that are not older
    than the variable's greatest age; `unknown` says for every other variable why it is none of
    these: MISSING, STALE, UNREAD where it may stand in what could not be read, or UNUSABLE where
    the newest value is none; `unusable` then holds that one. `age` is None where it is not known.
    """

    chart: Chart
    at: datetime
    age: int | None
    latest: Mapping[str, Reading]
    fresh: Mapping[str, Reading]
    unknown: Mapping[str, str]
    unusable: Mapping[str, Unusable]
    _series: Series

    def value(self, variable: str) -> float | None:
        """Return the fresh value of a variable, or None."""
        reading = self.fresh.get(variable)
        return None if reading is None else reading.value

    def hours(self, reading: Reading) -> float:
        """Return the age of a reading."""
        return (self.at - reading.time) / timedelta(hours=1)

    def window(self, variable: str, start: datetime) -> list[Reading]:
        """Return the readings of a variable from `start` until now, oldest first."""
        times, readings = self._series.by_variable.get(variable, ([], []))
        end = bisect_right(times, self.at)
        return readings[bisect_left(times, start, 0, end) : end]

    def covers(self, variable: str, start: datetime) -> bool:
        """Tell whether all readings of a variable from `start` on could be read."""
        since = self._series.since[VARIABLES[variable].group]
        return since is not None and since <= start

    @property
    def newest(self) -> datetime | None:
        """Return the time of the newest reading, or None."""
        return max((reading.time for reading in self.latest.values()), default=None)


def snapshot_at(series: Series, at: datetime) -> Snapshot:
    """Return what a chart says at `at` (aware UTC)."""
    latest: dict[str, Reading] = {}
    fresh: dict[str, Reading] = {}
    unknown: dict[str, str] = {}
    unusable = _newest_unusable(series.chart, at)
    for name, variable in VARIABLES.items():
        times, readings = series.by_variable.get(name, ([], []))
        known = bisect_right(times, at)
        if not known:
            since = series.since[variable.group]
            read = since is not None and since <= at - variable.max_age
            unknown[name] = MISSING if read else UNREAD
            continue
        last = readings[known - 1]
        if name in unusable and unusable[name].time < last.time:
            del unusable[name]
        if name in unusable:
            continue
        latest[name] = last
        if last.time >= at - variable.max_age:
            fresh[name] = last
        else:
            unknown[name] = STALE
    unknown |= dict.fromkeys(unusable, UNUSABLE)
    chart = series.chart
    return Snapshot(chart, at, chart.age(at), latest, fresh, unknown, unusable, series)


def _newest_unusable(chart: Chart, at: datetime) -> dict[str, Unusable]:
    """Return the newest value of each variable that can't be used, if it is not stale itself."""
    found: dict[str, Unusable] = {}
    for item in sorted(chart.unusable, key=lambda item: item.time):
        if at - VARIABLES[item.variable].max_age <= item.time <= at:
            found[item.variable] = item
    return found
