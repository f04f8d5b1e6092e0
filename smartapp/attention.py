"""Turns the findings of an Assessment into the list above the risk: what makes it urgent, with
value, time and the resource that it stands in.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime

from models.assess import Assessment
from models.findings.finding import Finding
from models.patient.chart import Chart
from smartapp.unused import INEXACT

Place = tuple[str | None, datetime | None]
LEVELS = ("critical", "warning")
# What has a place of its own on the page, unless it is urgent.
ELSEWHERE = {"risk", "unread"}


@dataclass(frozen=True, slots=True)
class Told:
    """One finding as the page lists it; `rule` says by what it is one.

    Missing: `time` and `source` where it is not about one value, `time` also where the chart has no
    exact one.
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
    sources: dict[Place, str] = {(u.variable, u.time): u.source for u in chart.unusable}
    sources |= {(r.variable, r.time): r.source for r in chart.readings}
    sources |= {(i.variable, i.time): i.source for i in assessment.inputs if i.time and i.source}
    vague = {(u.variable, u.time) for u in chart.unusable if u.reason == INEXACT}
    told = [_told(finding, sources, vague) for finding in assessment.findings]
    return Attention(
        assessment.level,
        tuple(item for item in told if item.level in LEVELS),
        tuple(item for item in told if item.level not in LEVELS and item.kind not in ELSEWHERE),
        assessment.asked,
    )


def _told(finding: Finding, sources: Mapping[Place, str], vague: Container[Place]) -> Told:
    place = finding.variable, finding.time
    time = None if place in vague else finding.time
    return Told(
        finding.level, finding.kind, finding.sentence, time, sources.get(place), finding.source
    )
