"""Turns TreeSHAP values of features into contributions of variables, with the reading that each one
speaks of.

All heart-rate features speak as "heart rate", so that contributions sum to the score and a
clinician reads variables.
"""

from dataclasses import dataclass
from datetime import datetime

from models.fitted.model import sigmoid
from models.patient.features import Series, fresh, hours_between
from models.patient.inputs import display
from models.patient.vocabulary import VARIABLES


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one variable adds to the log-odds of the risk; `points` is the change in percentage
    points without it.
    """

    variable: str
    label: str
    log_odds: float
    points: float
    text: str


def contributions(
    by_feature: dict[str, float],
    row: dict[str, float | None],
    readings: Series,
    at: datetime,
    score: float,
) -> tuple[Contribution, ...]:
    """Group calibrated TreeSHAP values by variable, the greatest first; their sum is that of the
    features'.
    """
    sums: dict[str, float] = {}
    for feature, value in by_feature.items():
        variable = feature.partition(".")[0]
        sums[variable] = sums.get(variable, 0.0) + value
    order = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))
    return tuple(_contribution(name, value, row, readings, at, score) for name, value in order)


def _contribution(
    name: str,
    value: float,
    row: dict[str, float | None],
    readings: Series,
    at: datetime,
    score: float,
) -> Contribution:
    points = 100 * (sigmoid(score) - sigmoid(score - value))
    if name in VARIABLES:
        return Contribution(name, VARIABLES[name].label, value, points, _text(name, readings, at))
    shown = {"age": "age", "sex": "sex"}[name]
    return Contribution(name, shown, value, points, _person(name, row[name]))


def _text(name: str, readings: Series, at: datetime) -> str:
    reading, variable = fresh(readings, name, at), VARIABLES[name]
    if reading is None:
        return f"{variable.label} not known"
    age = round(hours_between(reading.time, at))
    when = "within the last half hour" if age == 0 else f"{age} h ago"
    return f"{variable.label} {display(variable, reading.value)}, {when}"


def _person(name: str, value: float | None) -> str:
    if value is None:
        return f"{name} not known"
    return f"age {value:.0f} years" if name == "age" else f"sex {'male' if value else 'female'}"
