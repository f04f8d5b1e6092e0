"""Turns FHIR Resources into a Chart: time-ordered readings in canonical units, and what was
rejected and why (B5).

A reading counts only if its status, patient, code, unit, range and time allow it; everything else
is counted by reason.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from models.patient.chart import Chart, PartState, Reading
from models.patient.vocabulary import VARIABLES, Variable, asked_by
from models.reading.acvpu import acvpu_points
from models.reading.fhir import Component, Concept, Resource, instant, refers_to, youngest_birth
from models.reading.oxygen import oxygen
from models.reading.units import converted, unit_of, written

LOOK_BACK = timedelta(days=7)
SKEW = timedelta(minutes=5)
STATUSES = {"final", "amended", "corrected"}

# Every reason for which an Observation is not read, as the card and the page say it.
REASONS = {
    "status": "not final, or entered in error",
    "patient": "about another patient, or nobody",
    "code": "not a value that Vigil reads",
    "time": "without an exact time and time zone",
    "future": "dated in the future",
    "old": "older than seven days",
    "value": "without a number",
    "bound": "only a bound (< or >)",
    "unit": "in an unknown unit",
    "range": "outside what is physically plausible",
    "duplicate": "a duplicate",
    "malformed": "not valid FHIR",
}


class WrongPatient(ValueError):
    """A Patient resource of somebody else came with the chart (B6)."""


def read_chart(
    resources: Iterable[Resource],
    patient_id: str,
    at: datetime,
    malformed: int = 0,
    look_back: timedelta = LOOK_BACK,
    parts: Mapping[str, PartState] | None = None,
) -> Chart:
    """Read what counts at `at` (aware UTC) from a patient's resources, in any order, with the same
    result.

    Resources of other types are passed over. `malformed` is what the parser already set aside,
    `parts` what could be read at all; without it the chart is taken for whole. Raises WrongPatient
    if a Patient resource has another id.
    """
    reader = _Reader(patient_id, at, look_back)
    reader.rejected["malformed"] += malformed
    person = Resource()
    for resource in resources:
        if resource.resourceType == "Observation":
            reader.read(resource)
        elif resource.resourceType == "Patient":
            if resource.id != patient_id:
                raise WrongPatient("The chart holds a Patient resource of another patient.")
            person = resource
    sex = person.gender if person.gender in {"male", "female"} else None
    deceased = bool(person.deceasedBoolean or person.deceasedDateTime)
    kept = without_duplicates(reader.readings, reader.rejected)
    return Chart(
        patient_id,
        youngest_birth(person.birthDate),
        sex,
        deceased,
        kept,
        dict(sorted((+reader.rejected).items())),
        dict(parts or {}),
    )


def without_duplicates(readings: list[Reading], rejected: Counter[str]) -> tuple[Reading, ...]:
    """Return the readings oldest first, one of each variable, time and value (a panel and its
    rows, a page sent twice).
    """
    kept = {reading[:3]: reading for reading in sorted(readings, reverse=True)}
    rejected["duplicate"] += len(readings) - len(kept)
    return tuple(reversed(kept.values()))


class _Reader:
    """Collects the readings of one patient at one moment, and counts what it rejects by reason."""

    def __init__(self, patient_id: str, at: datetime, look_back: timedelta) -> None:
        self.readings: list[Reading] = []
        self.rejected: Counter[str] = Counter()
        self._patient, self._at = patient_id, at
        self._earliest, self._latest = at - look_back, at + SKEW
        # A chart names its patient in the same words in each resource, so the words are compared
        # once.
        self._subjects: dict[str | None, bool] = {}

    def read(self, resource: Resource) -> None:
        time = taken(resource)
        reason = self._refusal(resource, time)
        if reason or time is None:
            self.rejected[reason or "time"] += 1
            return
        # A clock a little ahead of ours: the reading counts as taken now, so that nothing later has
        # to know of skew.
        time = min(time, self._at)
        source = f"Observation/{resource.id}" if resource.id else "Observation without id"
        known = _known_parts(resource)
        if not known:
            self.rejected["code"] += 1
        for variable, part in known:
            self._take(variable, part, time, source)
            if variable.name == "spo2" and resource.referenceRange and _has_scale2_target(resource):
                self.readings.append(Reading(time, "spo2_target", 92.0, source))

    def _refusal(self, resource: Resource, time: datetime | None) -> str | None:
        """Return why the whole Observation can't count, or None."""
        if resource.status not in STATUSES:
            return "status"
        reference = resource.subject.reference if resource.subject else None
        if reference not in self._subjects:
            self._subjects[reference] = refers_to(reference, self._patient)
        if not self._subjects[reference]:
            return "patient"
        if time is None:
            return "time"
        return "future" if time > self._latest else "old" if time < self._earliest else None

    def _take(self, variable: Variable, part: Component, time: datetime, source: str) -> None:
        value, reason = _value(variable, part)
        if value is None:
            self.rejected[reason] += 1
        else:
            self.readings.append(Reading(time, variable.name, value, source))


