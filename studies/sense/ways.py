"""Turns patients and ladders into Ways: a variable of a patient that gets worse, value by value, as
serving reads each chart.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from models.answerable import answerable
from models.contributions import PARAMETERS
from models.patient.features import feature_row
from models.patient.news2 import chart_news2
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.reference import Compared, reference_row
from studies.sense.ladders import Ladder, ladders
from studies.sense.patients import AT, WAYS, Patient, chart, patients


class Rung(NamedTuple):
    """One value of a way, with its NEWS2 points; `peril` says that it alone endangers life."""

    value: float
    points: int
    compared: Compared
    peril: bool


@dataclass(frozen=True)
class Way:
    """One patient's variable that gets worse to one side; the first rung is where it began."""

    patient: str
    way: str
    variable: str
    side: str
    rungs: tuple[Rung, ...]


@cache
def ways() -> tuple[Way, ...]:
    """Return every way to worse of every patient; the same for all models."""
    return tuple(
        _way(patient, ladder, way)
        for patient in patients()
        for ladder in ladders()
        if ladder.variable in patient.values
        if ladder.worse_than(ladder.start(patient.values[ladder.variable]))
        for way in WAYS
    )


def _way(patient: Patient, ladder: Ladder, way: str) -> Way:
    start = ladder.start(patient.values[ladder.variable])
    worst = ladder.values[-1] if ladder.peril else None
    rungs = tuple(
        _rung(patient, ladder.variable, value, way, value == worst)
        for value in (start, *ladder.worse_than(start))
    )
    return Way(patient.name, way, ladder.variable, ladder.side, rungs)


def _rung(patient: Patient, variable: str, value: float, way: str, peril: bool) -> Rung:
    snapshot = snapshot_at(series(chart(patient, variable, value, way)), AT)
    if answerable(snapshot)[0] != "scored":
        raise ValueError(f"{patient.name}: no number is due for {variable} {value:g}.")
    row = feature_row(snapshot)
    scored = {part.name: part.points or 0 for part in chart_news2(snapshot).parts}
    points = scored.get(PARAMETERS.get(variable, variable), 0)
    return Rung(value, points, Compared(row, reference_row(row), snapshot), peril)
