"""Says by what limits a plot of a variable is judged: NEWS2's published table and the limits that
laboratories telephone at, as the findings use them.
"""

from dataclasses import dataclass

from models.patient.news2 import SCALE2, Score
from models.patient.news2_table import BANDS, outline
from models.patient.vocabulary import Variable


@dataclass(frozen=True, slots=True)
class Limits:
    """From `calm_low` to `calm_high` a value scores nothing in NEWS2; no laboratory's limit says as
    much of what lies within it. Up to `grave_low` and from `grave_high` a value alone scores 3, or
    is critical; `warning` are a laboratory's other limits. None where nobody publishes one.
    `normal` is the reference patient's value.
    """

    calm_low: float | None = None
    calm_high: float | None = None
    grave_low: float | None = None
    grave_high: float | None = None
    normal: float | None = None
    warning: tuple[float, ...] = ()

    @property
    def grave(self) -> tuple[float, ...]:
        """Return the values from which on one is grave."""
        return tuple(v for v in (self.grave_low, self.grave_high) if v is not None)

    def is_grave(self, value: float) -> bool:
        """Tell whether a value alone scores 3 in NEWS2 or is critical."""
        low = self.grave_low is not None and value <= self.grave_low
        return low or (self.grave_high is not None and value >= self.grave_high)


# Whoever is not alert scores 3 (models.patient.news2).
AWAKE = {
    "gcs": Limits(calm_low=15, grave_low=14, normal=15),
    "acvpu": Limits(calm_high=0, grave_high=1, normal=0),
}


def limits_of(variable: Variable, score: Score) -> Limits:
    """Return the limits of a variable for an adult with this NEWS2."""
    if variable.name in AWAKE:
        return AWAKE[variable.name]
    if variable.name in BANDS:
        row = outline(_table(variable.name, score))
        return Limits(row.calm_low, row.calm_high, row.red_low, row.red_high, variable.normal)
    low_critical, low, high, high_critical = variable.limits
    warning = tuple(value for value in (low, high) if value is not None)
    normal = variable.normal if variable.group == "labs" else None
    return Limits(None, None, low_critical, high_critical, normal, warning)


def _table(name: str, score: Score) -> str:
    """Return the row of the table that a variable is scored by: of saturation the patient's own."""
    if name != "spo2" or SCALE2 not in {part.label for part in score.parts}:
        return name
    oxygen = next(part for part in score.parts if part.name == "oxygen")
    return "spo2_scale2_oxygen" if oxygen.points else "spo2_scale2_air"