def taken(resource: Resource) -> datetime | None:
    """Return when an Observation was taken (aware UTC), the end of a period.

    None without an exact time.
    """
    period = resource.effectivePeriod
    of_period = (period.end or period.start) if period else None
    return instant(resource.effectiveDateTime or resource.effectiveInstant or of_period)


def _known_parts(resource: Resource) -> list[tuple[Variable, Component]]:
    """Return the parts that carry a variable; a parent without a value of its own steps back
    behind its components.
    """
    own = _variable(resource)
    parts = [
        (variable, part)
        for part in resource.component or ()
        if (variable := _variable(part)) is not None
    ]
    return [(own, resource), *parts] if own and (not parts or _has_value(resource)) else parts


def _variable(part: Component) -> Variable | None:
    if said := oxygen(part):
        return VARIABLES[said.variable]
    for coding in part.code.coding or () if part.code else ():
        if variable := asked_by(coding.system, coding.code):
            return variable
    return None


def _has_value(part: Component) -> bool:
    return (
        part.valueQuantity is not None
        or part.valueCodeableConcept is not None
        or part.valueInteger is not None
        or part.valueString is not None
        or part.valueBoolean is not None
    )


def _has_scale2_target(resource: Resource) -> bool:
    """Tell whether a clinician's target of 88 to 92 % stands at the reading; it is never guessed
    from a diagnosis.
    """
    ranges = [
        (r.low and r.low.value, r.high and r.high.value) for r in resource.referenceRange or ()
    ]
    return (88.0, 92.0) in ranges


def _value(variable: Variable, part: Component) -> tuple[float | None, str]:
    """Return the value in the variable's unit, or None and the reason."""
    if part.dataAbsentReason is not None:
        return None, "value"
    if variable.name == "acvpu":
        return acvpu_points(part.valueCodeableConcept or Concept(text=part.valueString)), "value"
    said, quantity = oxygen(part), part.valueQuantity
    if said and (said.number is not None or said.least is not None):
        return said.number, "bound"
    if quantity is None and part.valueString is not None:
        return _written(variable, part)
    if quantity is None:
        return accept(
            variable, None if part.valueInteger is None else float(part.valueInteger), None
        )
    if quantity.comparator:
        return None, "bound"
    return accept(variable, quantity.value, unit_of(quantity), question(variable, part.code))


def _written(variable: Variable, part: Component) -> tuple[float | None, str]:
    code = question(variable, part.code)
    told = written(part.valueString or "", variable, code)
    if told is None or told.comparator:
        return None, "bound" if told else "value"
    return accept(variable, told.number, told.unit, code)


def question(variable: Variable, code: Concept | None) -> str | None:
    """Return the code under which a part asks for a variable."""
    for coding in code.coding or () if code else ():
        if asked_by(coding.system, coding.code) is variable:
            return coding.code
    return None


def accept(
    variable: Variable, number: float | None, unit: str | None, code: str | None = None
) -> tuple[float | None, str]:
    """Return a number in the variable's own unit if it is finite, known and plausible, else None
    and the reason; `code` is that of the question, where there was one.

    Both a chart's Observations and the rows of a training set pass through here.
    """
    if number is None or not math.isfinite(number):
        return None, "value"
    value = converted(variable, code, number, unit)
    if value is None:
        return None, "unit"
    return (round(value, 4), "") if variable.low <= value <= variable.high else (None, "range")
