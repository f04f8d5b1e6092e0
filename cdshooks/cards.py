"""Turns an Assessment into one card (CDS Hooks 2.0 "Card Attributes", R64-R74, R86-R88)."""

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from cdshooks import markdown
from models.assess import Assessment, Risk
from models.certainty import INDETERMINATE, foremost
from models.patient.inputs import absent, percent
from models.patient.news2 import Score
from models.reading.reader import REASONS
from runtime.settings import Ehr

TEMPLATES = Path(__file__).parents[1] / "templates" / "cards"
LONGEST_SUMMARY = 139
STRONGEST = 5
INDICATORS = {"low": "info", "medium": "warning", "high": "critical"}
DISCLAIMER = "Research software, not a medical device; does not replace clinical judgement."
NAMESPACE = uuid.UUID("7a0c2f2e-57a5-4d0e-9d0c-5b6f6f1c2a11")
OVERRIDE_SYSTEM = "urn:vigil:override-reason"
OVERRIDES = {
    "known": "Already known or being treated",
    "limits": "Treatment limits or comfort care",
    "data": "The data are wrong or out of date",
    "disagree": "Does not fit the clinical picture",
    "other": "Another reason",
}
WITHOUT_NUMBER = {
    "insufficient": "No risk: too little data",
    "stale": "No risk: vital signs too old",
    "unread": "Risk not calculated: the chart could not be read in full",
    "child": "No risk: made for adults only",
    "scored": "No risk: the model is unavailable",
}

_detail = markdown.load(str(TEMPLATES), "detail.md")
_override_reasons = [
    {"code": code, "system": OVERRIDE_SYSTEM, "display": text} for code, text in OVERRIDES.items()
]


def card(
    assessment: Assessment,
    assessment_id: str,
    ehr: Ehr,
    public_url: str,
) -> dict[str, Any]:
    """Return the card of an assessment.

    `assessment_id` is the unguessable name of its audit record; the same id gives the same uuid.
    """
    made = {
        "uuid": str(uuid.uuid5(NAMESPACE, assessment_id)),
        "summary": summary(assessment),
        "indicator": INDICATORS[assessment.urgency],
        "detail": detail(assessment),
        "source": {
            "label": "Vigil",
            "url": f"{public_url}/model-card",
            "icon": f"{public_url}/static/icon.png",
        },
        "overrideReasons": _override_reasons,
    }
    if ehr.smart_client_id:
        made["links"] = [_link(assessment_id, ehr, public_url)]
    return made


def summary(assessment: Assessment) -> str:
    """Return one sentence of fewer than 140 characters: band, risk, trend, time of the data, NEWS2
    (R64, R92).

    What makes the card urgent comes first: NEWS2 where it is graver than the risk's own band.
    """
    lead, news2 = assessment.lead, news2_text(assessment.news2)
    first = (
        f"{_heading(lead)}: {lead.figure} {lead.label}{_trend(lead)}."
        if lead
        else f"{WITHOUT_NUMBER[assessment.status]}."
    )
    data = _data_time(assessment.data_time, assessment.at)
    if (
        news2
        and assessment.urgency != "low"
        and assessment.urgency not in {risk.urgency for risk in assessment.risks}
    ):
        parts = [f"{news2}.", first, data]
    else:
        parts = [first, "; ".join(part for part in (data, news2) if part)]
    text = " ".join(part for part in parts if part)
    return text if len(text) <= LONGEST_SUMMARY else first[:LONGEST_SUMMARY]


def detail(assessment: Assessment) -> str:
    """Return the detail in GitHub Flavored Markdown: what drives the risk, NEWS2, and what is
    missing, stale or left out.
    """
    lead, score = assessment.lead, assessment.news2
    missing = [item for item in assessment.inputs if item.state == "missing"]
    first, others = foremost(missing, lead.certainty if lead else None)
    known = bool(score.parts) and len(score.missing) < len(score.parts)
    return _detail.render(
        risk=lead,
        earlier=percent(lead.earlier) if lead and lead.earlier is not None else "",
        contributions=lead.explanation.shown(STRONGEST) if lead else (),
        rest=lead.explanation.rest(STRONGEST) if lead else None,
        others=assessment.risks[1:],
        reasons=assessment.reasons
        or (() if lead else ("The model could not be used for this chart.",)),
        news2=news2_text(score),
        missing_parts=score.missing if known else (),
        stale=[item for item in assessment.inputs if item.state == "stale"],
        absent=absent(first),
        more_absent=others,
        rejected=[
            (count, REASONS.get(reason, "for another reason"))
            for reason, count in assessment.rejected.items()
        ],
        unread=assessment.unread,
        model=lead.model if lead else None,
        disclaimer=DISCLAIMER,
    ).strip()


def news2_text(score: Score) -> str:
    """Return NEWS2 with its band, its range while parts are missing, or nothing while all are."""
    if score.parts and len(score.missing) == len(score.parts):
        return ""
    if score.total is not None:
        return f"NEWS2 {score.total} ({score.band})"
    certain = "partial" if score.band == "unknown" else f"{score.band}, partial"
    return f"NEWS2 {score.low} to {score.high} ({certain})"


def _heading(risk: Risk) -> str:
    return "Risk not certain" if risk.band == INDETERMINATE else f"{risk.band.capitalize()} risk"


def _trend(risk: Risk) -> str:
    return f", {risk.trend}" if risk.trend else ""


def _data_time(newest: datetime | None, at: datetime) -> str:
    if newest is None:
        return ""
    return (
        f"Data to {newest:%H:%M} UTC"
        if newest.date() == at.date()
        else f"Data to {newest:%d %b %H:%M} UTC"
    )


def _link(assessment_id: str, ehr: Ehr, public_url: str) -> dict[str, Any]:
    link = {"label": "Explain this estimate", "url": f"{public_url}/launch", "type": "smart"}
    # Oracle Health does not support appContext; its launch opens the page for the patient in
    # context.
    if ehr.profile != "oracle":
        link["appContext"] = json.dumps({"assessment": assessment_id})
    return link
