"""Turns an Assessment into one card (CDS Hooks 2.0 "Card Attributes", R64-R82, R86-R88)."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from pathlib import Path
from typing import Any

from cdshooks.actions import suggestions
from ehr import markdown
from ehr.actions import reasons
from models.assess import Assessment
from models.certainty import foremost
from models.findings.finding import Finding
from models.findings.vitals import SEE
from models.patient.inputs import Input, absent, percent
from models.patient.news2 import MOST_NAMED
from models.patient.printing import age
from models.questions import ADMISSION, DISCHARGE, NOTHING_MORE
from models.reading.reader import REASONS
from models.withheld import WITHHELD
from runtime.settings import Ehr

TEMPLATES = Path(__file__).parents[1] / "templates" / "cards"
LONGEST_SUMMARY = 139
STRONGEST = 5
DISCLAIMER = "Research software, not a medical device; does not replace clinical judgement."
# The same for every card of a kind, letters alone (R69): a client may filter or order cards by it.
TOPICS = {NOTHING_MORE: "Deterioration", ADMISSION: "Admission", DISCHARGE: "Discharge"}
# Why there is no number, by the status of an assessment.
WITHOUT_NUMBER = {
    "insufficient": "too little data",
    "stale": "vital signs too old",
    "unread": "the chart could not be read in full",
    "unusable": "vital signs can't be used",
    "child": "the model is for adults only",
    "age unknown": "the patient's age is unknown",
    "deceased": "the patient has died",
    "scored": "the model is unavailable",
}
UNUSED = "The model could not be used for this chart."
# So long may the values be that share a sentence.
LONGEST_LIST = 48
# What findings of one kind have in common, so that a summary says it once.
SHARED = {
    ("critical", "zero"): SEE,
    ("warning", "sensor"): SEE,
    ("warning", "red"): " (3 points each)",
    ("critical", "laboratory"): " (critical)",
    ("warning", "laboratory"): " (beyond limits)",
}
# These have words of their own in summary and detail.
OWN_WORDS = ("news2", "risk")

# What a card says first where something was asked.
OPENINGS = {DISCHARGE: "Before discharge: "}
HEADINGS = {ADMISSION: "At this admission", DISCHARGE: "To settle before discharge"}

_detail = markdown.load(str(TEMPLATES), "detail.md")


def card(
    assessment: Assessment,
    assessment_id: str,
    ehr: Ehr,
    public_url: str,
    encounter: str | None = None,
    why_short: str = "",
) -> dict[str, Any]:
    """Return the card of an assessment; a short one says why it is, and suggests nothing.

    `assessment_id`, the unguessable name of its audit record, is its uuid: feedback names no other.
    `encounter` is the FHIR id of the stay, if it is known, for what the card suggests.
    """
    traits = ehr.traits
    made: dict[str, Any] = {
        "uuid": assessment_id,
        "summary": summary(assessment, ehr.zone),
        "indicator": assessment.level,
        "detail": why_short or detail(assessment, ehr.zone),
        "source": {
            "label": "Vigil",
            "url": f"{public_url}/model-card",
            "icon": f"{public_url}/static/icon.png",
        },
    }
    if traits.topic:
        made["source"]["topic"] = _topic(assessment.question)
    if not why_short:
        made |= suggestions.members(assessment, assessment_id, ehr, encounter)
    if traits.override_reasons:
        made["overrideReasons"] = reasons.codings("suggestions" in made)
    # Of an estimate that is withheld there is nothing to explain.
    if ehr.smart_client_id and assessment.status != WITHHELD:
        made["links"] = [_link(assessment_id, ehr, public_url)]
    return made


def _topic(question: str) -> dict[str, str]:
    word = TOPICS[question]
    return {"system": "urn:vigil:topic", "code": word.lower(), "display": word}


def summary(assessment: Assessment, zone: tzinfo = UTC) -> str:
    """Return a few sentences of fewer than 140 characters: the gravest finding first, then NEWS2,
    the risk, and the time of the data in `zone` (R64, R92).

    What does not fit is left out whole, so that no number is ever cut.
    """
    heads, opening = _heads(assessment.telling), OPENINGS.get(assessment.question, "")
    grave = [words for level, words in heads if level == assessment.level]
    rest = [words for level, words in heads if level != assessment.level]
    risk = _risk_beside(assessment)
    news2 = next((f.sentence for f in assessment.findings if f.kind == "news2"), "")
    data = _data_time(assessment.data_time, assessment.at, zone)
    # Where no risk was calculated, or not each, a summary without that would read as if one were
    # low.
    without = _missing(assessment) if assessment.lead else risk
    # What answers a question goes before the figures.
    asked = assessment.question != ""
    later = [news2, *rest, risk, data] if asked else [news2, risk, data, *rest]
    chosen: list[str] = []
    for part in filter(None, dict.fromkeys([*grave[:1], without, *grave, *later])):
        if len(opening + " ".join([*chosen, part])) <= LONGEST_SUMMARY:
            chosen.append(part)
    shown = dict.fromkeys([*grave, *rest, *([] if grave else [risk]), news2, risk, without, data])
    return opening + " ".join(part for part in shown if part in chosen)


def _heads(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Return level and sentence of findings, the gravest first, those of one kind in one."""
    return [
        (kind[0], sentence)
        for kind, group in groupby(findings, key=lambda finding: (finding.level, finding.kind))
        for sentence in _joined(kind, list(group))
    ]


