"""Tells what a moment of a chart owes to hindsight: values that the chart of today counts at it,
and that were filed or corrected only later; and those that were withdrawn since.

An EHR gives the newest version of an Observation alone: what stood in a corrected one before, and
when one was withdrawn, is not known. Where it does not say when a value was filed, nothing is told
of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from models.patient.features import WINDOW
from models.patient.vocabulary import VARIABLES
from models.reading.versions import WITHDRAWN
from smartapp.evidence.kept import READ, UNUSABLE, Observed, Value, evidence_of
from smartapp.evidence.observed import TARGET
from smartapp.sight import ChartAt, Sight

CORRECTED = {"amended", "corrected"}
DUPLICATE = "duplicate"


class Later(NamedTuple):
    """A value as it is charted, when it was taken, and when it was filed, corrected or withdrawn
    (aware UTC); None where nobody says.
    """

    label: str
    written: str
    taken: datetime
    time: datetime | None


class Hindsight(NamedTuple):
    """What was filed, corrected and withdrawn after a moment, each the newest first; `undated`
    tells whether of some values that count at it nobody says when they were filed.
    """

    filed: tuple[Later, ...]
    corrected: tuple[Later, ...]
    withdrawn: tuple[Later, ...]
    undated: bool

    @property
    def any(self) -> bool:
        """Tell whether anything is owed to hindsight."""
        return bool(self.filed or self.corrected or self.withdrawn)


def hindsight(sight: Sight, then: ChartAt) -> Hindsight:
    """Return what the chart of now says of an earlier moment of it that was not known then. Raises
    NothingShown.
    """
    evidence = evidence_of(sight.evidence)
    rows = [row for row in evidence.rows if row.time and _within(row.time, then.at)]
    filed: list[Later] = []
    corrected: list[Later] = []
    undated = False
    for same in _values(rows):
        marks = [_known_from(row) for row, _ in same]
        undated |= all(mark is None for mark in marks)
        if any(mark is None or mark <= then.at for mark in marks):
            continue
        row, value = same[0]
        (corrected if row.status in CORRECTED else filed).append(_later(row, value))
    withdrawn = [one for row in rows if row.status in WITHDRAWN for one in _withdrawn(row, then.at)]
    return Hindsight(tuple(filed), tuple(corrected), tuple(withdrawn), undated)


def _within(time: datetime, at: datetime) -> bool:
    return at - WINDOW <= time <= at


def _values(rows: Iterable[Observed]) -> Iterable[list[tuple[Observed, Value]]]:
    """Return the values that count, each with the Observations that say the same."""
    found: dict[tuple[bool, int], list[tuple[Observed, Value]]] = defaultdict(list)
    for row in rows:
        for value in row.values:
            counts = value.fate in (READ, UNUSABLE) or value.reason == DUPLICATE
            if counts and value.place is not None and value.variable != TARGET:
                found[value.fate == UNUSABLE, value.place].append((row, value))
    return found.values()


def _known_from(row: Observed) -> datetime | None:
    """Return since when an Observation stands in the chart as it reads now: some servers leave
    `issued` as it was when they correct a value.
    """
    return _changed(row) if row.status in CORRECTED else row.filed


def _changed(row: Observed) -> datetime | None:
    return max((time for time in (row.filed, row.updated) if time), default=None)


def _withdrawn(row: Observed, at: datetime) -> Iterator[Later]:
    changed = _changed(row)
    if changed is None or changed > at:
        for value in row.values:
            if value.variable and value.written:
                yield _later(row, value)._replace(time=changed)


def _later(row: Observed, value: Value) -> Later:
    assert row.time is not None
    return Later(VARIABLES[value.variable].label, value.written, row.time, _known_from(row))
