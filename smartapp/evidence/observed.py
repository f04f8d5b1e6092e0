"""Turns what the reader told of each Observation into what the page can show of it: small, in
order, and without a word of another patient's.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from models.patient.chart import Chart, Reading, Unusable
from models.reading.fhir import Component, Resource, instant
from models.reading.meaning import asked_for, moment
from models.reading.trace import Fate
from models.reading.values import charted
from smartapp.evidence.kept import LEFT, PASSED, READ, UNUSABLE, Evidence, Observed, Value
from smartapp.evidence.words import LONGEST_CODE, around, called, codes, named, plain, unit_code

# So many Observations are kept; a week in intensive care has about three thousand.
MOST = 5000
EVER = datetime.min.replace(tzinfo=UTC)
# A reading that is made of what stands around another value.
TARGET = "spo2_target"


class Places(NamedTuple):
    """Where a Chart holds what: readings by what makes two of them equal, and unusable values."""

    readings: dict[tuple[Any, ...], int]
    unusable: dict[Unusable, int]


def evidence(fates: Iterable[Fate], chart: Chart, at: datetime) -> Evidence:
    """Return what can be shown of the fates of a chart that was read at `at` (aware UTC)."""
    told: dict[int, list[Fate]] = {}
    strangers, malformed = set[int](), 0
    for fate in fates:
        malformed += fate.reason == "malformed"
        if fate.own:
            told.setdefault(id(fate.resource), []).append(fate)
        else:
            strangers.add(id(fate.resource))
    places = Places(
        {_same(reading): n for n, reading in enumerate(chart.readings)},
        {item: n for n, item in enumerate(chart.unusable)},
    )
    rows = [_observed(own, places, at) for own in told.values()]
    rows.sort(key=lambda row: (row.latest or EVER, row.id), reverse=True)
    unreadable = chart.rejected.get("malformed", 0) - malformed
    return Evidence(tuple(rows[:MOST]), max(len(rows) - MOST, 0), len(strangers), unreadable)


def _same(reading: Reading) -> tuple[Any, ...]:
    return (*reading[:3], reading.hours)


def _observed(fates: Sequence[Fate], places: Places, at: datetime) -> Observed:
    resource = fates[0].resource
    whole = moment(resource, at, timedelta.max)
    exact = whole.time if whole and whole.exact else None
    period = None if resource.effectiveDateTime else resource.effectivePeriod
    return Observed(
        plain(resource.id, LONGEST_CODE),
        called(resource.code),
        codes(resource.code),
        plain(resource.status, LONGEST_CODE),
        exact,
        instant(period.start) if period else None,
        _inexact(resource, exact is not None),
        whole.time if whole else None,
        _time(resource.issued),
        _time(resource.meta.lastUpdated) if resource.meta else None,
        named(resource.performer),
        named(resource.device),
        around(resource.method),
        around(resource.bodySite),
        tuple(_values(resource, fates, places)),
    )


def _inexact(resource: Resource, exact: bool) -> str:
    """Return what is charted of a time that is not exact; "not ended" of a period without an
    end.
    """
    given, period = (
        resource.effectiveDateTime or resource.effectiveInstant,
        resource.effectivePeriod,
    )
    if given or not period:
        return "" if exact else plain(given, LONGEST_CODE)
    if exact:
        return "" if period.end else "not ended"
    return " to ".join(plain(text, LONGEST_CODE) or "…" for text in (period.start, period.end))


def _values(resource: Resource, fates: Sequence[Fate], places: Places) -> Iterable[Value]:
    """Yield the Observation's own value and those of its parts, each with its fate.

    What became of the whole became of each part. A panel without a value of its own has none.
    """
    whole = fates[0] if len(fates) == 1 and fates[0].item is None else None
    for part in (resource, *(resource.component or ())):
        own = part is resource
        told = [fate for fate in fates if fate.part is part]
        if own and resource.component and not charted(part) and (whole or not told):
            continue
        if not told and whole and whole.part is resource:
            asked = asked_for(part)
            told = [whole._replace(part=part, variable=asked.name if asked else None)]
        if not told:
            yield _told(part, not own, "", PASSED, "code", None)
        yield from (_value(fate, places) for fate in told)


def _value(fate: Fate, places: Places) -> Value:
    part, item = fate.part, fate.item
    named = part is not fate.resource
    variable = fate.variable or ""
    if item is None:
        return _told(part, named, variable, LEFT, fate.reason, None)
    if isinstance(item, Unusable):
        place = places.unusable.get(item)
        return _told(part, named, variable, UNUSABLE, fate.reason, place)
    place = places.readings.get(_same(item))
    kind = LEFT if fate.reason else READ
    if variable == TARGET:
        name = "upper target, of its reference range"
        return Value(name, (), "88 to 92 %", "", variable, kind, fate.reason, place)
    return _told(part, named, variable, kind, fate.reason, place)


def _told(
    part: Component, named: bool, variable: str, fate: str, reason: str, place: int | None
) -> Value:
    label, coded = (called(part.code), codes(part.code)) if named else ("", ())
    written = plain(charted(part))
    return Value(label, coded, written, unit_code(part), variable, fate, reason, place)


def _time(text: Any) -> datetime | None:
    return instant(text) if isinstance(text, str) else None
