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
from models.patient.conflicts import Conflict, Rows, outvoted, settled
from models.patient.vocabulary import GROUPS, VARIABLES

# Median coma score seen at each level of ACVPU, in its order (Kelly et al., Resuscitation 2004:
# A 15, V 13, P 8, U 6); confusion is a verbal score of 4, so 14.
GCS_OF_LEVEL = (15.0, 14.0, 13.0, 8.0, 6.0)
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
# Which variables say what one is filled with.
SPOKEN_BY = {"mean_pressure": ("systolic", "diastolic")} | {
    target: (speaker,) for target, (speaker, _) in SPEAKERS.items()
}
Moment = tuple[datetime, str]


@dataclass(frozen=True)
class Series:
    """A chart's readings by variable, each with its times, oldest first; made once for many
    moments.

    `since` says of each group of variables from when on it is without a gap (None: never). What is
    older is left out: of a chart that was read in part it proves nothing. `made` are the moments
    and variables that a sister filled, `unfit` those whose value lies outside what a model may be
    given, or is made of one that does.
    """

    chart: Chart
    by_variable: Rows
    since: dict[str, datetime | None]
    made: set[Moment]
    unfit: set[Moment]
    conflicts: tuple[Conflict, ...]


def series(chart: Chart) -> Series:
    """Return the Series of a chart.

    Of values that say two things of one moment the graver is kept. Charts that were read by the
    rules of a reader before 2 keep both, as they were answered then, and hold nothing unfit.
    """
    found: Rows = {}
    since = {group: chart.since(group) for group in GROUPS}
    for reading in chart.readings:
        start = since[VARIABLES[reading.variable].group]
        if start is None or reading.time < start:
            continue
        times, readings = found.setdefault(reading.variable, ([], []))
        times.append(reading.time)
        readings.append(reading)
    conflicts: list[Conflict] = []
    silent: set[Reading] = set()
    if chart.reader > 1:
        found, conflicts = settled(found)
        silent, between = outvoted(found)
        conflicts += between
    unfit = _unfit(found) if chart.reader > 1 else set()
    made = Series(chart, found, since, set(), unfit, tuple(conflicts))
    _fill(made, "mean_pressure", _means(found))
    for target in SPEAKERS:
        _silence(found, target, silent)
        _fill(made, target, _spoken(found, target, silent))
    return made


def _unfit(found: Rows) -> set[Moment]:
    return {
        (reading.time, name)
        for name, (_, readings) in found.items()
        for reading in readings
        if not VARIABLES[name].for_model(reading.value)
    }


def _silence(found: Rows, target: str, silent: set[Reading]) -> None:
    """Take out the readings of a target that its speaker outvoted."""
    if silent and target in found:
        kept = [reading for reading in found[target][1] if reading not in silent]
        found[target] = ([reading.time for reading in kept], kept)


def _fill(series: Series, target: str, made: list[Reading]) -> None:
    found = series.by_variable
    times, readings = found.get(target, ([], []))
    taken = set(times)
    new = [reading for reading in made if reading.time not in taken]
    if not new:
        return
    merged = sorted([*readings, *new])
    found[target] = ([reading.time for reading in merged], merged)
    for reading in new:
        series.made.add((reading.time, target))
        if any((reading.time, name) in series.unfit for name in SPOKEN_BY[target]):
            series.unfit.add((reading.time, target))


def _means(found: Rows) -> list[Reading]:
    lower = {reading.time: reading for reading in found.get("diastolic", ((), ()))[1]}
    pairs = [
        (reading, lower[reading.time])
        for reading in found.get("systolic", ((), ()))[1]
        if reading.time in lower
    ]
    return [
        Reading(
            r.time,
            "mean_pressure",
            (r.value + 2 * low.value) / 3,
            f"{r.source} (systolic, diastolic)",
            r.known and low.known,
        )
        for r, low in pairs
    ]


def _spoken(found: Rows, target: str, silent: set[Reading]) -> list[Reading]:
    speaker, convert = SPEAKERS[target]
    readings = found.get(speaker, ((), ()))[1]
    return [
        Reading(
            r.time, target, convert(r.value), f"{r.source} ({VARIABLES[speaker].label})", r.known
        )
        for r in readings
        if r not in silent
    ]
