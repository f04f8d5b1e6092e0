"""Turns a number and a seed into invented stays with an outcome: what `vigil demo --export` writes.

The outcome is invented too, as is what it has to do with the vital signs: who will be transferred
to intensive care drifts towards it for some hours, more or less; some drift and recover, some are
transferred out of the blue. Chance is the same in every hour, so that the time since admission
tells nothing. Nothing here says anything of real patients.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from demo.patients import scenario
from demo.patients.generate import birth_date
from demo.patients.resources import OXYGEN
from demo.patients.scenario import Round, Scenario

# A day long past, so that the same seed writes the same files on any day.
FIRST_DAY = datetime(2025, 1, 6, tzinfo=UTC)
WARDS = ("Medical ward 4B", "Surgical ward 2A", "Medical ward 5C")
SEXES = ("female", "male")
HEALTHY = {
    "heart_rate": 80, "respiratory_rate": 16, "spo2": 96.5, "systolic": 128, "diastolic": 74,
    "temperature": 36.8,
}  # fmt: skip
BLOOD = {"lactate": 1.2, "creatinine": 0.95, "wbc": 8.5, "crp": 25}
# How much people differ from each other, as a standard deviation.
SPREAD = {
    "heart_rate": 10, "respiratory_rate": 1.8, "spo2": 1.2, "systolic": 14, "diastolic": 8,
    "temperature": 0.3, "lactate": 0.3, "creatinine": 0.25, "wbc": 2, "crp": 15,
}  # fmt: skip
# What a full drift adds, by its kind.
DRIFTS = (
    {"heart_rate": 16, "respiratory_rate": 10, "spo2": -5, "flow": 3, "wbc": 2},
    {"heart_rate": 30, "respiratory_rate": 5, "systolic": -32, "diastolic": -14, "lactate": 2.2},
    {"heart_rate": 26, "respiratory_rate": 6, "systolic": -22, "temperature": 1.6, "wbc": 7,
     "crp": 120, "lactate": 1.4, "creatinine": 0.5},
)  # fmt: skip
# Mean hours to a transfer and, beside the shortest stay, to discharge.
TO_TRANSFER, TO_DISCHARGE, SHORTEST, LONGEST = 110.0, 55.0, 20.0, 168.0
ROUND_HOURS = 4
# Shares of the transfers that come out of the blue, and of other stays that drift and recover.
SILENT, FALSE_ALARM = 0.2, 0.25
RECOVERS, CONFUSED = 12.0, 0.9
# The share of oxygen in air, and what a litre a minute adds by the rule of thumb.
AIR, PER_LITRE = 21, 4


@dataclass(frozen=True, slots=True)
class InventedStay:
    """One invented stay; `transferred` is the moment of the outcome, None where there was none."""

    id: str
    sex: str
    born: str
    ward: str
    rounds: tuple[Round, ...]
    transferred: datetime | None


def invented_stays(count: int, seed: int) -> Iterator[InventedStay]:
    """Yield so many stays, each of another person; equal for equal arguments."""
    for number in range(1, count + 1):
        yield _stay(number, random.Random(f"{seed} stay {number}"), seed)


def _stay(number: int, rng: random.Random, seed: int) -> InventedStay:
    admitted = FIRST_DAY + timedelta(hours=number * 5 + rng.random())
    hours, happens = _length(rng)
    end = admitted + timedelta(hours=hours)
    age, sex, ward = int(rng.triangular(19, 95, 72)), rng.choice(SEXES), rng.choice(WARDS)
    name = f"example-{number:04d}"
    vitals, labs = _tables(rng, hours, happens)
    item = Scenario(
        id=name, title="", line="", ward=ward, given="", family="", sex=sex, age=age, problem={},
        rounds=f"{-hours:.2f}/{ROUND_HOURS}", vitals=vitals, labs=labs,
    )  # fmt: skip
    rounds = [*scenario.vitals(item, end, seed), *scenario.labs(item, end, seed)]
    return InventedStay(
        name,
        sex,
        birth_date(admitted.date(), age, number).isoformat(),
        ward,
        tuple(sorted(rounds, key=lambda one: one[0])),
        end if happens else None,
    )


def _length(rng: random.Random) -> tuple[float, bool]:
    """Return the hours that a stay is watched, and whether a transfer ends it."""
    leaves = min(SHORTEST + rng.expovariate(1 / TO_DISCHARGE), LONGEST)
    moved = 8 + rng.expovariate(1 / TO_TRANSFER)
    return min(leaves, moved), moved < leaves


def _tables(rng: random.Random, hours: float, happens: bool) -> tuple[str, str]:
    """Return the course of a stay as a scenario has it: tables by hours before its end."""
    kind = rng.choice(DRIFTS)
    strength = rng.lognormvariate(0, 0.5) if happens else rng.uniform(0.3, 0.9)
    begins, peak = _drift(rng, hours, happens)
    usual = {
        name: rng.gauss(value, SPREAD.get(name, 0)) for name, value in (HEALTHY | BLOOD).items()
    }

    def at(hour: float, name: str) -> str:
        done = strength * _done(hour, begins, peak)
        if name == "acvpu":
            return "C" if done > CONFUSED else "A"
        flow = round(done * kind.get("flow", 0))
        if name in OXYGEN:
            return str(flow if name == "flow" else AIR + PER_LITRE * flow)
        return f"{usual[name] + done * kind.get(name, 0):.2f}"

    turns = (begins, (begins + peak) / 2, peak, peak + RECOVERS)
    moments = sorted({-hours, *(hour for hour in turns if -hours < hour < 0), 0.0})
    samples = [-hours + 1 + day * 24 for day in range(int((hours - 1) / 24) + 1)]
    return (
        _table([*HEALTHY, *OXYGEN, "acvpu"], moments, at),
        _table(list(BLOOD), samples, at),
    )


def _drift(rng: random.Random, hours: float, happens: bool) -> tuple[float, float]:
    """Return when the drift begins and when it is full; both after the end where there is none."""
    lasts = rng.uniform(8, 36)
    if happens and rng.random() > SILENT:
        return -lasts, 0.0
    if not happens and rng.random() < FALSE_ALARM:
        peak = -rng.uniform(0, hours)
        return peak - lasts, peak
    return 1.0, 2.0


def _done(hour: float, begins: float, peak: float) -> float:
    if hour <= begins:
        return 0.0
    return (
        (hour - begins) / (peak - begins)
        if hour <= peak
        else max(0.0, 1 - (hour - peak) / RECOVERS)
    )


def _table(names: list[str], hours: list[float], at: Callable[[float, str], str]) -> str:
    rows = [[f"{hour:.2f}", *(at(hour, name) for name in names)] for hour in hours]
    return "\n".join(" | ".join(row) for row in [["hour", *names], *rows])
