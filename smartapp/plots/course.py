"""Turns the hourly course of a risk into its plot: lines between gaps, bare intervals where no band
could be told, and the stretches without any number; a place to point at for each hour, and below
the axis what happened when.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Protocol

from models.course import Hour
from models.patient.inputs import percent
from models.ticks import round_values
from smartapp.plots.axes import WIDTH, Scale, Tick, hours_before, lines, time_scale, time_ticks

LEFT, RIGHT, TOP, BOTTOM = 40, WIDTH - 52, 10, 150
# Two labels closer than this would run into each other.
LINE = 13
# Room for the words "no number": their width, and their height from line to line.
WIDE_GAP, WORDS = 64, 16
HEIGHT, LANE = 190, 18


class Dated(Protocol):
    """What happened at a time (aware UTC)."""

    @property
    def time(self) -> datetime:
        """Return when."""


@dataclass(frozen=True, slots=True)
class Span:
    """An interval that stands in place of a number: a vertical bar, `open` where it has no upper
    end.
    """

    x: float
    top: float
    bottom: float
    open: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of hours without a number; `named` where the words fit into it."""

    x: float
    width: float
    named: bool


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a band begins: the height of its line, and of its label beside the plot."""

    at: float
    label: str
    label_at: float


@dataclass(frozen=True, slots=True)
class Target:
    """The place of one hour, so many hours `back`, and what could be said then."""

    x: float
    width: float
    back: int
    time: datetime
    figure: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Something that happened, at its time; the middle of its sign."""

    x: float
    y: float
    event: Dated


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of things that happened, below the axis."""

    label: str
    y: float
    events: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """The risk hour by hour, with the bands' thresholds; `last` is the newest hour's number.
    `targets` go from the oldest hour to now. At `words_at` no line runs through the words of a gap.
    """

    height: float
    left: float
    right: float
    top: float
    bottom: float
    lines: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    spans: tuple[Span, ...]
    gaps: tuple[Gap, ...]
    thresholds: tuple[Threshold, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    last: tuple[float, float] | None
    summary: str
    words_at: float
    targets: tuple[Target, ...]
    lanes: tuple[Lane, ...]


def risk_course(
    course: Sequence[Hour],
    thresholds: dict[str, float],
    at: datetime,
    hours: int = 48,
    happened: Mapping[str, Iterable[Dated]] | None = None,
) -> Course:
    """Return the course of a risk over the last `hours`; an hour without a number is a gap, never
    a zero. `happened` holds by the label of its lane what is marked below.
    """
    x, y = time_scale(at, hours, LEFT, RIGHT), _risk_scale(course, thresholds)
    places = [
        None if h.probability is None else (x(hours_before(h.time, at)), y(h.probability))
        for h in course
    ]
    lanes = tuple(_lanes(happened or {}, at, x))
    bands = _thresholds(thresholds, y)
    ticks = tuple(Tick(y(value), f"{value * 100:g} %") for value in round_values(0, y.high))
    return Course(
        HEIGHT + LANE * len(lanes),
        LEFT,
        RIGHT,
        TOP,
        BOTTOM,
        lines(places),
        tuple(place for place in places if place is not None),
        tuple(
            Span(x(hours_before(h.time, at)), y(h.unsure.high), y(h.unsure.low), h.unsure.open)
            for h in course
            if h.unsure
        ),
        _gaps(course, at, x),
        bands,
        ticks,
        time_ticks(x, at),
        places[-1] if places else None,
        _summary(course),
        _words_at([*(band.at for band in bands), *(tick.at for tick in ticks)]),
        tuple(_targets(course, at, x)),
        lanes,
    )


def _thresholds(thresholds: Mapping[str, float], y: Scale) -> tuple[Threshold, ...]:
    """Return the thresholds from the highest risk down; a label makes way for the one above it."""
    found, free = list[Threshold](), float(TOP)
    for name, value in sorted(thresholds.items(), key=lambda one: -one[1]):
        place = max(y(value), free)
        found.append(Threshold(y(value), name, place))
        free = place + LINE
    return tuple(found)


def _words_at(level: Sequence[float]) -> float:
    """Return the lowest place for words that no level line crosses, else the widest stripe's."""
    edges = sorted({float(TOP), *level, float(BOTTOM)}, reverse=True)
    stripes = [(low, low - high) for low, high in pairwise(edges)]
    low, height = next((one for one in stripes if one[1] >= WORDS), max(stripes, key=itemgetter(1)))
    return round(low - min(height / 2 - 4, WORDS / 2), 1)


def _risk_scale(course: Sequence[Hour], thresholds: dict[str, float]) -> Scale:
    """Return the scale of risks: it holds every number, and every interval that has an end."""
    known = [h.probability for h in course if h.probability is not None]
    ends = [h.unsure.low if h.unsure.open else h.unsure.high for h in course if h.unsure]
    top = min(max([*known, *ends, *thresholds.values(), 0.01]) * 1.15, 1.0)
    return Scale(0, top, BOTTOM, TOP)


def _gaps(course: Sequence[Hour], at: datetime, x: Scale) -> tuple[Gap, ...]:
    """Return the stretches without a number, half an hour wider on both sides, inside the axis."""
    found = []
    for bare, stretch in groupby(course, key=lambda h: h.probability is None and not h.unsure):
        if bare:
            hours = [hours_before(h.time, at) for h in stretch]
            left, right = x(hours[0] - 0.5), x(hours[-1] + 0.5)
            width = round(right - left, 1)
            found.append(Gap(left, width, width >= WIDE_GAP))
    return tuple(found)


def _targets(course: Sequence[Hour], at: datetime, x: Scale) -> Iterator[Target]:
    """Yield a place for each hour: from half an hour before it to half an hour after, inside the
    axis.
    """
    for hour in course:
        place = hours_before(hour.time, at)
        left, right = x(place - 0.5), x(place + 0.5)
        yield Target(left, round(right - left, 1), round(-place), hour.time, figure(hour))


def figure(hour: Hour) -> str:
    """Return what could be said at an hour: a number, an interval, or neither."""
    if hour.unsure:
        return f"{hour.unsure.text}, not certain"
    return "no number" if hour.probability is None else percent(hour.probability)


def _lanes(happened: Mapping[str, Iterable[Dated]], at: datetime, x: Scale) -> Iterator[Lane]:
    for n, (label, events) in enumerate(happened.items()):
        y = HEIGHT + LANE * n + LANE / 2
        placed = (Placed(x(hours_before(event.time, at)), y, event) for event in events)
        yield Lane(label, y, tuple(placed))


def _summary(course: Sequence[Hour]) -> str:
    """Return in one sentence how many hours have a number, an interval alone, or neither."""
    numbers = sum(h.probability is not None for h in course)
    unsure = sum(h.unsure is not None for h in course)
    words = [f"{numbers} with a number"]
    if unsure:
        words.append(f"{unsure} with an interval only, as no band could be told")
    if len(course) - numbers - unsure:
        words.append(f"{len(course) - numbers - unsure} without a number")
    return f"{len(course)} hourly values: {', '.join(words)}."
