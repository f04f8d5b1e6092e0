"""Turns FHIR Resources into a Chart: time-ordered readings in canonical units, values that can't be
used, and what was left out and why (B5).

The newest word counts: what is of this patient and one of our variables, and can't be used, makes
the variable unknown from its time on. What was never about it is left out, and makes nothing
unknown.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

from models.patient.chart import Chart, LeftOut, PartState, Reading, Unusable
from models.reading.fhir import Component, Damaged, Resource
from models.reading.lenient import objects
from models.reading.meaning import (
    LONGEST,
    LONGEST_AMOUNT,
    USABLE,
    Left,
    Moment,
    Told,
    amounts,
    asked_for,
    is_own,
    label,
    moment,
    period,
    told,
)
from models.reading.oxygen import has_scale2_target
from models.reading.trace import Fate, settled
from models.reading.values import NOTHING, Value, value
from models.reading.versions import newest_versions, refers_to

# The rules by which a chart is read; models.patient keeps those of 0.4.0 for charts of reader 1.
READER = 2
LOOK_BACK = timedelta(days=7)
SKEW = timedelta(minutes=5)
# So far may a local day be ahead of the same day in UTC.
ZONES = timedelta(hours=14)
# Names beyond these are counted and not listed: a card has no room for a whole chart.
MOST_NAMED = 30

# Every reason for which an Observation is not read, as the card and the page say it.
REASONS = {
    "status": "not final, or entered in error",
    "patient": "about another patient, or nobody",
    "code": "not a value that Vigil reads",
    "context": "of another site or kind, such as a pulmonary, standing or average value",
    "modifier": "changed by something that Vigil does not know",
    "time": "without an exact time and time zone, or over too long a time",
    "future": "dated in the future",
    "old": "older than seven days",
    "value": "without a number",
    "bound": "only a bound (< or >)",
    "unit": "in an unknown unit",
    "range": "outside what is physically plausible",
    "version": "an older version",
    "duplicate": "a duplicate",
    "malformed": "not valid FHIR",
}
# What is said beside a value that would look usable.
WHY = {
    "status": "not final",
    "time": "no exact time",
    "modifier": "changed by something unknown",
    "malformed": "not valid FHIR",
}
# Too many to be named one by one, and nothing that anybody would look for.
NOT_NAMED = {"old", "duplicate", "version"}


class WrongPatient(ValueError):
    """A Patient resource of somebody else came with the chart (B6)."""


def read_chart(
    resources: Iterable[Resource],
    patient_id: str,
    at: datetime,
    malformed: int = 0,
    look_back: timedelta = LOOK_BACK,
    parts: Mapping[str, PartState] | None = None,
    bases: Collection[str] | None = None,
    trace: list[Fate] | None = None,
) -> Chart:
    """Read what counts at `at` (aware UTC) from a patient's resources, in any order, with the same
    result.

    Resources of other types are passed over. `malformed` is what the parser already set aside,
    `parts` what could be read at all; without it the chart is taken for whole. `bases` are the FHIR
    addresses of this EHR: an absolute reference counts under one of them only; None asks nothing of
    it. `trace` is filled with what became of each Observation, where somebody wants to know. Raises
    WrongPatient if a Patient resource has another id.
    """
    reader = _Reader(patient_id, at, look_back, bases, trace)
    reader.rejected["malformed"] += malformed
    person, observations = Resource(), []
    for resource in resources:
        if resource.resourceType == "Observation":
            observations.append(resource)
        elif resource.resourceType == "Patient":
            if resource.id != patient_id:
                raise WrongPatient("The chart holds a Patient resource of another patient.")
            person = resource
    newest, older = newest_versions(observations)
    for resource in older:
        reader.leave(Left(label(resource), "version", resource), resource)
    for resource in newest:
        reader.read(resource)
    kept = without_duplicates(reader.readings, reader.rejected)
    if trace is not None:
        trace[:] = settled(trace, kept)
    return Chart(
        patient_id,
        youngest_birth(person.birthDate),
        person.gender if person.gender in {"male", "female"} else None,
        bool(person.deceasedBoolean or person.deceasedDateTime),
        kept,
        dict(sorted((+reader.rejected).items())),
        dict(parts or {}),
        tuple(sorted(set(reader.unusable), key=_order)),
        reader.left_out(),
        READER,
        any(link.get("type") == "replaced-by" for link in objects(person.link)),
    )


def without_duplicates(readings: list[Reading], rejected: Counter[str]) -> tuple[Reading, ...]:
    """Return the readings oldest first, one of each variable, time, value and period (a panel and
    its rows, a page sent twice).
    """
    kept = {(*reading[:3], reading.hours): reading for reading in sorted(readings, reverse=True)}
    rejected["duplicate"] += len(readings) - len(kept)
    return tuple(reversed(kept.values()))


def _order(item: Unusable) -> tuple[datetime, str, str, str, str]:
    return item[:5]


class _Reader:
    """Collects the readings of one patient at one moment, and counts what it rejects by reason."""

    def __init__(
        self,
        patient_id: str,
        at: datetime,
        look_back: timedelta,
        bases: Collection[str] | None,
        trace: list[Fate] | None,
    ) -> None:
        self.readings: list[Reading] = []
        self.unusable: list[Unusable] = []
        self.rejected: Counter[str] = Counter()
        self._left: Counter[tuple[str, str]] = Counter()
        self._patient, self._at, self._bases, self._trace = patient_id, at, bases, trace
        self._earliest, self._latest = at - look_back, at + SKEW
        # A chart names its patient in the same words in each resource, so the words are compared
        # once.
        self._subjects: dict[str | None, bool] = {}

    def read(self, resource: Resource) -> None:
        """Take an Observation apart into readings, values that can't be used, and what is left."""
        parts = told(resource, self._is_patient)
        long = resource.effectivePeriod is not None and amounts(parts)
        when = moment(resource, self._at, LONGEST_AMOUNT if long else LONGEST)
        reason = "time" if when is None else self._out_of_time(when)
        if reason and any(isinstance(part, Told) for part in parts):
            self.leave(Left(label(resource), reason, resource), resource)
            return
        for part in parts:
            if isinstance(part, Left):
                broken = isinstance(resource, Damaged)
                self.leave(part._replace(reason="malformed") if broken else part, resource)
            elif when is not None:
                self._take(part, when, resource)

    def leave(self, left: Left, resource: Resource) -> None:
        """Count a part of an Observation that is left out, by its name where it is worth one."""
        self.rejected[left.reason] += 1
        if left.reason not in NOT_NAMED:
            self._left[left.label, left.reason] += 1
        if self._trace is not None:
            variable = asked_for(left.part)
            name = variable.name if variable else None
            self._trace.append(self._fate(resource, left.part, left.reason, name))

    def left_out(self) -> tuple[LeftOut, ...]:
        """Return what was left out by name, the most frequent first."""
        order = sorted(self._left.items(), key=lambda item: (-item[1], item[0]))
        return tuple(LeftOut(*named, number) for named, number in order[:MOST_NAMED])

    def _is_patient(self, reference: str | None) -> bool:
        if reference not in self._subjects:
            self._subjects[reference] = refers_to(reference, self._patient, self._bases)
        return self._subjects[reference]

    def _out_of_time(self, when: Moment) -> str:
        """Return "future" or "old" for what lies outside the time that is read, else nothing."""
        if when.time is None:
            return ""
        latest = self._latest if when.exact else self._latest + ZONES + timedelta(days=1)
        return "future" if when.time > latest else "old" if when.time < self._earliest else ""

    def _take(self, one: Told, when: Moment, resource: Resource) -> None:
        source = f"Observation/{resource.id}" if resource.id else "Observation without id"
        # What is undated is taken for so old that anything fresh is newer.
        time = when.time or self._at - one.variable.max_age
        # A clock a little ahead of ours: the reading counts as taken now, so that nothing later has
        # to know of skew.
        time, found = min(time, self._at), _value(one)
        reason = _refusal(one.part, resource, when)
        name = one.variable.name
        if reason == "status" and found.written == NOTHING:
            self.leave(Left(one.variable.label, reason, one.part), resource)
        elif reason or found.number is None:
            self._refuse(_unusable(found, time, name, reason, source), one.part, resource)
        else:
            words = found.written if found.converted else ""
            hours = period(one, when)
            reading = Reading(time, name, found.number, source, one.known, words, hours)
            self._keep(reading, one.part, resource)
            if name == "spo2" and has_scale2_target(one.part):
                self._keep(Reading(time, "spo2_target", 92.0, source), one.part, resource)

    def _keep(self, reading: Reading, part: Component, resource: Resource) -> None:
        self.readings.append(reading)
        if self._trace is not None:
            self._trace.append(self._fate(resource, part, "", reading.variable, reading))

    def _refuse(self, item: Unusable, part: Component, resource: Resource) -> None:
        self.rejected[item.reason] += 1
        self.unusable.append(item)
        if self._trace is not None:
            self._trace.append(self._fate(resource, part, item.reason, item.variable, item))

    def _fate(
        self,
        resource: Resource,
        part: Component,
        reason: str,
        variable: str | None,
        item: Reading | Unusable | None = None,
    ) -> Fate:
        own = is_own(resource, self._is_patient)
        return Fate(resource, part, reason, own, variable, item)


