"""Decides which of two values counts that say two things of one moment: the graver, and says so.

Graver is what lies further beyond the critical limits, then what scores more in NEWS2, then what is
further from normal. Charts of readers before 2 are left as they were answered.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.patient.chart import Reading
from models.patient.news2_table import BANDS, SCALE2_TABLES, span
from models.patient.printing import display
from models.patient.vocabulary import AMOUNTS, VARIABLES, Variable

# Two values of one variable in less than this are of one moment; charts are kept to the minute.
MINUTE = timedelta(minutes=1)
# Two variables that speak of one thing within this belong to one set of observations: nobody takes
# the next one sooner, and a nurse needs some minutes for one.
ONE_SET = timedelta(minutes=15)
Row = tuple[list[datetime], list[Reading]]
Rows = dict[str, Row]


class Conflict(NamedTuple):
    """Two values of one moment: which variable, what is said of them, when (the later one), and
    the references of their resources; `values` are those of one variable, the least first.
    """

    variable: str
    sentence: str
    time: datetime
    sources: tuple[str, ...]
    values: tuple[float, ...] = ()


# What speaks of the same thing: the first variable, the second, whether a value of each says that
# all is normal, and what is said where only one of them does.
PAIRS: tuple[
    tuple[str, str, Callable[[float], bool], Callable[[float], bool], str],
    ...,
] = (
    ("fio2", "oxygen_flow", lambda part: part <= 21, lambda flow: flow <= 0, "on oxygen"),
    ("gcs", "acvpu", lambda score: score >= 15, lambda level: level == 0, "not alert"),
)


def settled(rows: Rows) -> tuple[Rows, list[Conflict]]:
    """Return the rows with the graver value alone where two of a minute differ, and the conflicts
    that matter: those in which the values differ in NEWS2 points or in the grade of a limit.

    Diastolic and mean pressure go with the systolic one that counts, by their resource. Two amounts
    of one moment are no conflict: both were measured.
    """
    found: Rows = {}
    conflicts: list[Conflict] = []
    for name in sorted(rows, key=lambda name: name != "systolic"):
        beside: Collection[str] = (
            {reading.source for reading in found.get("systolic", ((), ()))[1]}
            if name in ("diastolic", "mean_pressure")
            else ()
        )
        if name in AMOUNTS:
            found[name] = rows[name]
            continue
        kept: list[Reading] = []
        for group in _moments(rows[name][1]):
            if len({reading.value for reading in group}) == 1:
                kept += group
                continue
            chosen = _chosen(group, beside)
            kept.append(chosen)
            scale2 = name == "spo2" and _targeted(rows, chosen)
            if len({_told(reading, scale2) for reading in group}) > 1:
                conflicts.append(_within_minute(chosen, group, scale2))
        kept.reverse()
        found[name] = ([reading.time for reading in kept], kept)
    return found, conflicts


def outvoted(rows: Rows) -> tuple[set[Reading], list[Conflict]]:
    """Return the readings that say "normal" within minutes of a sister variable that says
    otherwise, and the conflicts: a fraction above 21 % proves oxygen, whatever a cannula's flow is.
    """
    found: set[Reading] = set()
    conflicts: list[Conflict] = []
    for first, second, calm_first, calm_second, words in PAIRS:
        times, others = rows.get(second, ([], []))
        for reading in rows.get(first, ([], []))[1]:
            start = bisect_left(times, reading.time - ONE_SET)
            for other in others[start : bisect_right(times, reading.time + ONE_SET)]:
                calm = calm_first(reading.value), calm_second(other.value)
                if calm[0] == calm[1]:
                    continue
                found.add(reading if calm[0] else other)
                conflicts.append(_between(reading, other, words))
    return found, conflicts


def undecided(readings: Sequence[Reading], at: datetime) -> bool:
    """Tell whether a reading after `at` may decide which of those up to then counts; `readings` are
    oldest first.
    """
    start = bisect_left(readings, at - ONE_SET, key=_time)
    near = readings[start : bisect_right(readings, at + ONE_SET, key=_time)]
    return any(
        _of_one(before, after)
        for before in near
        if before.time <= at
        for after in near
        if after.time > at
    )


def _time(reading: Reading) -> datetime:
    return reading.time


def _of_one(before: Reading, after: Reading) -> bool:
    if before.variable == after.variable:
        return after.time - before.time < MINUTE
    near = after.time - before.time <= ONE_SET
    return near and any({before.variable, after.variable} == {a, b} for a, b, *_ in PAIRS)


def gravity(variable: Variable, value: float) -> tuple[int, int, float]:
    """Return how grave a value is: the grade of the limit it passes (0 to 2), its NEWS2 points, and
    how far it is from normal.
    """
    # Above its normal value a saturation is no graver, so it counts from the top.
    normal = variable.possible[1] if variable.name == "spo2" else variable.normal
    distance = 0.0 if normal is None else abs(value - normal)
    return grade(variable, value), _points(variable.name, value), distance


def grade(variable: Variable, value: float) -> int:
    """Return 2 for a value at or beyond a critical limit, 1 for a warning limit, else 0."""
    low_critical, low_warning, high_warning, high_critical = variable.limits
    for found, low, high in ((2, low_critical, high_critical), (1, low_warning, high_warning)):
        if (low is not None and value <= low) or (high is not None and value >= high):
            return found
    return 0


def _targeted(rows: Rows, reading: Reading) -> bool:
    """Tell whether a saturation has a target of 88-92 % and so is scored on NEWS2's scale 2."""
    return reading.time in rows.get("spo2_target", ([], []))[0]


