"""Turns an Assessment into the geometry of its plots: numbers in, coordinates and labels out;
templates/plots draws them.

The waterfall adds TreeSHAP contributions in log-odds from the baseline to the score (Lundberg
2017). NEWS2's parts follow the chart of the Royal College of Physicians (2017). All coordinates are
in the units of the SVG's viewBox, which is 340 wide, so that letters stay readable in a 320 px
panel.
"""

import math
from dataclasses import dataclass
from datetime import datetime

from models.assess import Risk
from models.fitted.model import logit, sigmoid
from models.patient.inputs import percent
from models.patient.news2 import Score
from models.ticks import round_values
from smartapp.axes import Scale, Tick, hours_before, lines, time_scale, time_ticks
from smartapp.wording import signed

WIDTH = 340
RISKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
ROW = 36
LONGEST_LABEL = 42
TOP = 44


@dataclass(frozen=True, slots=True)
class Bar:
    """One contribution: from `x` it is `width` wide, in the row that begins at `y`."""

    label: str
    kind: str
    x: float
    width: float
    y: float
    start: float
    end: float
    amount: str
    points: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Bars from the baseline to the score, under an axis of risk."""

    height: float
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    baseline: float
    score: float
    baseline_text: str
    risk_text: str


def waterfall(risk: Risk, most: int = 10) -> Waterfall:
    """Return the bars of a Risk: the `most` largest contributions, the small ones together as
    "all others".
    """
    steps = _steps(risk, most)
    edges = [risk.baseline]
    for _, amount, _ in steps:
        edges.append(edges[-1] + amount)
    pad = max((max(edges) - min(edges)) * 0.08, 0.2)
    # The right edge is kept for the amounts, so that no step runs through a figure.
    scale = Scale(min(edges) - pad, max(edges) + pad, 4, WIDTH - 64)
    bars = tuple(_bar(scale, n, step, edges[n], edges[n + 1]) for n, step in enumerate(steps))
    return Waterfall(
        TOP + ROW * len(bars) + 34,
        bars,
        _risk_ticks(scale),
        scale(risk.baseline),
        scale(risk.score),
        percent(sigmoid(risk.baseline)),
        percent(risk.probability),
    )


def _steps(risk: Risk, most: int) -> list[tuple[str, float, float | None]]:
    shown, rest = risk.contributions[:most], risk.contributions[most:]
    if len(rest) == 1:
        shown, rest = risk.contributions, ()
    steps: list[tuple[str, float, float | None]] = [
        (_short(c.text or c.label), c.log_odds, c.points) for c in shown
    ]
    if rest:
        steps.append((f"all others ({len(rest)})", math.fsum(c.log_odds for c in rest), None))
    return steps


def _short(text: str) -> str:
    """Fit a text beside its amount; the table below the plot has it in full."""
    text = text.replace("within the last half hour", "just now")
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"


def _bar(
    scale: Scale, n: int, step: tuple[str, float, float | None], start: float, end: float
) -> Bar:
    label, amount, points = step
    left, right = sorted((scale(start), scale(end)))
    kind = "raises" if amount > 0 else "lowers"
    change = "" if points is None else f"{signed(points, 1)} points"
    return Bar(
        label,
        kind,
        left,
        max(round(right - left, 1), 1.0),
        TOP + ROW * n,
        scale(start),
        scale(end),
        signed(amount),
        change,
    )


def _risk_ticks(scale: Scale) -> tuple[Tick, ...]:
    """Place round risks on the log-odds axis, leaving out those too near their neighbour to
    read.
    """
    ticks: list[Tick] = []
    for risk in RISKS:
        log_odds = logit(risk)
        x = scale(log_odds)
        if scale.low < log_odds < scale.high and (not ticks or x - ticks[-1].at >= 42):
            ticks.append(Tick(x, f"{risk * 100:g} %"))
    return tuple(ticks)


@dataclass(frozen=True, slots=True)
class StripRow:
    """One part of NEWS2: `boxes` are the x of its three point boxes; `points` is None when the
    part is unknown.
    """

    label: str
    value: str | None
    points: int | None
    y: float
    boxes: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """The seven parts of NEWS2 and where the total, or its range, lies on the scale from 0 to
    20.
    """

    height: float
    rows: tuple[StripRow, ...]
    ticks: tuple[Tick, ...]
    low: float
    high: float
    y: float


def news2_strip(score: Score) -> Strip:
    """Return the rows of a NEWS2 Score and its total on the scale from 0 to 20."""
    boxes = (WIDTH - 66.0, WIDTH - 44.0, WIDTH - 22.0)
    rows = tuple(
        StripRow(p.label, p.value, p.points, 26 * n, boxes) for n, p in enumerate(score.parts)
    )
    scale = Scale(0, 20, 10, WIDTH - 10)
    y = 26 * len(rows) + 26
    ticks = tuple(Tick(scale(n), str(n)) for n in (0, 5, 7, 20))
    return Strip(y + 34, rows, ticks, scale(score.low), scale(score.high), y)


@dataclass(frozen=True, slots=True)
class Course:
    """The risk hour by hour: polylines between gaps, single points, and the bands' thresholds."""

    height: float
    lines: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    thresholds: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    last: tuple[float, float] | None


def risk_course(
    course: list[tuple[datetime, float | None]],
    thresholds: dict[str, float],
    at: datetime,
    hours: int = 48,
) -> Course:
    """Return the course of a risk over the last `hours`; None in it is a gap, never a zero."""
    known = [risk for _, risk in course if risk is not None]
    top = min(max([*known, *thresholds.values(), 0.01]) * 1.15, 1.0)
    x, y = time_scale(at, hours, 40, WIDTH - 28), Scale(0, top, 150, 10)
    places = [
        None if risk is None else (x(hours_before(time, at)), y(risk)) for time, risk in course
    ]
    found = tuple(place for place in places if place is not None)
    return Course(
        190,
        lines(places),
        found,
        tuple(Tick(y(value), name) for name, value in thresholds.items()),
        tuple(Tick(y(value), f"{value * 100:g} %") for value in round_values(0, top)),
        time_ticks(x, at),
        found[-1] if found else None,
    )
