"""Turns an Observation into what its parts say of which variable, or why they say nothing.

A component is understood together with its parent, and a value together with all that stands around
it: focus, category, codes beside the known one, body site, method, position.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, TypeVar

from models.patient.vocabulary import AMOUNTS, VARIABLES, Variable
from models.reading.codes.contexts import OTHER, OWN, is_activity, meant, verdict
from models.reading.codes.questions import Question, question
from models.reading.fhir import Component, Concept, Reference, Resource, instant
from models.reading.oxygen import Oxygen, oxygen
from models.reading.values import said
from models.reading.versions import WITHDRAWN

USABLE = {"final", "amended", "corrected"}
# Withdrawn, or never made: nothing was said.
UNSAID = WITHDRAWN | {"cancelled"}
# What was measured over longer is an average, not a reading of a moment. Profiles of whole
# countries chart moments as an hour, so it is not "an hour or longer".
LONGEST = timedelta(hours=1)
# An amount over a day is one; a day has 25 hours when the clocks go back.
LONGEST_AMOUNT = timedelta(hours=25)
POSITION = "observation-bodyPosition"
Member = TypeVar("Member", Concept, Reference)


class Told(NamedTuple):
    """A part of an Observation that speaks of a variable; `code`, one of those `asked`, asked for
    it, `known` is False where its context is not known, `given` is what it says of oxygen without a
    plain amount.
    """

    variable: Variable
    part: Component
    asked: Question
    code: str | None
    known: bool
    given: Oxygen | None


class Left(NamedTuple):
    """A part of an Observation, or all of it, that is left out: what the chart calls it, and
    why.
    """

    label: str
    reason: str
    part: Component


class Moment(NamedTuple):
    """When an Observation was made (aware UTC); not `exact` is the latest that it may have been, or
    when it began if it may be going on; `time` is None where nothing is said of it. `hours` is how
    long before it began.
    """

    time: datetime | None
    exact: bool
    hours: float = 0.0


def told(resource: Resource, is_patient: Callable[[str | None], bool]) -> list[Told | Left]:
    """Return what the parts of an Observation say of which variable, or why they are left out."""
    found = _parts(resource)
    reason = _of_another(resource, is_patient) or ("" if found else "code")
    if reason:
        return [Left(label(resource), reason, resource)]
    parts = [_in_context(one, resource) if isinstance(one, Told) else one for one in found]
    for one in parts:
        if not isinstance(one, Left) or one.reason != "context":
            return parts
    return [Left(label(resource), "context", resource)]


def label(part: Component) -> str:
    """Return what the chart calls a part: the variable's own name where it is one."""
    variable = asked_for(part)
    return variable.label if variable else meant(part.code) or said(part.code) or "without a code"


def asked_for(part: Component) -> Variable | None:
    """Return the one variable that the code of a part asks for; None where it is none, or two."""
    variables = question(part.code).variables
    return next(iter(variables.values())) if len(variables) == 1 else None


def is_own(resource: Resource, is_patient: Callable[[str | None], bool]) -> bool:
    """Tell whether an Observation is said of this patient, and of nobody and nothing else."""
    subject = resource.subject.reference if resource.subject else None
    return is_patient(subject) and all(is_patient(f.reference) for f in _listed(resource.focus))


def amounts(parts: Iterable[Told | Left]) -> bool:
    """Tell whether all that parts speak of are amounts over a period."""
    names = {part.variable.name for part in parts if isinstance(part, Told)}
    return bool(names) and names <= set(AMOUNTS)


def period(one: Told, when: Moment) -> float:
    """Return the hours over which an amount came: those of its Observation, else those that its
    code names; 0 where nobody says.
    """
    named = AMOUNTS.get(one.variable.name)
    return 0.0 if named is None else when.hours or named.get(one.code or "", 0.0)


