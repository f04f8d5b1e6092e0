"""Reads and assesses one chart of a list, and records that as the call of a hook is."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec

from ehr.chart import Collected, collect
from ehr.fetch import FetchError
from models.assess import Assessment, assess
from models.judged import judged
from models.patient.chart import Chart
from models.reading.reader import WrongPatient
from runtime.logs import keyed_hash
from smartapp.door import Door, Opened
from smartapp.launching.scopes import by_user, readable
from smartapp.patients.arms import arm_of
from smartapp.patients.assessed import Assessed
from smartapp.problems import TokenRefused
from smartapp.record import Person, person

# Of one chart, for which nobody waits.
SECONDS = 12.0


class Unread(Exception):
    """The chart could not be read; the message is a fixed word, fit for page and log."""


def assess_chart(
    door: Door, opened: Opened, patient: str, alone: Callable[[], AbstractContextManager[None]]
) -> tuple[Person, Assessed]:
    """Return who a patient is and what was found, once that is on disk; within `alone` the
    processor is used. In a control arm the models' part is recorded and not returned.

    Raises Unread, TokenRefused, AuditError, ModelError.
    """
    at, ehr = door.clock(), opened.ehr
    collected = _collected(door, opened, patient, at)
    with alone():
        chart = _chart(collected, patient, at, opened)
        found = assess(chart, at, door.models, ehr.overdue_factor, door.missing)
    arm = arm_of(door.audit, ehr, patient, at, door.trial)
    record = _record(opened, chart, found) | {
        "trial": door.trial.record(arm) if door.trial and arm else None,
        "withheld": bool(arm and arm.withheld),
        "overdue_factor": ehr.overdue_factor,
    }
    door.audit.append("listed", record)
    # As who reads the record later finds it.
    kept = msgspec.json.encode(record | {"type": "listed"})
    assessed = msgspec.json.decode(kept, type=Assessed)
    return person(collected.patient), assessed.without_models() if assessed.hidden else assessed


def _collected(door: Door, opened: Opened, patient: str, at: datetime) -> Collected:
    session = opened.session
    try:
        fetch = door.fhir.start(session.iss, session.access_token, SECONDS)
    except FetchError as error:
        raise Unread(str(error)) from None
    granted = readable(by_user(session.scope))
    found = collect(patient, at, {}, fetch, opened.ehr.traits, granted)
    if found.refused(401):
        raise TokenRefused("token refused by the FHIR server")
    if found.unobserved:
        raise Unread(next((part.why for part in found.parts.values() if part.why), "not read"))
    return found


def _chart(collected: Collected, patient: str, at: datetime, opened: Opened) -> Chart:
    try:
        return collected.chart(patient, at, opened.ehr.fhir_base)
    except WrongPatient:
        raise Unread("another patient came") from None


def _record(opened: Opened, chart: Chart, found: Assessment) -> dict[str, Any]:
    session, lead = opened.session, found.lead
    return judged(found) | {
        "ehr": session.ehr,
        "user": session.user,
        "fhir_user": session.fhir_user,
        "session": keyed_hash(opened.ticket.handle),
        "route": "charts",
        "assessment_id": str(uuid.uuid4()),
        "patient": chart.patient,
        "at": found.at.isoformat(),
        "model": asdict(lead.model) if lead else None,
        "probability": lead.probability if lead else None,
        "band": lead.band if lead else None,
        "chart": chart.as_json(),
    }
