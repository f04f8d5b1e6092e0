"""Turns a decision into the card that is given: whole, or one line that says why it is short."""

from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from cdshooks import cards
from cdshooks.delivering.decision import Decision
from models.assess import Assessment
from models.findings.finding import LEVELS, Finding
from runtime.settings import Ehr

WHY_SHORT = {
    "quiet period": "Shown in full to you before; nothing new since.",
    "below threshold": "Shown in one line: this EHR shows whole cards from a higher level.",
    "snoozed: known": "In one line: you dismissed it as known or being treated.",
    "snoozed: limits": "In one line: dismissed because of treatment limits.",
    "snoozed: data": "In one line: the data were said to be wrong, and there are none newer.",
    "snoozed: other": "In one line: you dismissed it.",
}


def given(
    made: Decision,
    assessment: Assessment,
    assessment_id: str,
    ehr: Ehr,
    public_url: str,
    encounter: str | None = None,
) -> list[dict[str, Any]]:
    """Return the cards of a decision: one, or none."""
    if not made.shown:
        return []
    short = made.form == "line"
    why = _why(made.reason, made.until, assessment.at, ehr.zone) if short else ""
    told = lowered(assessment, made.level)
    return [cards.card(told, assessment_id, ehr, public_url, encounter, why)]


def lowered(assessment: Assessment, level: str) -> Assessment:
    """Return an assessment whose risks make nothing more urgent than `level`; what they say
    stays.
    """
    found = [_at_most(item, level) if item.kind == "risk" else item for item in assessment.findings]
    found.sort(key=lambda item: -LEVELS.index(item.level))
    return replace(assessment, findings=tuple(found))


def _at_most(finding: Finding, level: str) -> Finding:
    return replace(finding, level=min(finding.level, level, key=LEVELS.index))


def _why(reason: str, until: datetime | None, at: datetime, zone: tzinfo) -> str:
    """Return why a card is short, and how long that lasts where it lasts for a known time."""
    if until is None:
        return WHY_SHORT[reason]
    end = until.astimezone(zone)
    day = "" if end.date() == at.astimezone(zone).date() else f"{end:%d %b} "
    return f"{WHY_SHORT[reason]} In full again if that changes, or after {day}{end:%H:%M %Z}."