def moment(resource: Resource, at: datetime, longest: timedelta = LONGEST) -> Moment | None:
    """Return when an Observation was made; None where it took more than `longest`.

    A period that has not ended lasts until `at`. Where it may have taken more than `longest`, as
    its start is not known or it has not ended, it may be a moment's, too: it is not exact.
    """
    period, text = resource.effectivePeriod, resource.effectiveDateTime or resource.effectiveInstant
    if text is None and period is not None:
        start = instant(period.start)
        end = instant(period.end) if period.end else at
        if start is None or end is None:
            known = end if period.end else start
            return Moment(known or _latest(period.end or period.start), False)
        if end - start > longest:
            return None if period.end else Moment(start, False)
        return Moment(end, True, max(end - start, timedelta()) / timedelta(hours=1))
    time = instant(text)
    return Moment(_latest(text) if time is None else time, time is not None)


def taken(resource: Resource) -> datetime | None:
    """Return when an Observation was taken (aware UTC), the end of a period.

    None without an exact time.
    """
    period = resource.effectivePeriod
    of_period = (period.end or period.start) if period else None
    return instant(resource.effectiveDateTime or resource.effectiveInstant or of_period)


def _latest(text: str | None) -> datetime | None:
    """Return the end of the day, month or year that a text without a time or zone begins with."""
    text = text or ""
    year, month, day = text[:4], text[5:7], text[8:10]
    try:
        if day:
            after = date(int(year), int(month), int(day)) + timedelta(days=1)
        else:
            number = int(month) if month else 12
            after = date(int(year) + number // 12, number % 12 + 1, 1)
    except (ValueError, OverflowError):
        return None
    return datetime(after.year, after.month, after.day, tzinfo=UTC) - timedelta(seconds=1)


def _of_another(resource: Resource, is_patient: Callable[[str | None], bool]) -> str | None:
    """Return why an Observation as a whole was never said of this patient, or None."""
    if resource.status in UNSAID:
        return "status"
    return None if is_own(resource, is_patient) else "patient"


def _parts(resource: Resource) -> list[Told | Left]:
    """Return the parts that speak of a variable; a parent without a value of its own steps back
    behind a component that speaks of the same.
    """
    own = _part(resource)
    if not resource.component:
        return [] if own is None else [own]
    inner = [one for part in resource.component if (one := _part(part))]
    if own is None:
        return inner
    names = {one.variable.name for one in inner if isinstance(one, Told)}
    if isinstance(own, Told) and own.variable.name in names and not _has_value(resource):
        return inner
    return [own, *inner]


def _part(part: Component) -> Told | Left | None:
    asked = question(part.code)
    given = oxygen(part, asked)
    if given is not None:
        return Told(VARIABLES[given.variable], part, asked, None, True, given)
    if len(asked.variables) > 1:
        return Left(said(part.code), "code", part)
    for code, found in asked.variables.items():
        return Told(found, part, asked, code, True, None)
    return None


def _has_value(part: Component) -> bool:
    return any(
        item is not None
        for item in (
            part.valueQuantity,
            part.valueCodeableConcept,
            part.valueInteger,
            part.valueString,
            part.valueRange,
        )
    )


def _in_context(one: Told, resource: Resource) -> Told | Left:
    """Return a part as it stands in its whole Observation: left out where anything around it names
    another site or kind.
    """
    variable = one.variable
    # A code that says "on air" or "on oxygen" has no site, and is known by itself.
    found = [] if one.given else [one.asked.verdict(variable)]
    if one.part is not resource:
        found.append(question(resource.code).verdict(variable))
    if resource.bodySite:
        found.append(verdict(_listed(resource.bodySite), "bodySite", variable))
    if resource.method:
        found.append(verdict(_listed(resource.method), "method", variable))
    if resource.extension:
        found.append(verdict(_positions(resource), "position", variable))
    if OTHER in found or (resource.category and is_activity(_listed(resource.category))):
        return Left(variable.label, "context", one.part)
    return one if found.count(OWN) == len(found) else one._replace(known=False)


def _positions(resource: Resource) -> Iterable[Concept | None]:
    for extension in resource.extension or ():
        if (extension.url or "").endswith(POSITION):
            yield extension.valueCodeableConcept


def _listed(members: list[Member] | Member | None) -> list[Member]:
    return members if isinstance(members, list) else [] if members is None else [members]
