"""Turns a session into the values of its explanation page: the card's own assessment, a fresh
one, or both compared.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec

from models.assess import Assessment
from models.findings.overdue import OVERDUE_FACTOR
from models.judged import judged
from models.patient.chart import Chart
from runtime.audit.log import Audit
from runtime.settings import Ehr
from runtime.trials.arm import CONTROL, Subject
from runtime.trials.phase import phase_of
from runtime.trials.running import Running
from smartapp.door import Door, Opened
from smartapp.pages import explanation, headline
from smartapp.problems import Mismatch
from smartapp.record import read_record
from smartapp.session import Session
from smartapp.sight import ChartAt, Sight

UNKNOWN_CARD = (
    "The card that you came from is not known here any more. This page was computed "
    "anew from the chart."
)
NO_CARD = "This page was computed from the chart as it is now."
SILENT = {
    "shadow": "Vigil is in shadow mode here: no cards are shown to anybody.",
    "silent": "Vigil is in its silent phase here: cards and this page are for named users only.",
}
OTHER_MODEL = (
    "The model has been replaced since the card was made; this explanation is computed "
    "with the model of today."
)


@dataclass(frozen=True)
class View:
    """What one page view shows: the template's values, and the record for the audit."""

    values: dict[str, Any]
    record: dict[str, Any]


def explain(door: Door, opened: Opened, wish: str | None) -> View:
    """Build the page of a session; `wish` is "now" for the newest view where there is a card's. In
    a trial's control arm it holds nothing that the models say.

    Raises Mismatch when the card or the chart belongs to another patient or EHR, TokenRefused when
    the token is refused, NotRenewed when there is none for now.
    """
    session, ehr, now = opened.session, opened.ehr, opened.now
    card = _card(session, door.audit)
    arm = _trial(session, ehr, card, now, door.trial)
    record = door.reading(opened, lambda granted: read_record(granted, now, ehr, door.fhir))
    sight = Sight(
        record.person,
        ChartAt(record.chart, now, ehr.overdue_factor),
        _of_card(card) if card else None,
        "card" if card and wish != "now" else "now",
        # What the card was asked is asked of the newest chart too.
        card.get("question", "") if card else "",
        bool(arm and arm["arm"] == CONTROL),
        msgspec.Raw(msgspec.json.encode(record.evidence)),
    )
    door.keep(opened, sight)
    fresh = door.assess(sight, sight.now)
    comparison, assessment = "", fresh
    notice: str | None = NO_CARD if session.assessment_id is None else UNKNOWN_CARD
    if card and sight.card:
        explained = door.assess(sight, sight.card)
        comparison, notice = headline(explained, fresh), _model_notice(card, explained)
        assessment = explained if sight.shown == "card" else fresh
    problems = tuple(dict.fromkeys((*assessment.unread, *fresh.unread)))
    phase = phase_of(ehr, session.user)
    values = door.shared(opened, sight) | explanation(
        sight.seen.chart, assessment, door.models, ehr.zone, parts=True
    )
    values |= {
        "problems": problems,
        "notice": notice,
        "comparison": comparison,
        "silence": SILENT.get(phase.name),
    }
    kept = _audit_record(session, sight, assessment, problems)
    return View(values, kept | {"mode": phase.name, "trial": arm})


def _of_card(card: dict[str, Any]) -> ChartAt:
    factor = card.get("overdue_factor", OVERDUE_FACTOR)
    return ChartAt(Chart.from_json(card["chart"]), datetime.fromisoformat(card["at"]), factor)


def _trial(
    session: Session,
    ehr: Ehr,
    card: dict[str, Any] | None,
    now: datetime,
    trial: Running | None,
) -> dict[str, Any] | None:
    """Return what the record of the page's card says of a trial, while that goes on; without a
    card what a call about the session's patient would hold, so far as a session tells.
    """
    if trial is None:
        return None
    arm = trial.arm(Subject(ehr.id, session.patient, session.encounter), ehr, now)
    found = trial.record(arm) if arm else None
    before = card and card.get("trial")
    return before if before and found and found["arm"] else found


def _card(session: Session, audit: Audit) -> dict[str, Any] | None:
    """Return the audit record that the card named, if it is this patient's at this EHR."""
    if session.assessment_id is None:
        return None
    found = audit.find_assessment(session.assessment_id)
    if found is None or "chart" not in found:
        return None
    if (found.get("patient"), found.get("ehr")) != (session.patient, session.ehr):
        raise Mismatch("the card is of another patient or EHR")
    return found


def _model_notice(card: dict[str, Any], explained: Assessment) -> str | None:
    recorded = card.get("model")
    lead = explained.lead
    # A recalibrated version has the same trees under another version.
    known = (
        (recorded.get("sha256"), recorded.get("version"))
        if isinstance(recorded, dict)
        else (None, None)
    )
    if lead and known[0] is not None and known != (lead.model.sha256, lead.model.version):
        return OTHER_MODEL
    return None


def _audit_record(
    session: Session, sight: Sight, assessment: Assessment, problems: tuple[str, ...]
) -> dict[str, Any]:
    lead = assessment.lead
    record = {
        "route": "explanation",
        "view": sight.shown if sight.card else "now",
        "at": assessment.at.isoformat(),
        "read_at": sight.now.at.isoformat(),
        "missing_parts": len(problems),
        "model": asdict(lead.model) if lead else None,
        "probability": lead.probability if lead else None,
        "band": lead.band if lead else None,
    } | judged(assessment)
    if sight.card:
        record["assessment_id"] = session.assessment_id
    if sight.shown == "now":
        record["chart"] = sight.now.chart.as_json()
    return record
