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
from models.patient.conflicts import MINUTE, Conflict
from models.patient.series import SPOKEN_BY, Series
from models.patient.vocabulary import VARIABLES

MISSING, STALE, UNREAD, UNUSABLE = "missing", "stale", "unread", "unusable"
# A usable value of the same minute is the same measurement once more: in a unit that is known, or
# after it was confirmed. Any other value that can't be used speaks against the usable one.
SAID_AGAIN = {"unit", "status"}


@dataclass(frozen=True)
class Snapshot:
    """A chart at `at` (aware UTC), from the readings known by then.

    `latest` holds each variable's newest reading, however old; `fresh` those that are not older
    than the variable's greatest age; `unknown` says for every other variable why it is none of
    these: MISSING, STALE (a word that can't be used, too), UNREAD where it may stand in what could
    not be read, or UNUSABLE where the newest value is none; `unusable` then holds that one, or that
    of the sister that speaks for the variable. `conflicts` are those of the newest
    values. `age` is None where it is not known.
    """

    chart: Chart
    at: datetime
    age: int | None
    latest: Mapping[str, Reading]
    fresh: Mapping[str, Reading]
    unknown: Mapping[str, str]
    unusable: Mapping[str, Unusable]
    conflicts: tuple[Conflict, ...]
    _series: Series

    def value(self, variable: str) -> float | None:
        """Return the fresh value of a variable, or None."""
        reading = self.fresh.get(variable)
        return None if reading is None else reading.value

    def for_model(self, variable: str) -> Reading | None:
        """Return the fresh reading of a variable if a model may be given its value, else None: what
        bodies have shortly before death, or never, is no number that a model has learned from.
        """
        reading = self.fresh.get(variable)
        return None if reading is None or self._unfit(reading) else reading

    def hours(self, reading: Reading) -> float:
        """Return the age of a reading."""
        return (self.at - reading.time) / timedelta(hours=1)

    def window(self, variable: str, start: datetime) -> list[Reading]:
        """Return the readings of a variable from `start` until now that a model may be given,
        oldest first.
        """
        times, readings = self._series.by_variable.get(variable, ([], []))
        end = bisect_right(times, self.at)
        found = readings[bisect_left(times, start, 0, end) : end]
        return [r for r in found if not self._unfit(r)] if self._series.unfit else found

    def covers(self, variable: str, start: datetime) -> bool:
        """Tell whether all readings of a variable from `start` on could be read."""
        since = self._series.since[VARIABLES[variable].group]
        return since is not None and since <= start

    def usable(self, variable: str, start: datetime) -> bool:
        """Tell whether every value of a variable from `start` until now can be used."""
        return not any(
            item.variable == variable and start <= item.time <= self.at
            for item in self.chart.unusable
        )

    def _unfit(self, reading: Reading) -> bool:
        return (reading.time, reading.variable) in self._series.unfit

    @property
    def newest(self) -> datetime | None:
        """Return the time of the newest reading, or None."""
        return max((reading.time for reading in self.latest.values()), default=None)


def snapshot_at(series: Series, at: datetime) -> Snapshot:
    """Return what a chart says at `at` (aware UTC)."""
    latest: dict[str, Reading] = {}
    fresh: dict[str, Reading] = {}
    unknown: dict[str, str] = {}
    lasts = {name: _last(series, name, at) for name in VARIABLES}
    unusable = {
        name: word
        for name, word in _newest_unusable(series.chart, at).items()
        if _counts(word, lasts[name])
    }
    said = {word.variable for word in series.chart.unusable if word.time <= at}
    for name, variable in VARIABLES.items():
        last = lasts[name]
        if name in unusable or _unspoken(series, name, last, unusable):
            unknown[name] = UNUSABLE
            continue
        if last is None:
            since = series.since[variable.group]
            read = since is not None and since <= at - variable.max_age
            unknown[name] = (STALE if name in said else MISSING) if read else UNREAD
            continue
        latest[name] = last
        if last.time >= at - variable.max_age:
            fresh[name] = last
        else:
            unknown[name] = STALE
    chart, conflicts = series.chart, _conflicts(series, latest, at)
    return Snapshot(chart, at, chart.age(at), latest, fresh, unknown, unusable, conflicts, series)


def _last(series: Series, name: str, at: datetime) -> Reading | None:
    times, readings = series.by_variable.get(name, ([], []))
    known = bisect_right(times, at)
    return readings[known - 1] if known else None


def _unspoken(
    series: Series, name: str, last: Reading | None, unusable: Mapping[str, Unusable]
) -> bool:
    """Tell whether a sister gave the last value, and her newest word can't be used."""
    if last is None or (last.time, name) not in series.made:
        return False
    return any(sister in unusable and _counts(unusable[sister], last) for sister in SPOKEN_BY[name])


def _counts(word: Unusable, last: Reading | None) -> bool:
    """Tell whether a value that can't be used counts beside the newest one that can."""
    if last is None:
        return True
    if word.time > last.time - MINUTE and word.reason not in SAID_AGAIN:
        return True
    return word.time > last.time


def _conflicts(series: Series, latest: Mapping[str, Reading], at: datetime) -> tuple[Conflict, ...]:
    """Return the newest conflict of each variable, if nothing newer was charted of it since."""
    found: dict[str, Conflict] = {}
    for conflict in sorted(series.conflicts, key=lambda one: one.time):
        last = latest.get(conflict.variable)
        age = VARIABLES[conflict.variable].max_age
        if last and at - age <= conflict.time <= at and last.time <= conflict.time:
            found[conflict.variable] = conflict
    return tuple(found.values())


def _newest_unusable(chart: Chart, at: datetime) -> dict[str, Unusable]:
    """Return the newest value of each variable that can't be used, if it is not stale itself."""
    found: dict[str, Unusable] = {}
    for item in sorted(chart.unusable, key=lambda item: item.time):
        if at - VARIABLES[item.variable].max_age <= item.time <= at:
            found[item.variable] = item
    return found
