"""Turns NEWS2 Scores into their strip, as the chart of the Royal College of Physicians (2017) has
them: a row for each part, with its points hour by hour, and the total below.

What is not known is a gap in the row, and never looks like 0 points. Coordinates are percentages of
the width of a strip.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from models.findings.response import LEAST, least_response
from models.patient.inputs import NOT_IN_MODEL, Input
from models.patient.news2 import Part, Score
from models.patient.printing import display
from models.patient.vocabulary import VARIABLES
from smartapp.plots.axes import Scale

FRESH = {"used", NOT_IN_MODEL}
# What says how awake a patient is, with the value that says alert; of two the newest counts.
ALERT = {"acvpu": 0, "gcs": 15}
# Whose evidence tells a part that two variables speak of.
SPOKEN_OF = {"consciousness": "acvpu", "oxygen": "fio2"}
MOST_POINTS = 20
HOURS_BETWEEN_FIGURES = 4
# A narrower stretch has no room for a question mark.
WIDE = 8.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours with the same points: None where they are not known, which `named` says in the strip
    where there is room; `long` says for how long.
    """

    x: float
    width: float
    hours: int
    points: int | None
    long: str

    @property
    def named(self) -> bool:
        """Tell whether there is room for a question mark."""
        return self.points is None and self.width >= WIDE

    @property
    def middle(self) -> float:
        """Return where that stands."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class StripRow:
    """One part of NEWS2: what it is now, and its points over the hours, oldest first; `points` is
    None when the part is unknown, `name` is the variable whose evidence tells it.
    """

    name: str
    label: str
    value: str | None
    points: int | None
    stretches: tuple[Stretch, ...]

    @property
    def history(self) -> str:
        """Return the hours in words."""
        said = [
            f"{'not known' if one.points is None else one.points} {one.long}"
            for one in self.stretches
        ]
        return ", then ".join(said)


@dataclass(frozen=True, slots=True)
class TotalStretch:
    """Hours with the same total, or range of it: `low` and `high` are heights, `level` what the
    points that are certain ask for. Nothing is known where `figure` is "?".
    """

    x: float
    width: float
    hours: int
    low: float
    high: float
    level: str
    figure: str
    long: str


@dataclass(frozen=True, slots=True)
class Figure:
    """The total as it is written below an hour."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The seven parts of NEWS2 and their total over the last `hours`; `thresholds` are the heights
    at which an urgent and an emergency response begin.
    """

    hours: int
    rows: tuple[StripRow, ...]
    totals: tuple[TotalStretch, ...]
    figures: tuple[Figure, ...]
    thresholds: tuple[float, ...]

    @property
    def history(self) -> str:
        """Return the totals of the hours in words."""
        said = [f"{one.figure.replace('?', 'not known')} {one.long}" for one in self.totals]
        return ", then ".join(said)


def news2_strip(score: Score, inputs: Iterable[Input], hourly: Sequence[Score] = ()) -> Strip:
    """Return the rows of a NEWS2 Score and of those of the hours before, oldest first, the last one
    now's; `inputs` have its values as the rest of the page prints them.
    """
    scores = tuple(hourly) or (score,)
    fresh = {i.variable: i for i in inputs if i.value is not None and i.state in FRESH}
    cells, height = Scale(0, len(scores), 0, 100), Scale(0, MOST_POINTS, 0, 100)
    rows = tuple(
        StripRow(
            SPOKEN_OF.get(part.name, part.name),
            part.label,
            _value(part, fresh),
            part.points,
            _stretches(scores, n, cells),
        )
        for n, part in enumerate(score.parts)
    )
    last = len(scores) - 1
    # From now backwards, so that the newest hour always has its figure.
    places = range(last, -1, -HOURS_BETWEEN_FIGURES)
    figures = tuple(Figure(cells(n + 0.5), figure(scores[n])) for n in places)
    limits = tuple(height(LEAST[key]) for key in ("5-6", "7+"))
    return Strip(last, rows, _totals(scores, cells, height), figures, limits)


def figure(score: Score) -> str:
    """Return a total in the room of an hour: at the least where it is not known, "?" where nothing
    is.
    """
    if not score.known:
        return "?"
    return f"{score.total}" if score.total is not None else f"≥{score.low}"


def _stretches(scores: Sequence[Score], part: int, cells: Scale) -> tuple[Stretch, ...]:
    return tuple(
        Stretch(
            cells(first),
            round(cells(first + hours) - cells(first), 1),
            hours,
            points,
            _long(first, hours, len(scores)),
        )
        for first, hours, points in _runs([score.parts[part].points for score in scores])
    )


def _totals(scores: Sequence[Score], cells: Scale, height: Scale) -> tuple[TotalStretch, ...]:
    told = [(figure(one), one.low, one.high, least_response(one).level) for one in scores]
    return tuple(
        TotalStretch(
            cells(first),
            round(cells(first + hours) - cells(first), 1),
            hours,
            height(low),
            height(high),
            level,
            words,
            _long(first, hours, len(scores)),
        )
        for first, hours, (words, low, high, level) in _runs(told)
    )


def _long(first: int, moments: int, all: int) -> str:
    """Return how long a run lasts: from its first moment to the next run's, or to now."""
    hours = moments - (first + moments == all)
    return f"for {hours} h" if hours else "now"


def _runs(values: Sequence[T]) -> list[tuple[int, int, T]]:
    """Return each run of equal values as (its first place, how many, the value)."""
    found, first = list[tuple[int, int, T]](), 0
    for value, run in groupby(values):
        many = sum(1 for _ in run)
        found.append((first, many, value))
        first += many
    return found


def _value(part: Part, fresh: Mapping[str, Input]) -> str | None:
    """Return a part's value with the digits of its variable, and of consciousness what was charted:
    a coma score is no letter of ACVPU.
    """
    if part.points is None or part.value is None:
        return part.value
    if part.name != "consciousness":
        value = fresh[part.name].value if part.name in fresh else None
        return part.value if value is None else display(VARIABLES[part.name], value)
    said = [(i, i.value == normal) for name, normal in ALERT.items() if (i := fresh.get(name))]
    counted = [i for i, alert in said if alert == (part.points == 0)]
    newest = max(counted, key=lambda i: i.time or datetime.min, default=None)
    if newest is None:
        return part.value
    return newest.display if newest.variable == "acvpu" else f"coma score {newest.display}"
