"""Turns a chart's readings into small trend plots, one for each vital sign and laboratory value,
all on one axis of time.

Coordinates are of a strip that is stretched to its place: x is a share of 1000, y is in pixels.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from models.patient import printing
from models.patient.chart import Reading
from models.patient.inputs import NOT_SHOWN, Input
from models.patient.printing import printed_unit
from models.patient.vocabulary import VARIABLES, Variable
from models.ticks import round_values
from smartapp.plots.axes import Scale, Tick, hours_before, lines, time_scale, value_range
from smartapp.plots.limits import Limits
from smartapp.wording import number

LEFT, RIGHT, TOP, BOTTOM = 6, 992, 7, 55
# A limit that lies this share of the span beyond the values is drawn too.
NEAR = 0.35
# More readings than these are drawn as a line, with marks only where one is grave or counts.
MOST_MARKS = 100


@dataclass(frozen=True, slots=True)
class Point:
    """One reading; `seen` marks the value that the model used at `at`, `grave` one that alone
    scores 3 in NEWS2 or lies beyond a critical limit.
    """

    x: float
    y: float
    value: str
    time: datetime
    seen: bool
    grave: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """The readings of one variable, oldest first; `now` is what counts of it at the end, which is
    not always the last reading. `calm` is the stretch without points in NEWS2, as (top, height);
    `grave`, `warning` and `normal` are the heights of limits and of the reference patient's value.
    `varied` tells whether the readings differ by more than noise.
    """

    variable: str
    label: str
    unit: str
    now: str
    points: tuple[Point, ...]
    lines: tuple[str, ...]
    y_ticks: tuple[Tick, ...]
    calm: tuple[float, float] | None
    grave: tuple[float, ...]
    warning: tuple[float, ...]
    normal: float | None
    varied: bool

    @property
    def marks(self) -> tuple[Point, ...]:
        """Return the points that are drawn one by one."""
        few = len(self.points) <= MOST_MARKS
        last = self.points[-1]
        return tuple(p for p in self.points if few or p.grave or p.seen or p is last)

    @property
    def summary(self) -> str:
        """Return the plot in one sentence, for those who can't see it."""
        values = [f"{point.value} {self.unit}".strip() for point in self.points]
        counts = "" if self.now == self.points[-1].value else f" What counts: {self.now}."
        if len(values) == 1:
            return f"One reading: {values[0]}.{counts}"
        return f"{len(values)} readings, the first {values[0]}, the last {values[-1]}.{counts}"


def trends(
    readings: Iterable[Reading],
    inputs: Iterable[Input],
    at: datetime,
    hours: int = 48,
    modelled: bool = True,
    limits: Mapping[str, Limits] | None = None,
) -> tuple[Trend, ...]:
    """Return a Trend for every variable of the vocabulary that has readings in the last `hours`,
    in its order; where no risk was `modelled`, no value is marked as used. Without `limits` by
    variable none is judged.
    """
    counted = {i.variable: i for i in inputs}
    used = {(i.variable, i.time, i.value) for i in counted.values() if i.state == "used"}
    by_variable: dict[str, list[Reading]] = {}
    for reading in readings:
        if -hours <= hours_before(reading.time, at) <= 0:
            by_variable.setdefault(reading.variable, []).append(reading)
    found, x = [], time_scale(at, hours, LEFT, RIGHT)
    for name, variable in VARIABLES.items():
        mine = sorted(by_variable.get(name, ()), key=lambda r: r.time)
        if mine and name not in NOT_SHOWN:
            now = _now(variable, counted.get(name), mine[-1])
            known = limits[name] if limits else Limits()
            found.append(_trend(variable, mine, now, used if modelled else set(), known, at, x))
    return tuple(found)


def _now(variable: Variable, counted: Input | None, last: Reading) -> str:
    """Return what stands in the heading: the newest word, never an older value that looks like it
    where the newest can't be used, is too old, or has a graver one beside it.
    """
    if counted is None:
        return printing.number(variable, last.value)
    if counted.value is None:
        return counted.display
    age = "too old" if counted.state == "stale" else ""
    words = printing.number(variable, counted.value), counted.origin, age
    return ", ".join(word for word in words if word)


