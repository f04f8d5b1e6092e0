"""A Chart: all that the models see of one patient, and what of it could be read."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import msgspec

# To so many decimals a chart keeps a value.
DECIMALS = 4
# Of these the chart says less than a number, but what it says is so.
CERTAIN = {"bound", "range"}


class Reading(NamedTuple):
    """One value in its variable's own unit at an aware UTC time; `source` is the resource's
    reference.

    `known` is False where the chart says under a name that Vigil does not know from where on the
    body or how it was measured, and nothing in that name speaks against the variable. `written` is
    what stands in the chart where that was converted into the variable's unit, else empty. `hours`
    is the length of the period over which an amount came, which ends at `time`; 0 is a moment, and
    for an amount that nobody says since when it was gathered.
    """

    time: datetime
    variable: str
    value: float
    source: str
    known: bool = True
    written: str = ""
    hours: float = 0.0


class Unusable(NamedTuple):
    """A value of one of this patient's variables that can't be used as it stands.

    From its time on the variable is unknown, whatever was charted before. `reason` is a word of
    models.reading.reader.REASONS, `written` what stands in the chart, with its unit. As written it
    lies from `least` to `greatest` (the variable's own unit; None is open, and both are None where
    it could not be read).
    """

    time: datetime
    variable: str
    reason: str
    written: str
    source: str
    least: float | None = None
    greatest: float | None = None

    @property
    def exact(self) -> bool:
        """Tell whether the chart says when it was taken; else `time` is the latest it may be."""
        return self.reason != "time"

    @property
    def certain(self) -> tuple[float | None, float | None]:
        """Return from where to where the value lies for certain, which may decide NEWS2 points and
        critical limits: what is written is doubted itself where it is not final, say, or undated.
        """
        return (self.least, self.greatest) if self.reason in CERTAIN else (None, None)


class LeftOut(NamedTuple):
    """Observations that were not read: what the chart calls them, why, and how many there are."""

    label: str
    reason: str
    number: int


class PartState(NamedTuple):
    """What could be read of one part of a chart: `patient`, `vitals` or `labs`.

    `state` is "whole", "cut" (only what is not older than `since` is there without a gap; nothing
    is, where `since` is None), "failed", "not granted" or "absent" (nobody gave it, and nobody
    could be asked). Time: `since` is aware UTC. `source` is "prefetch" or "server"; `why`, a fixed
    word, is for audit.
    """

    state: str
    since: datetime | None = None
    source: str | None = None
    why: str | None = None


WHOLE = PartState("whole")
ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chart:
    """All that the models see of one patient: who it is, and readings oldest first.

    Missing: `birth_date` (the latest day it may be) and `sex` are None when unknown. `rejected`
    counts by reason, `left_out` names what was rejected. `unusable` holds values that make their
    variable unknown. `parts` says what could be read; a part that it does not name is whole.
    `reader` is the version of the rules by which the chart was read: 1 up to 0.4.0, whose records
    have no such member, so that they replay as they were answered. `replaced` says that the EHR has
    another record of the patient in the place of this one.
    """

    patient: str
    birth_date: date | None
    sex: str | None
    deceased: bool
    readings: tuple[Reading, ...]
    rejected: dict[str, int]
    parts: dict[str, PartState] = field(default_factory=dict)
    unusable: tuple[Unusable, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    reader: int = 1
    replaced: bool = False

    def since(self, group: str) -> datetime | None:
        """Return from when on a group of variables is whole; None is never."""
        part = self.parts.get(group, WHOLE)
        return ALWAYS if part.state == "whole" else part.since if part.state == "cut" else None

    def until(self, at: datetime) -> "Chart":
        """Return the chart as far as it was taken by `at` (aware UTC); what was rejected is counted
        as before.
        """
        return replace(
            self,
            readings=tuple(one for one in self.readings if one.time <= at),
            unusable=tuple(one for one in self.unusable if one.time <= at),
        )

    def age(self, at: datetime) -> int | None:
        """Return whole years at `at`, or None when the birth date is unknown or impossible."""
        if self.birth_date is None:
            return None
        born, day = self.birth_date, at.date()
        years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
        return years if 0 <= years <= 125 else None

    def as_json(self) -> dict[str, Any]:
        """Return data for msgspec to encode, from which `from_json` makes an equal Chart: what a
        replay needs.
        """
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Chart":
        """Return the Chart that `as_json` described; raises msgspec.ValidationError when it is
        something else.
        """
        return msgspec.convert(data, cls)
