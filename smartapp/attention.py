"""Turns the findings of an Assessment into the list above the risk: what makes it urgent, with
value, time and the resource that it stands in.
"""

from dataclasses import dataclass
from datetime import datetime

from models.assess import Assessment
from models.findings.response import response
from models.patient.chart import Chart
from models.patient.news2 import YOUNGEST

LEVELS = ("critical", "warning")
# What has a place of its own on the page, unless it is urgent.
ELSEWHERE = {"risk", "unread"}


@dataclass(frozen=True, slots=True)
class Told:
    """One finding as the page lists it; `time` and `source` are None where it is not about one
    value, `rule` says by what it is one.
    """

    level: str
    kind: str
    sentence: str
    time: datetime | None
    source: str | None
    rule: str


@dataclass(frozen=True, slots=True)
class Attention:
    """What asks for attention: `urgent` findings, the gravest first, `other` ones that have no
    place of their own, and what the Royal College of Physicians asks for at this NEWS2.
    """

    level: str
    urgent: tuple[Told, ...]
    other: tuple[Told, ...]
    response: str


def attention(chart: Chart, assessment: Assessment) -> Attention:
    """Return what asks for attention in an assessment of this chart."""
    sources: dict[tuple[str | None, datetime | None], str] = {
        (u.variable, u.time): u.source for u in chart.unusable
    }
    sources |= {(r.variable, r.time): r.source for r in chart.readings}
    sources |= {(i.variable, i.time): i.source for i in assessment.inputs if i.time and i.source}
    told = [
        Told(f.level, f.kind, f.sentence, f.time, sources.get((f.variable, f.time)), f.source)
        for f in assessment.findings
    ]
    return Attention(
        assessment.level,
        tuple(item for item in told if item.level in LEVELS),
        tuple(item for item in told if item.level not in LEVELS and item.kind not in ELSEWHERE),
        _asked(assessment),
    )


def _asked(assessment: Assessment) -> str:
    """Return what the RCP asks for at this NEWS2, of those for whom it is made."""
    age = assessment.age_years
    adult = age is not None and age >= YOUNGEST and assessment.status != "deceased"
    return response(assessment.news2).line_at(assessment.level) if adult else ""
