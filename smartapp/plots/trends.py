"""Turns a chart's readings into small trend plots: one for each vital sign and laboratory value
of the last 48 hours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from models.patient import printing
from models.patient.chart import Reading
from models.patient.inputs import NOT_SHOWN, Input
from models.patient.printing import printed_unit
from models.patient.vocabulary import VARIABLES, Variable
from models.ticks import round_values
from smartapp.plots.axes import (
    Scale,
    Tick,
    hours_before,
    lines,
    time_scale,
    time_ticks,
    value_range,
)
from smartapp.wording import number

LEFT, RIGHT, TOP, BOTTOM = 38, 286, 10, 92


@dataclass(frozen=True, slots=True)
class Point:
    """One reading; `seen` marks the value that the model used at `at`."""

    x: float
    y: float
    value: str
    time: datetime
    seen: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """The readings of one variable, oldest first, with both axes; `now` is what counts of it at
    the end, which is not always the last reading.
    """

    variable: str
    label: str
    unit: str
    now: str
    points: tuple[Point, ...]
    lines: tuple[str, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]

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
) -> tuple[Trend, ...]:
    """Return a Trend for every variable of the vocabulary that has readings in the last `hours`,
    in its order; where no risk was `modelled`, no value is marked as used.
    """
    readings, counted = tuple(readings), {i.variable: i for i in inputs}
    used = {(i.variable, i.time, i.value) for i in counted.values() if i.state == "used"}
    found = []
    for variable in VARIABLES.values():
        mine = [
            r
            for r in readings
            if r.variable == variable.name and -hours <= hours_before(r.time, at) <= 0
        ]
        if mine and variable.name not in NOT_SHOWN:
            mine.sort(key=lambda r: r.time)
            now = _now(variable, counted.get(variable.name), mine[-1])
            found.append(_trend(variable, mine, now, used if modelled else set(), at, hours))
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
    at: datetime,
    hours: int,
) -> Trend:
    low, high = value_range([r.value for r in readings], variable.low, variable.high)
    x, y = time_scale(at, hours, LEFT, RIGHT), Scale(low, high, BOTTOM, TOP)
    points = tuple(
        Point(
            x(hours_before(r.time, at)),
            y(r.value),
            printing.number(variable, r.value),
            r.time,
            (r.variable, r.time, r.value) in used,
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
        time_ticks(x, at),
    )


def _value_ticks(variable: Variable, y: Scale) -> tuple[Tick, ...]:
    """Label only values that the variable can have: no coma score of 14.5, and ACVPU by its
    letters.
    """
    every = round_values(y.low, y.high)
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