def _told(reading: Reading, scale2: bool) -> tuple[int, ...]:
    """Return what of a value's gravity is told to a clinician: grade and points."""
    tables = SCALE2_TABLES if scale2 else ()
    found = gravity(VARIABLES[reading.variable], reading.value)[:2]
    return (*found, *(span(table, reading.value, reading.value)[1] for table in tables))


def _points(name: str, value: float) -> int:
    if name in BANDS:
        return span(name, value, value)[1]
    for first, second, calm_first, calm_second, _ in PAIRS:
        if name in (first, second):
            calm = calm_first if name == first else calm_second
            return 0 if calm(value) else 2 if first == "fio2" else 3
    return 0


def _moments(readings: list[Reading]) -> list[list[Reading]]:
    """Return the readings of each minute, the newest first, counted back from the newest."""
    groups: list[list[Reading]] = []
    for reading in reversed(readings):
        if groups and groups[-1][0].time - reading.time < MINUTE:
            groups[-1].append(reading)
        else:
            groups.append([reading])
    return groups


def _chosen(group: list[Reading], beside: Collection[str]) -> Reading:
    own = [reading for reading in group if reading.source in beside]
    variable = VARIABLES[group[0].variable]
    return max(own or group, key=lambda one: (gravity(variable, one.value), one))


def _within_minute(chosen: Reading, group: list[Reading], scale2: bool) -> Conflict:
    variable = VARIABLES[chosen.variable]
    values = tuple(sorted({reading.value for reading in group}))
    told = " and ".join(display(variable, value) for value in values)
    sentence = (
        f"{variable.label} {told} within a minute; the graver, "
        f"{display(variable, chosen.value)}, counts"
        f"{', in NEWS2 what scores more on scale 2' if scale2 else ''}."
    )
    return _conflict(variable.name, sentence, group)._replace(values=values)


def _between(reading: Reading, other: Reading, words: str) -> Conflict:
    told = " beside ".join(
        f"{VARIABLES[one.variable].label} {display(VARIABLES[one.variable], one.value)}"
        for one in (reading, other)
    )
    return _conflict(reading.variable, f"{told}: counted as {words}.", [reading, other])


def _conflict(variable: str, sentence: str, readings: list[Reading]) -> Conflict:
    sources = tuple(sorted({reading.source for reading in readings}))
    time = max(reading.time for reading in readings)
    return Conflict(variable, sentence[0].upper() + sentence[1:], time, sources)
