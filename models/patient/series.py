"""Turns a Chart into its Series: the readings of each variable, oldest first, with what one
variable says of another filled in.

A variable that is not charted at a moment is filled from its sister's reading of that moment: mean
pressure from systolic and diastolic, inspired oxygen from flow, coma score from ACVPU, haematocrit
from haemoglobin. The source says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.patient.chart import Chart, Reading
from models.patient.consciousness import GCS_OF_LEVEL
from models.patient.vocabulary import GROUPS, VARIABLES

# Mean ratio of haematocrit (%) to haemoglobin (g/dL), for charts that hold only the latter.
HAEMATOCRIT_PER_HAEMOGLOBIN = 2.94
# Charts that lack the first variable need not be asked for it: the second says as much.
SISTERS = {"acvpu": "gcs", "haemoglobin": "haematocrit", "oxygen_flow": "fio2"}


def fio2_of_flow(flow: float) -> float:
    """Return the inspired oxygen in % that a nasal flow in L/min stands for: 4 % a litre above
    20 %, 60 % at most.
    """
    return 21.0 if flow <= 0 else min(20.0 + 4.0 * flow, 60.0)


# target -> (the variable that speaks for it, how its value is read)
SPEAKERS: dict[str, tuple[str, Callable[[float], float]]] = {
    "fio2": ("oxygen_flow", fio2_of_flow),
    "gcs": ("acvpu", lambda level: GCS_OF_LEVEL[int(level)]),
    "haematocrit": ("haemoglobin", lambda cells: cells * HAEMATOCRIT_PER_HAEMOGLOBIN),
}
Row = tuple[list[datetime], list[Reading]]


@dataclass(frozen=True)
class Series:
    """A chart's readings by variable, each with its times, oldest first; made once for many
    moments.

    `since` says of each group of variables from when on it is without a gap (None: never). What is
    older is left out: of a chart that was read in part it proves nothing.
    """

    chart: Chart
    by_variable: dict[str, Row]
    since: dict[str, datetime | None]


def series(chart: Chart) -> Series:
    """Return the Series of a chart."""
    found: dict[str, Row] = {}
    since = {group: chart.since(group) for group in GROUPS}
    for reading in chart.readings:
        start = since[VARIABLES[reading.variable].group]
        if start is None or reading.time < start:
            continue
        times, readings = found.setdefault(reading.variable, ([], []))
        times.append(reading.time)
        readings.append(reading)
    _fill(found, "mean_pressure", _means(found))
    for target in SPEAKERS:
        _fill(found, target, _spoken(found, target))
    return Series(chart, found, since)


def _fill(found: dict[str, Row], target: str, made: list[Reading]) -> None:
    if made:
        times, readings = found.get(target, ([], []))
        taken = set(times)
        merged = sorted([*readings, *(reading for reading in made if reading.time not in taken)])
        found[target] = ([reading.time for reading in merged], merged)


def _means(found: dict[str, Row]) -> list[Reading]:
    lower = {reading.time: reading.value for reading in found.get("diastolic", ((), ()))[1]}
    pairs = [
        (reading, lower[reading.time])
        for reading in found.get("systolic", ((), ()))[1]
        if reading.time in lower
    ]
    return [
        Reading(
            r.time, "mean_pressure", (r.value + 2 * low) / 3, f"{r.source} (systolic, diastolic)"
        )
        for r, low in pairs
    ]


def _spoken(found: dict[str, Row], target: str) -> list[Reading]:
    speaker, convert = SPEAKERS[target]
    readings = found.get(speaker, ((), ()))[1]
    return [
        Reading(r.time, target, convert(r.value), f"{r.source} ({VARIABLES[speaker].label})")
        for r in readings
    ]
