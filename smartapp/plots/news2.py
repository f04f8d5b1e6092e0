"""Turns a NEWS2 Score into the rows of its strip, as the chart of the Royal College of Physicians
(2017) has them, and the place of its total.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from models.patient.inputs import NOT_IN_MODEL, Input
from models.patient.news2 import Part, Score
from models.patient.printing import display
from models.patient.vocabulary import VARIABLES
from smartapp.plots.axes import WIDTH, Scale, Tick

FRESH = {"used", NOT_IN_MODEL}
# What says how awake a patient is, with the value that says alert; of two the newest counts.
ALERT = {"acvpu": 0, "gcs": 15}


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


def news2_strip(score: Score, inputs: Iterable[Input]) -> Strip:
    """Return the rows of a NEWS2 Score and its total on the scale from 0 to 20; `inputs` have its
    values as the rest of the page prints them.
    """
    boxes = (WIDTH - 66.0, WIDTH - 44.0, WIDTH - 22.0)
    fresh = {i.variable: i for i in inputs if i.value is not None and i.state in FRESH}
    rows = tuple(
        StripRow(p.label, _value(p, fresh), p.points, 26 * n, boxes)
        for n, p in enumerate(score.parts)
    )
    scale = Scale(0, 20, 10, WIDTH - 10)
    y = 26 * len(rows) + 26
    ticks = tuple(Tick(scale(n), str(n)) for n in (0, 5, 7, 20))
    return Strip(y + 34, rows, ticks, scale(score.low), scale(score.high), y)


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
