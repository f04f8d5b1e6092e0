"""Turns numbers of a validation into the geometry of its plots: coordinates and labels, which
templates/plot.svg.jinja draws.

All coordinates are in units of the SVG's viewBox, 360 wide. Each curve has a colour, a dash and a
mark of its own, and a table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from models.fitted.model import logit
from models.ticks import round_values
from studies.report.report_tables import MINUS, PERCENT, Cell, Table, written

LEFT, RIGHT, TALL = 50, 340, 216
KEY_ROW, BAR_ROW = 19, 29
SHORTEST, LONGEST = 30, 27
TICKS = 5
RISKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values with its label; `percent` writes its ticks as such."""

    label: str
    low: float
    high: float
    percent: bool = True
    log_odds: bool = False

    def place(self, value: float, start: float, end: float) -> float:
        """Return the coordinate of a value, to a tenth."""
        low, high, value = (
            (map(_log_odds, (self.low, self.high, value)))
            if self.log_odds
            else (self.low, self.high, value)
        )
        return round(start + (end - start) * (value - low) / (high - low), 1)

    def ticks(self, start: float, end: float) -> tuple[tuple[float, str], ...]:
        """Return coordinates and labels of round values; labels too near their neighbour to read
        are left out.
        """
        values = RISKS if self.log_odds else round_values(self.low, self.high, TICKS)
        found: list[tuple[float, str]] = []
        for value in (v for v in values if self.low <= v <= self.high):
            at = self.place(value, start, end)
            if not found or abs(at - found[-1][0]) >= SHORTEST:
                text = f"{100 * value:g}{PERCENT}" if self.percent else f"{value:g}"
                found.append((at, text.replace("-", MINUS)))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Curve:
    """A named row of points; `style` picks colour, dash and mark (0 to 5), `joined` draws a
    line, `marked` a mark at each.
    """

    name: str
    style: int
    points: tuple[Point, ...]
    joined: bool = True
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a histogram; `style` as in Curve."""

    x: float
    y: float
    width: float
    height: float
    style: int


@dataclass(frozen=True, slots=True)
class Span:
    """One line of a plot of intervals: name and figure in words, the value's place and those of
    the interval's ends.
    """

    name: str
    found: Cell
    y: float
    x: float
    ends: tuple[float, float] | None
    style: int


@dataclass(frozen=True, slots=True)
class Plot:
    """All that is drawn, with title, description and the table of the same numbers."""

    kind: ClassVar[str] = "plot"
    key: str
    title: str
    text: str
    height: float
    top: float
    foot: float
    x_label: str
    y_label: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    table: Table
    curves: tuple[Curve, ...] = ()
    bars: tuple[Bar, ...] = ()
    spans: tuple[Span, ...] = ()
    names: tuple[tuple[str, int, bool, bool], ...] = ()
    line: float | None = None


def chart(
    key: str, title: str, text: str, curves: Sequence[Curve], x: Axis, y: Axis, table: Table
) -> Plot:
    """Return the plot of curves whose points are values; what lies beyond the axes is cut off
    where the line crosses the edge.
    """
    top = 10 + KEY_ROW * math.ceil(len(curves) / 2) + 18
    foot = top + TALL

    def placed(curve: Curve) -> Curve:
        inside = (
            clipped(curve.points, y.low, y.high)
            if curve.joined
            else tuple(p for p in curve.points if y.low <= p[1] <= y.high)
        )
        points = tuple(
            (x.place(a, LEFT, RIGHT), y.place(b, foot, top))
            for a, b in inside
            if x.low <= a <= x.high
        )
        return Curve(curve.name, curve.style, points, curve.joined, curve.marked)

    return replace(
        _framed(key, title, text, top, x, y, table),
        curves=tuple(placed(curve) for curve in curves),
        names=tuple((c.name, c.style, c.joined, c.marked) for c in curves),
    )


def _framed(key: str, title: str, text: str, top: float, x: Axis, y: Axis, table: Table) -> Plot:
    """Return a plot with its axes, and nothing drawn yet."""
    foot = top + TALL
    return Plot(
        key,
        title,
        text,
        foot + 44,
        top,
        foot,
        x.label,
        y.label,
        x.ticks(LEFT, RIGHT),
        y.ticks(foot, top),
        table,
    )


def _apart(one: float, other: float) -> float:
    return abs(other - one)


def clipped(points: Sequence[Point], low: float, high: float) -> tuple[Point, ...]:
    """Return the points between `low` and `high` and, where a line leaves this range, the point
    where it does.
    """
    found: list[Point] = []
    for n, (x, y) in enumerate(points):
        before_x, before = points[max(n - 1, 0)]
        for edge in sorted((low, high), key=partial(_apart, before)):
            if (before - edge) * (y - edge) < 0:
                found.append((before_x + (x - before_x) * (edge - before) / (y - before), edge))
        if low <= y <= high:
            found.append((x, y))
    return tuple(found)


def mirrored(
    key: str,
    title: str,
    text: str,
    bins: Sequence[dict],
    x_label: str,
    names: tuple[str, str],
    table: Table,
) -> Plot:
    """Return a histogram of the risk: rows with the event above the line, rows without it below."""
    top = 10 + KEY_ROW * 2 + 18
    foot = top + TALL
    x = Axis(x_label, bins[0]["from"], bins[-1]["to"], log_odds=True)
    most = max([*(b["event"] for b in bins), *(b["no_event"] for b in bins), 0.01]) * 1.05
    y = Axis("share of the rows, %", -most, most)
    middle = y.place(0, foot, top)
    bars = []
    for b in bins:
        left, right = (x.place(b[end], LEFT, RIGHT) for end in ("from", "to"))
        width = round(max(right - left - 1, 0.5), 1)
        up, down = y.place(b["event"], foot, top), y.place(-b["no_event"], foot, top)
        bars += [
            Bar(left, up, width, round(middle - up, 1), 1),
            Bar(left, middle, width, round(down - middle, 1), 0),
        ]
    framed = _framed(key, title, text, top, x, y, table)
    return replace(
        framed,
        y_ticks=tuple((at, label.lstrip(MINUS)) for at, label in framed.y_ticks),
        bars=tuple(bars),
        names=((names[0], 1, False, False), (names[1], 0, False, False)),
        line=middle,
    )


def intervals(
    key: str, title: str, lines: Sequence[tuple[str, dict | None, int]], label: str
) -> Plot | Table:
    """Return a plot of figures {"value", "interval"}, one line each, as a mark on its interval;
    a table if none has a value.
    """
    table = Table(title, ("Of", label), tuple((name, written(figure)) for name, figure, _ in lines))
    known = [
        (name, figure, style)
        for name, figure, style in lines
        if figure and figure["value"] is not None
    ]
    if not known:
        return table
    words = "; ".join(f"{name} {written(figure)}" for name, figure, _ in known)
    ends = [end for _, figure, _ in known for end in (figure["interval"] or (figure["value"],) * 2)]
    pad = max((max(ends) - min(ends)) * 0.06, 0.005)
    x, top = Axis(label, min(ends) - pad, max(ends) + pad, percent=False), 8
    spans = tuple(_span(x, top + BAR_ROW * n, line) for n, line in enumerate(known))
    foot = top + BAR_ROW * len(known) + 12
    return Plot(
        key,
        title,
        f"{words}.",
        foot + 44,
        top,
        foot,
        label,
        "",
        x.ticks(8, RIGHT),
        (),
        table,
        spans=spans,
    )


def _span(x: Axis, y: float, line: tuple[str, dict, int]) -> Span:
    name, figure, style = line
    interval = figure["interval"]
    ends = (x.place(interval[0], 8, RIGHT), x.place(interval[1], 8, RIGHT)) if interval else None
    short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    return Span(short, written(figure), y, x.place(figure["value"], 8, RIGHT), ends, style)


def _log_odds(risk: float) -> float:
    kept = min(max(risk, 1e-6), 1 - 1e-6)
    return logit(kept)
