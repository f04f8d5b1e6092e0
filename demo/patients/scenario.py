"""Turns a scenario file into a course: what is measured when, between the table's hours and with
noise, from a seed.

A scenario is data: one TOML file with a table of vital signs and one of laboratory results by hours
before now, and where a catheter lies one of the urine of an hour in mL.
"""

import math
import random
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from demo.patients.measures import MEASURES

FOLDER = Path(__file__).with_name("scenarios")
# Charted as whole steps: nobody has a quarter of a coma point, and oxygen is turned up by hand.
STEPS = {"gcs", "acvpu", "fio2", "flow"}
BOUNDS = "<>"
# The first on the page is the first that a visitor opens.
ORDER = (
    "sepsis", "haemorrhage", "respiratory_failure", "heart_failure", "withdrawal", "kidney",
    "opioid", "potassium", "conflict", "unreadable", "copd", "post_operative", "improving",
    "stable", "not_certain", "sparse", "stale", "chart_mess", "child",
)  # fmt: skip

Cell = float | str
Course = list[tuple[float, Cell]]
Round = tuple[datetime, dict[str, Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One invented patient and what happens to them; hours are relative to now and not above 0."""

    id: str
    title: str
    line: str
    ward: str
    given: str
    family: str
    sex: str
    age: int
    problem: dict[str, str]
    rounds: str
    vitals: str
    labs: str
    urine: str = ""
    weight: float = 0
    ends: float = 0
    blood_pressure: str = "panel"
    spo2_target: tuple[int, ...] = ()
    mess: bool = False


def load_scenarios() -> tuple[Scenario, ...]:
    """Read every scenario file, in the order of the page."""
    return tuple(
        Scenario(
            id=name.replace("_", "-"), **tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
        )
        for name in ORDER
    )


def vitals(scenario: Scenario, now: datetime, seed: int) -> list[Round]:
    """Return the rounds of vital signs, oldest first; a round's values share one time."""
    courses = read_table(scenario.vitals)
    rng = random.Random(f"{seed} {scenario.id} vitals")
    noise = {name: _Noise(rng, MEASURES[name].noise) for name in courses}
    rounds = []
    for hour in round_hours(scenario.rounds, scenario.ends):
        time = _minute(now + timedelta(hours=hour, minutes=-rng.randint(10, 50)))
        values = {
            name: _value(name, course, hour, time, noise[name].next())
            for name, course in courses.items()
        }
        rounds.append((time, {name: value for name, value in values.items() if value is not None}))
    return rounds


def outputs(scenario: Scenario, now: datetime, seed: int) -> list[Round]:
    """Return the weight at the beginning, and the urine of each hour that the table spans; nothing
    where the scenario has none.
    """
    if not scenario.urine:
        return []
    course = read_table(scenario.urine)["urine"]
    rng = random.Random(f"{seed} {scenario.id} urine")
    noise = _Noise(rng, MEASURES["urine"].noise)
    rounds: list[Round] = []
    for hour in range(int(course[0][0]), int(course[-1][0]) + 1):
        time = _minute(now + timedelta(hours=hour, minutes=-15))
        rounds.append((time, {"urine": _value("urine", course, hour, time, noise.next()) or 0}))
    rounds[0][1]["weight"] = scenario.weight
    return rounds


def labs(scenario: Scenario, now: datetime, seed: int) -> list[Round]:
    """Return the laboratory samples, oldest first: each row of the table is one sample."""
    courses = read_table(scenario.labs)
    rng = random.Random(f"{seed} {scenario.id} labs")
    samples: dict[float, dict[str, Cell]] = {}
    for name, course in courses.items():
        for hour, value in course:
            samples.setdefault(hour, {})[name] = MEASURES[name].rounded(
                float(value) + rng.gauss(0, MEASURES[name].noise)
            )
    for values in samples.values():
        if "haemoglobin" in values:
            values["haematocrit"] = MEASURES["haematocrit"].rounded(
                3 * float(values["haemoglobin"]) + rng.gauss(0, 0.3)
            )
    return [
        (_minute(now + timedelta(hours=hour, minutes=-rng.randint(5, 25))), samples[hour])
        for hour in sorted(samples)
    ]


def read_table(text: str) -> dict[str, Course]:
    """Return each column of a table `hour | name | name` as (hour, value) in order; `.` means
    not measured, and a bound such as `<70` is charted as one, at its own hour alone.
    """
    head, *rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    courses: dict[str, Course] = {name: [] for name in head[1:]}
    for hour, *cells in rows:
        for name, cell in zip(head[1:], cells, strict=True):
            if cell != ".":
                words = name == "acvpu" or cell[0] in BOUNDS
                courses[name].append((float(hour), cell if words else float(cell)))
    return courses


def round_hours(plan: str, ends: float = 0) -> list[float]:
    """Return the hours of `-48/4 -12/2`: from hour -48 every four hours, from -12 every two, and
    always the last.
    """
    phases = [tuple(map(float, phase.split("/"))) for phase in plan.split()]
    hours, stops = [], [phase[0] for phase in phases[1:]] + [ends]
    for (start, step), stop in zip(phases, stops, strict=True):
        hours += [start + n * step for n in range(math.ceil((stop - start) / step))]
    return [*hours, ends]


def _value(name: str, course: Course, hour: float, time: datetime, noise: float) -> Cell | None:
    measure = MEASURES[name]
    if name in STEPS:
        cell = next((value for at, value in reversed(course) if at <= hour), None)
        return cell if cell is None or name == "acvpu" else measure.rounded(float(cell))
    bound = next((cell for at, cell in course if at == hour and isinstance(cell, str)), None)
    if bound:
        return bound
    numbers = [(at, cell) for at, cell in course if not isinstance(cell, str)]
    afternoon = math.cos(2 * math.pi * (time.hour + time.minute / 60 - 16) / 24)
    return measure.rounded(_between(numbers, hour) + measure.daily * afternoon / 2 + noise)


def _between(course: list[tuple[float, float]], hour: float) -> float:
    for (left, low), (right, high) in zip(course, course[1:], strict=False):
        if left <= hour <= right:
            return low + (high - low) * (hour - left) / (right - left)
    return course[0][1] if hour < course[0][0] else course[-1][1]


class _Noise:
    """Noise that remembers: a high pulse is followed by a rather high one."""

    def __init__(self, rng: random.Random, deviation: float):
        self._rng, self._deviation, self._last = rng, deviation, 0.0

    def next(self) -> float:
        self._last = 0.5 * self._last + self._rng.gauss(0, 0.85 * self._deviation)
        return max(-2 * self._deviation, min(2 * self._deviation, self._last))


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)
