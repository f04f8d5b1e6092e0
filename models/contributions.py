"""Turns TreeSHAP values of features into contributions of variables, with the value that each one
speaks of.

All heart-rate features speak as "heart rate", so that contributions sum to the score and a
clinician reads variables.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from models.fitted.model import sigmoid
from models.patient.features import FeatureRow
from models.patient.inputs import display
from models.patient.snapshot import Snapshot
from models.patient.vocabulary import VARIABLES


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one variable adds to the log-odds of the risk; `points` is the change in percentage
    points without it.

    `value` is the fresh one, None when there is none; `age_hours` its age, None for age and sex,
    which have none.
    """

    variable: str
    label: str
    log_odds: float
    points: float
    value: float | None
    age_hours: float | None

    @property
    def text(self) -> str:
        """Return the variable with its value and age in words; made when asked for, since a card
        shows few.
        """
        if self.value is None:
            return f"{self.label} not known"
        if self.variable == "age":
            return f"age {self.value:.0f} years"
        if self.variable == "sex":
            return f"sex {'male' if self.value else 'female'}"
        hours = round(self.age_hours or 0)
        when = "within the last half hour" if hours == 0 else f"{hours} h ago"
        return f"{self.label} {display(VARIABLES[self.variable], self.value)}, {when}"


def contributions(
    shares: Iterable[tuple[str, float]], row: FeatureRow, snapshot: Snapshot, score: float
) -> tuple[Contribution, ...]:
    """Sum each feature's (variable, calibrated TreeSHAP value) by variable, the greatest first."""
    sums: dict[str, float] = {}
    for variable, value in shares:
        sums[variable] = sums.get(variable, 0.0) + value
    order = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))
    return tuple(_contribution(name, value, row, snapshot, score) for name, value in order)


def _contribution(
    name: str, log_odds: float, row: FeatureRow, snapshot: Snapshot, score: float
) -> Contribution:
    points = 100 * (sigmoid(score) - sigmoid(score - log_odds))
    if name not in VARIABLES:
        return Contribution(name, name, log_odds, points, row[name], None)
    reading = snapshot.fresh.get(name)
    value, hours = (reading.value, snapshot.hours(reading)) if reading else (None, None)
    return Contribution(name, VARIABLES[name].label, log_odds, points, value, hours)
