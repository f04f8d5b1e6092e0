"""Turns a session into the values of its explanation page: the card's own assessment, a fresh
one, or both compared.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ehr.fetch import Fhir
from models.assess import Assessment, assess
from models.findings.overdue import OVERDUE_FACTOR
from models.fitted.registry import Model
from models.patient.chart import Chart
from models.withheld import withheld
from runtime.audit.log import Audit
from runtime.settings import Ehr
from runtime.trials.arm import CONTROL, Subject
from runtime.trials.phase import phase_of
from runtime.trials.running import Running
from smartapp.pages import compare, explanation
from smartapp.problems import Mismatch, NotOpen
from smartapp.record import read_record
from smartapp.session import Session

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


def explain(
    session: Session,
    ehr: Ehr,
    wish: str | None,
    audit: Audit,
    fhir: Fhir,
    models: Sequence[Model],
    now: datetime,
    trial: Running | None,
    missing: Sequence[str] = (),
) -> View:
    """Build the page of a session; `wish` is "now" for the newest view where there is a card's,
    `missing` names the models that could not be loaded. In a trial's control arm it holds nothing
    that they say.

    Raises NotOpen in a silent phase, Mismatch when the card or the chart belongs to another patient
    or EHR, TokenRefused when the token is refused.
    """
    phase = phase_of(ehr, session.user)
    if phase.name == "silent" and not phase.open:
        raise NotOpen("silent mode")
    card = _card(session, audit)
    arm = _trial(session, ehr, card, now, trial)
    told = withheld if arm and arm["arm"] == CONTROL else _whole
    record = read_record(session, now, ehr, fhir)
    # What the card was asked is asked of the newest chart too.
    question = card.get("question", "") if card else ""
    fresh = told(assess(record.chart, now, models, ehr.overdue_factor, missing, question))
    comparison, shown = None, "now"
    chart, assessment = record.chart, fresh
    notice: str | None = NO_CARD if session.assessment_id is None else UNKNOWN_CARD
    if card:
        before = Chart.from_json(card["chart"])
        at = datetime.fromisoformat(card["at"])
        factor = card.get("overdue_factor", OVERDUE_FACTOR)
        explained = told(assess(before, at, models, factor, missing, question))
        comparison, notice = compare(explained, fresh), _model_notice(card, explained)
        if wish != "now":
            chart, assessment, shown = before, explained, "card"
    problems = tuple(dict.fromkeys((*assessment.unread, *fresh.unread)))
    values = explanation(chart, assessment, models, ehr.zone) | {
        "person": record.person,
        "problems": problems,
        "notice": notice,
        "comparison": comparison,
        "shown": shown,
        "silence": SILENT.get(phase.name),
    }
    kept = _audit_record(session, assessment, chart, shown, card is not None, problems)
    return View(values, kept | {"mode": phase.name, "trial": arm})


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


def _whole(assessment: Assessment) -> Assessment:
    return assessment


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
    session: Session,
    assessment: Assessment,
    chart: Chart,
    shown: str,
    from_card: bool,
    problems: tuple[str, ...],
) -> dict[str, Any]:
    lead = assessment.lead
    record = {
        "route": "explanation",
        "view": shown,
        "ehr": session.ehr,
        "patient": session.patient,
        "encounter": session.encounter,
        "user": session.user,
        "at": assessment.at.isoformat(),
        "status": assessment.status,
        "missing_parts": len(problems),
        "model": asdict(lead.model) if lead else None,
        "probability": lead.probability if lead else None,
        "band": lead.band if lead else None,
        "news2": assessment.news2.total,
    }
    if from_card:
        record["assessment_id"] = session.assessment_id
    if shown == "now":
        record["chart"] = chart.as_json()
    return record
