"""Turns the records about a patient into what is marked on the course of the risk: cards given and
held back, what was answered to them, and when results came.

Only this patient's records at this EHR record count. Who else saw or said something is not told.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from models.patient.chart import Chart
from models.patient.vocabulary import VARIABLES
from runtime.audit.log import Audit
from runtime.audit.people import relative
from runtime.settings import Ehr
from smartapp.door import Opened
from smartapp.session import Session
from smartapp.sight import Sight

TYPES = ("hook", "feedback", "answer", "snooze")
RESULTS = "results"
# Signs that stand nearer than this would hide each other.
NEAR_SECONDS = 1800


class Mark(NamedTuple):
    """One thing that happened at `time` (aware UTC).

    `kind` is "whole" or "line" of a card that was given at `level`, "none" of one held back,
    RESULTS with the labels of what was measured, or what was answered: "overridden", "accepted",
    "agreed", "disagreed", "snoozed", "woken". `reason` is the decision's or the answer's own word.
    `mine` is None where it is not known by whom or to whom. It stands for as many `times` of the
    same in one half hour, of which it is the newest.
    """

    time: datetime
    kind: str
    level: str | None = None
    reason: str = ""
    mine: bool | None = None
    labels: tuple[str, ...] = ()
    times: int = 1


def events(opened: Opened, sight: Sight, start: datetime, audit: Audit) -> list[Mark]:
    """Return what was shown of a patient and said to it from `start` on, oldest first; a chart that
    many people open has the same of a half hour once.

    In a trial's control arm the reasons stay untold. Raises AuditError.
    """
    session, ehr = opened.session, opened.ehr
    found = []
    for record in audit.of_patient(session.ehr, session.patient, start, *TYPES):
        if (record.get("ehr"), record.get("patient")) != (session.ehr, session.patient):
            continue
        mark = _call(record) if record["type"] == "hook" else _answer(record)
        if mark and start <= mark.time <= sight.now.at:
            told = mark._replace(reason="") if sight.withheld else mark
            found.append(told._replace(mine=_mine(record, session, ehr)))
    return _together(sorted(found, key=lambda mark: mark.time))


def _together(marks: list[Mark]) -> list[Mark]:
    same: dict[tuple[object, ...], list[Mark]] = {}
    for mark in marks:
        same.setdefault((mark.time.timestamp() // NEAR_SECONDS, *mark[1:]), []).append(mark)
    merged = [group[-1]._replace(times=len(group)) for group in same.values()]
    return sorted(merged, key=lambda mark: mark.time)


def results(chart: Chart, start: datetime, end: datetime) -> list[Mark]:
    """Return when laboratory values were taken, oldest first."""
    taken: dict[datetime, list[str]] = {}
    for reading in chart.readings:
        variable = VARIABLES[reading.variable]
        if variable.group == "labs" and start <= reading.time <= end:
            taken.setdefault(reading.time, []).append(variable.label)
    return [
        Mark(time, RESULTS, labels=tuple(dict.fromkeys(labels)))
        for time, labels in sorted(taken.items())
    ]


def _call(record: Mapping[str, Any]) -> Mark | None:
    """Return the mark of a call; none for one that was answered as before."""
    if record.get("repeat") or "shown" not in record:
        return None
    form = record.get("form") or ("whole" if record["shown"] else "none")
    level = record.get("given_level") if record["shown"] else None
    reason = "" if record["shown"] else record.get("delivery", "")
    return Mark(datetime.fromisoformat(record["at"]), form, level, reason)


def _answer(record: Mapping[str, Any]) -> Mark | None:
    """Return the mark of what was said to a card or on a page; none for what was said before."""
    if record.get("repeat"):
        return None
    kind = record.get("fb_outcome") or ""
    if record["type"] == "snooze":
        kind = "woken" if record.get("ended") else "snoozed"
    reason = record.get("fb_reason") or {}
    return Mark(datetime.fromisoformat(record["ts"]), kind, None, reason.get("display", ""))


def _mine(record: Mapping[str, Any], session: Session, ehr: Ehr) -> bool | None:
    """Tell whether a record is of the session's own user; None where that is not known: a call
    names its user as the EHR does, a page as its token does, and whose a PractitionerRole is only
    the EHR knows.
    """
    own = session.fhir_user if record["type"] == "hook" else session.user
    names = [relative(name, ehr) for name in (record.get("user"), own) if name]
    if len(names) < 2 or len({name.rpartition("/")[0] for name in names}) > 1:
        return None
    return names[0] == names[1]