def _unusable(found: Value, time: datetime, variable: str, reason: str, source: str) -> Unusable:
    """Return a value that can't be used; `reason` is one that has nothing to do with the value."""
    bounds = (found.least, found.greatest) if found.number is None else (found.number,) * 2
    why = reason or found.reason
    written = f"{found.written} ({WHY[why]})" if why in WHY else found.written
    return Unusable(time, variable, why, written, source, *bounds)


def _refusal(part: Component, resource: Resource, when: Moment) -> str:
    """Return why a part can't be used whatever its value is, or nothing."""
    if isinstance(resource, Damaged):
        return "malformed"
    if resource.implicitRules or resource.modifierExtension or part.modifierExtension:
        return "modifier"
    if resource.status not in USABLE:
        return "status"
    return "" if when.exact else "time"


def _value(one: Told) -> Value:
    """Return the value of a part; what is said of oxygen without an amount is a bound."""
    given = one.given
    if given is None or given.number is given.least is None:
        return value(one.variable, one.code, one.part)
    if given.number is not None:
        return Value(given.number, "", "")
    return Value(None, "bound", "on oxygen, no amount", given.least)


def youngest_birth(text: str | None) -> date | None:
    """Return the latest day that a full or partial birth date allows, or None if it can't be read.

    The youngest reading keeps a person who may be a child among the children. A time of day, which
    FHIR does not allow here and some servers send, is passed over.
    """
    text = text.partition("T")[0] if text else text
    if text is None or len(text) not in (4, 7, 10):
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        year, month = int(text[:4]), int(text[5:7] or 12)
        return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    except (ValueError, OverflowError):
        return None