def _joined(kind: tuple[str, str], group: list[Finding]) -> list[str]:
    if kind not in SHARED or len(group) == 1:
        return [finding.sentence for finding in group]
    words = group[0].written
    for number, finding in enumerate(group[1:], 1):
        if len(words) + len(finding.written) > LONGEST_LIST:
            words += f" and {len(group) - number} more"
            break
        words += f", {finding.written}"
    return [f"{words[0].upper()}{words[1:]}{SHARED[kind]}."]


def _risk_beside(assessment: Assessment) -> str:
    """Return the leading risk in words, or that none was calculated and why."""
    lead = assessment.lead
    if lead is None:
        return _not_calculated(assessment)
    if _low_beside_graver(assessment):
        return f"Model alone: {lead.figure} {lead.label} (low)."
    return lead.finding.sentence


def _low_beside_graver(assessment: Assessment) -> bool:
    """Tell whether "low risk" would sound like an all-clear beside a graver finding."""
    lead = assessment.lead
    return lead is not None and lead.band == "low" and assessment.level != lead.finding.level


def _not_calculated(assessment: Assessment) -> str:
    if assessment.status == WITHHELD:
        return "Model's estimate withheld (study)."
    return f"Risk not calculated: {WITHOUT_NUMBER[assessment.status]}."


def _missing(assessment: Assessment) -> str:
    names = assessment.unavailable
    return f"Model {' and '.join(names)} unavailable." if names else ""


def detail(assessment: Assessment, zone: tzinfo = UTC) -> str:
    """Return the detail in GitHub Flavored Markdown: what drives the risk, NEWS2, what is missing,
    stale or left out, and the time of the data, for which a summary may have no room.
    """
    lead, score = assessment.lead, assessment.news2
    missing = [item for item in assessment.inputs if item.state == "missing"]
    first, others = foremost(missing, lead.certainty if lead else None)
    return _detail.render(
        heading=HEADINGS.get(assessment.question, ""),
        timed=assessment.question == DISCHARGE,
        clock=lambda time: _clock(time, assessment.at, zone),
        findings=[finding for finding in assessment.findings if finding.kind not in OWN_WORDS],
        without=_not_calculated(assessment),
        risk=lead,
        alone=_low_beside_graver(assessment),
        earlier=percent(lead.earlier) if lead and lead.earlier is not None else "",
        contributions=lead.explanation.shown(STRONGEST) if lead else (),
        rest=lead.explanation.rest(STRONGEST) if lead else None,
        others=assessment.risks[1:],
        unavailable=assessment.unavailable,
        reasons=assessment.reasons or (() if lead or assessment.unavailable else (UNUSED,)),
        news2=score.text,
        lacking=score.lacking if len(score.missing) > MOST_NAMED else "",
        asked=assessment.asked,
        stale=_by_age(assessment.inputs),
        absent=absent(first),
        more_absent=others,
        unnamed=[
            (count, REASONS.get(reason, "for another reason"))
            for reason, count in _unnamed(assessment).items()
        ],
        left_out=assessment.left_out,
        reasons_left_out=REASONS,
        data=_data_time(assessment.data_time, assessment.at, zone),
        model=lead.model if lead else None,
        disclaimer=DISCLAIMER,
    ).strip()


def _by_age(inputs: Iterable[Input]) -> dict[str, list[str]]:
    """Return what is too old to count, by its age: a set of observations is one line."""
    found: dict[str, list[str]] = {}
    for item in inputs:
        if item.state == "stale":
            found.setdefault(age(item.age_hours), []).append(f"{item.label} {item.display}")
    return found


def _unnamed(assessment: Assessment) -> Counter[str]:
    """Return how many Observations were left out by reason, beside those that are named."""
    named = Counter[str]()
    for item in assessment.left_out:
        named[item.reason] += item.number
    return Counter(assessment.rejected) - named


def _data_time(newest: datetime | None, at: datetime, zone: tzinfo) -> str:
    if newest is None:
        return ""
    return f"Data to {_clock(newest, at, zone)}"


def _clock(time: datetime, at: datetime, zone: tzinfo) -> str:
    """Return a time as the ward reads it, with the day unless that is the day of `at`."""
    local = time.astimezone(zone)
    day = "" if local.date() == at.astimezone(zone).date() else f"{local:%d %b} "
    return f"{day}{local:%H:%M %Z}"


def _link(assessment_id: str, ehr: Ehr, public_url: str) -> dict[str, Any]:
    link = {"label": "Explain this estimate", "url": f"{public_url}/launch", "type": "smart"}
    # Without appContext the launch opens the page for the patient in context.
    if ehr.traits.app_context:
        link["appContext"] = json.dumps({"assessment": assessment_id})
    return link