def _trend(
    variable: Variable,
    readings: list[Reading],
    now: str,
    used: set[tuple[str, datetime | None, float | None]],
    limits: Limits,
    at: datetime,
    x: Scale,
) -> Trend:
    values = [r.value for r in readings]
    y = _value_scale(values, variable, limits)
    points = tuple(
        Point(
            x(hours_before(r.time, at)),
            y(r.value),
            printing.number(variable, r.value),
            r.time,
            (r.variable, r.time, r.value) in used,
            limits.is_grave(r.value),
        )
        for r in readings
    )
    return Trend(
        variable.name,
        variable.label,
        printed_unit(variable),
        now,
        points,
        _unbroken(points, variable.max_age_hours),
        _value_ticks(variable, y),
        _calm(limits, y),
        _inside(limits.grave, y),
        _inside(limits.warning, y),
        None if limits.normal is None else y(limits.normal),
        _varied(values, limits),
    )


def _varied(values: list[float], limits: Limits) -> bool:
    """Tell whether values differ by more than noise: by an eighth of their middle, or by half the
    way from normal to the nearest limit, as a pH or a sodium does not move by eighths.
    """
    span, middle = max(values) - min(values), (max(values) + min(values)) / 2
    edges = (limits.calm_low, limits.calm_high, *limits.grave, *limits.warning)
    normal = limits.normal
    ways = [abs(edge - normal) for edge in edges if normal is not None and edge is not None]
    return span > abs(middle) / 8 or span > min(ways, default=math.inf) / 2


def _value_scale(values: list[float], variable: Variable, limits: Limits) -> Scale:
    """Return the scale of a plot: it holds the values, what is normal, the edge of what is calm
    that is nearest to them, and limits that they are near to.
    """
    known = [*values, *([] if limits.normal is None else [limits.normal])]
    low, high = value_range(known, *variable.possible)
    if limits.calm_high is not None:
        low = min(low, limits.calm_high)
    if limits.calm_low is not None:
        high = max(high, limits.calm_low)
    near = (high - low) * NEAR
    for edge in (*limits.grave, *limits.warning):
        if low - near <= edge <= high + near:
            low, high = min(low, edge), max(high, edge)
    return Scale(low, high, BOTTOM, TOP)


def _inside(values: Iterable[float], y: Scale) -> tuple[float, ...]:
    return tuple(y(value) for value in values if y.low <= value <= y.high)


def _calm(limits: Limits, y: Scale) -> tuple[float, float] | None:
    """Return top and height of the stretch that is calm, inside the plot."""
    if limits.calm_low is None and limits.calm_high is None:
        return None
    low = y.low if limits.calm_low is None else max(limits.calm_low, y.low)
    high = y.high if limits.calm_high is None else min(limits.calm_high, y.high)
    return y(high), round(y(low) - y(high), 1)


def _value_ticks(variable: Variable, y: Scale) -> tuple[Tick, ...]:
    """Label only values that the variable can have: no coma score of 14.5, and ACVPU by its
    letters.
    """
    every = round_values(y.low, y.high, 4 if variable.name == "acvpu" else 2)
    values = [value for value in every if value == round(value, variable.digits)] or every
    names = (
        ["ACVPU"[int(value)] for value in values]
        if variable.name == "acvpu"
        else map(number, values)
    )
    return tuple(Tick(y(value), name) for value, name in zip(values, names, strict=True))


def _unbroken(points: tuple[Point, ...], max_age_hours: float) -> tuple[str, ...]:
    """Join readings only where the first was still fresh when the second came: a longer line
    would claim knowledge.
    """
    places: list[tuple[float, float] | None] = []
    for before, point in zip((None, *points), points, strict=False):
        if before and hours_before(point.time, before.time) > max_age_hours:
            places.append(None)
        places.append((point.x, point.y))
    return lines(places)
