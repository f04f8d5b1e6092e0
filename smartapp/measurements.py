"""The part of a page that shows what was measured: a small plot of each variable, those first that
matter most for this patient.

What is grave leads, then what adds most to a risk; what hardly changed, passes no limit and adds
little is folded away, and what was not measured is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, request

from models.assess import Assessment
from models.findings.finding import LEVELS
from models.patient.chart import Chart
from models.patient.coverage import LABELS
from models.patient.inputs import absent
from models.patient.series import SISTERS
from models.patient.vocabulary import GROUPS, VARIABLES
from smartapp.door import Door
from smartapp.plots.axes import Tick, time_scale, time_ticks
from smartapp.plots.limits import limits_of
from smartapp.plots.trends import LEFT, RIGHT, Trend, trends
from smartapp.plots.waterfall import MOST

# What the chart is read back to (models.reading.reader.LOOK_BACK) is the longest of these.
RANGES = {12: "12 hours", 48: "48 hours", 168: "7 days"}
TICKS = {12: 3, 48: 12, 168: 24}
USUAL = 48
BEFORE = "measured before that"


@dataclass(frozen=True, slots=True)
class Row:
    """One Trend, with the `level` of what is found of it and its place in the order."""

    trend: Trend
    level: str
    folded: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """The variables measured within so many `hours`, what matters first; `since` says by group of
    variables from when on (aware UTC, None: not at all) it was read, where that is later.
    """

    hours: int
    ranges: Mapping[int, str]
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    absent: Mapping[str, list[str]]
    since: Mapping[str, datetime | None]

    @property
    def leading(self) -> tuple[Row, ...]:
        """Return what is shown at once."""
        return tuple(row for row in self.rows if not row.folded)

    @property
    def folded(self) -> tuple[Row, ...]:
        """Return what hardly changed, passes no limit and adds little."""
        return tuple(row for row in self.rows if row.folded)


class Measurements:
    """The route of the part."""

    def __init__(self, door: Door):
        self.door = door

    def add_to(self, blueprint: Blueprint) -> None:
        """Give the blueprint the part's address."""
        blueprint.add_url_rule("/l/<handle>/trends", "trends", self.show)

    def show(self, handle: str) -> str:
        """Show what was measured within the range of time that is asked for."""
        opened = self.door.open(handle)
        sight = self.door.sight(opened)
        assessment = self.door.assess(sight, sight.seen)
        wish = request.args.get("hours", "")
        hours = int(wish) if wish in map(str, RANGES) else USUAL
        found = measured(sight.seen.chart, assessment, hours)
        return self.door.part(opened, sight, "trends", measured=found, assessment=assessment)


def measured(chart: Chart, assessment: Assessment, hours: int = USUAL) -> Measured:
    """Return what was measured in a chart up to the assessment of it; a child's values are judged
    by no adult's limits.
    """
    at, score = assessment.at, assessment.news2
    limits = {name: limits_of(variable, score) for name, variable in VARIABLES.items()}
    judged = None if assessment.status == "child" else limits
    modelled = bool(assessment.lead)
    plots = trends(chart.readings, assessment.inputs, at, hours, modelled, judged)
    begin = at - timedelta(hours=hours)
    since = {LABELS[group]: chart.since(group) for group in GROUPS}
    return Measured(
        hours,
        RANGES,
        time_ticks(time_scale(at, hours, LEFT, RIGHT), at, TICKS[hours]),
        _ordered(plots, assessment),
        _unmeasured({plot.variable for plot in plots}, assessment, begin),
        {label: time for label, time in since.items() if time is None or time > begin},
    )


def _ordered(plots: Sequence[Trend], assessment: Assessment) -> tuple[Row, ...]:
    """Return the plots, the gravest finding first, then what adds most to a risk, then what was
    grave once.
    """
    levels = _levels(assessment)
    shares, leading = _shares(assessment)
    rows = []
    for plot in plots:
        level, speaks_for = levels.get(plot.variable, LEVELS[0]), _fed(plot.variable)
        grave = any(point.grave for point in plot.points)
        calm = level == LEVELS[0] and not grave and speaks_for not in leading
        rows.append(Row(plot, level, calm and not plot.varied))

    def weight(row: Row) -> tuple[int, float, bool]:
        share = shares.get(_fed(row.trend.variable), 0.0)
        grave = any(point.grave for point in row.trend.points)
        return -LEVELS.index(row.level), -share, not grave

    return tuple(sorted(rows, key=weight))


def _fed(variable: str) -> str:
    """Return the variable under which a model is given a value: flow as a fraction of oxygen."""
    return SISTERS.get(variable, variable)


def _levels(assessment: Assessment) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in reversed(assessment.findings):  # the gravest first, so that it is the last word
        if one.variable:
            found[one.variable] = one.level
    return found


def _shares(assessment: Assessment) -> tuple[dict[str, float], set[str]]:
    """Return what each variable adds to or takes from a risk at the most, in points, and those that
    a waterfall names.
    """
    found: dict[str, float] = {}
    leading: set[str] = set()
    for risk in assessment.risks:
        for share in risk.explanation.shares:
            found[share.variable] = max(abs(share.points), found.get(share.variable, 0.0))
        leading |= {share.variable for share in risk.explanation.shares[: MOST - 1] if share.points}
    return found, leading


def _unmeasured(plotted: set[str], assessment: Assessment, begin: datetime) -> dict[str, list[str]]:
    """Return the labels of what has no plot, by the words that say why; what was reckoned from a
    plotted one needs none.
    """
    others = [i for i in assessment.inputs if i.variable not in plotted]
    before = [i.label for i in others if i.value is not None and i.time and i.time < begin]
    lacking = absent(i for i in others if i.state in ("missing", "unread", "unusable"))
    return lacking | ({BEFORE: before} if before else {})
