"""The patients of the sense battery: persons made by code, and the Charts of one whose value gets
worse.

None is anybody's. A person has a day of hourly vital signs that vary as those of healthy people do
(a rate that never varies is a ventilator's) and results every few hours.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from models.patient.chart import Chart, Reading
from models.patient.vocabulary import VARIABLES
from models.reference import HEALTHY_SPREAD

TABLE = Path(__file__).with_name("patients.csv")
AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
# In which way a value got worse: it alone, or hour by hour since noon came of a steady night.
LAST, COURSE = "last value", "course of 12 h"
WAYS = (LAST, COURSE)
DRIFT_HOURS = 12
HOURS = {"vitals": tuple(range(24, -1, -1)), "labs": (24, 12, 8, 4, 0)}
# Round a value by so many of its spread, hour by hour; 0 for the newest, which is the value itself.
SWING = (0, 1, 0, -1)
# The rules by which a chart is read today (models.reading.reader.READER); older ones are lenient.
READER = 2


@dataclass(frozen=True)
class Patient:
    """A person of the battery: `values` by variable, with laboratory values or without."""

    name: str
    age: int
    sex: str
    values: dict[str, float]


def patients() -> list[Patient]:
    """Return every person of the table twice: with laboratory values, and without."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = {line.pop("variable"): line for line in csv.DictReader(file)}
    ages, sexes = lines.pop("age"), lines.pop("sex")
    found = []
    for name, age in ages.items():
        whole = {variable: float(line[name]) for variable, line in lines.items()}
        vitals = {v: value for v, value in whole.items() if VARIABLES[v].group == "vitals"}
        found.append(Patient(f"{name}, with laboratory", int(age), sexes[name], whole))
        found.append(Patient(f"{name}, vital signs only", int(age), sexes[name], vitals))
    return found


def chart(patient: Patient, variable: str, value: float, way: str) -> Chart:
    """Return the patient's Chart in which the newest value of a variable is `value`; those before
    are the patient's own, or drift there from them over twelve hours.
    """
    goals = _beside(patient.values, variable, value)
    readings = [
        Reading(
            AT - timedelta(hours=back),
            name,
            round(_value(name, own, goals.get(name, own), back, way), VARIABLES[name].digits),
            f"Observation/{VARIABLES[name].group}-{back}",
        )
        for name, own in patient.values.items()
        for back in HOURS[VARIABLES[name].group]
    ]
    born = AT.date().replace(year=AT.year - patient.age)
    ordered = tuple(sorted(readings))
    return Chart("made", born, patient.sex, False, ordered, {}, reader=READER)


def _beside(values: Mapping[str, float], variable: str, value: float) -> dict[str, float]:
    """Return what a value moves: the diastolic pressure goes with the systolic in proportion."""
    if variable != "systolic":
        return {variable: value}
    return {variable: value, "diastolic": values["diastolic"] * value / values["systolic"]}


def _value(name: str, own: float, goal: float, back: int, way: str) -> float:
    if back == 0:
        return goal
    if way == COURSE and goal != own and back < DRIFT_HOURS:
        return own + (goal - own) * (DRIFT_HOURS - back) / DRIFT_HOURS
    return own + SWING[back % len(SWING)] * HEALTHY_SPREAD.get(name, 0.0)
