"""Turns a session into the patient's chart and banner, by the reader that the hook uses too.

fhirclient's Patient reads the banner: a resource of any shape gives what can be read of it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fhirclient.models.coding import Coding
from fhirclient.models.humanname import HumanName
from fhirclient.models.identifier import Identifier
from fhirclient.models.patient import Patient

from ehr.chart import Collected, collect
from ehr.fetch import FetchError, Fhir
from models.patient.chart import Chart
from models.patient.coverage import COVERED
from models.reading import lenient
from models.reading.reader import LOOK_BACK, WrongPatient
from models.reading.trace import Fate
from runtime.settings import Ehr
from smartapp.evidence.kept import Evidence
from smartapp.evidence.observed import evidence
from smartapp.launching.scopes import readable
from smartapp.problems import LaunchRefused, TokenRefused, WrongChart
from smartapp.session import Session

# A person waits for the page.
PAGE_SECONDS = 15.0
# The course of the risk looks back from each of its hours, so the page wants all that counts.
WANTED: dict[str, timedelta] = dict.fromkeys(COVERED, LOOK_BACK)
# fhirclient logs what it can't read, and that may hold a name (F9).
logging.getLogger("fhirclient").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Person:
    """Who the page is about; None is said as not available."""

    name: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    mrn: str | None = None
    record_number: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What the EHR gave: the person; the chart, which says what of it could not be read; and each
    Observation of it.
    """

    person: Person
    chart: Chart
    evidence: Evidence


def read_record(session: Session, at: datetime, ehr: Ehr, fhir: Fhir) -> Record:
    """Read the session's patient up to `at`.

    Raises TokenRefused, and WrongChart when another patient's data came.
    """
    try:
        fetch = fhir.start(session.iss, session.access_token, PAGE_SECONDS)
    except FetchError:
        raise LaunchRefused("iss no longer trusted") from None
    granted = readable(session.scope)
    collected = collect(session.patient, at, {}, fetch, ehr.traits, granted, WANTED)
    if collected.refused(401):
        raise TokenRefused("token refused by the FHIR server")
    trace: list[Fate] = []
    chart = _chart(collected, session.patient, at, ehr, trace)
    return Record(person(collected.patient), chart, evidence(trace, chart, at))


def _chart(collected: Collected, patient: str, at: datetime, ehr: Ehr, trace: list[Fate]) -> Chart:
    try:
        return collected.chart(patient, at, ehr.fhir_base, trace)
    except WrongPatient:
        raise WrongChart("the EHR answered with another patient") from None


def person(document: bytes | None) -> Person:
    """Return the banner of a Patient resource, tolerant of any shape; nobody for something else."""
    found = lenient.loaded(document) if document else {}
    if found.get("resourceType") != "Patient":
        return Person()
    patient = Patient(found | _readable(found), strict=False)
    born = patient.birthDate.as_json() if patient.birthDate else None
    numbers = patient.identifier or []
    return Person(
        _name(patient.name or []), born, patient.gender, _mrn(numbers), _record_number(numbers)
    )


def _readable(found: dict[str, Any]) -> dict[str, Any]:
    """Return the members that fhirclient would drop whole for an odd item or a time of day."""
    born = found.get("birthDate")
    lists = {name: found[name] for name in ("name", "identifier") if name in found}
    kept = {
        name: [item for item in items if isinstance(item, dict)]
        if isinstance(items, list)
        else None
        for name, items in lists.items()
    }
    return kept | {"birthDate": born.partition("T")[0] if isinstance(born, str) else None}


def _name(names: list[HumanName]) -> str | None:
    """Return the official or usual name as "family, given"; ended, old and nick names come
    last.
    """
    order = {"official": 0, "usual": 1, None: 2}
    for name in sorted(names, key=lambda n: (_ended(n), order.get(n.use, 3))):
        # An item of null says more of a name in its extensions alone.
        given = " ".join(one for one in name.given or [] if one)
        full = ", ".join(p for p in (name.family, given) if p) or name.text
        if full:
            return full[:200]
    return None


def _mrn(identifiers: list[Identifier]) -> str | None:
    """Return the identifier of type MR (v2 table 0203); no other number is passed off as it."""
    return _number(i for i in identifiers if any(c.code == "MR" for c in _codings(i)))


def _record_number(identifiers: list[Identifier]) -> str | None:
    """Return the identifier for usual use, if it is of no other type: EHRs that name no types
    chart by it.
    """
    return _number(i for i in identifiers if i.use == "usual" and not i.type)


def _number(identifiers: Iterable[Identifier]) -> str | None:
    """Return the first that has a value, those that were ended last; none of `use` old, as of a
    chart that was merged into another.
    """
    known = sorted((i for i in identifiers if i.value and i.use != "old"), key=_ended)
    return str(known[0].value)[:200] if known else None


def _ended(item: HumanName | Identifier) -> bool:
    return bool(item.period and item.period.end)


def _codings(identifier: Identifier) -> list[Coding]:
    return (identifier.type.coding or []) if identifier.type else []
