"""Turns readings at a moment into the list of inputs: each variable's newest value, unit, time,
age, source and state.
"""

from dataclasses import dataclass
from datetime import datetime

from models.patient.consciousness import LEVELS
from models.patient.features import SISTERS, Series, fresh, hours_between, latest
from models.patient.vocabulary import VARIABLES, Variable

# How a clinician writes a UCUM unit.
PRINTED = {"mm[Hg]": "mmHg", "Cel": "°C", "{score}": "", "[pH]": "", "10*3/uL": "×10³/µL"}
NOT_SHOWN = {"spo2_target"}


@dataclass(frozen=True, slots=True)
class Input:
    """One variable as the chart has it.

    `state` is "used", "stale", "missing", "not in model" (shown, but not fed to it) or "spoken for"
    (not in the chart, but a sister variable stands for it, such as ACVPU for a coma score).
    """

    variable: str
    label: str
    value: float | None
    unit: str
    display: str
    time: datetime | None
    age_hours: float | None
    source: str | None
    state: str


def inputs(readings: Series, at: datetime, used: set[str]) -> tuple[Input, ...]:
    """Return every variable of the vocabulary in its order; `used` names those that a model has
    features of.
    """
    return tuple(
        _input(variable, readings, at, used)
        for name, variable in VARIABLES.items()
        if name not in NOT_SHOWN
    )


def newest_time(readings: Series, at: datetime) -> datetime | None:
    """Return the time of the newest reading known at `at`, or None."""
    times = [reading.time for name in readings if (reading := latest(readings, name, at))]
    return max(times, default=None)


def display(variable: Variable, value: float) -> str:
    """Return a value as a clinician writes it, with its printed unit."""
    return f"{number(variable, value)} {printed_unit(variable)}".strip()


def number(variable: Variable, value: float) -> str:
    """Return a value with the digits of its variable, or the level's word for ACVPU."""
    if variable.name == "acvpu":
        return LEVELS[int(value)]
    text = f"{value:.{variable.digits}f}"
    # What would be printed as zero keeps its own digits: a white cell count of 0.02 is not 0.0.
    return f"{value:g}" if float(text) == 0 != value else text


def percent(probability: float) -> str:
    """Return a risk in whole per cent; under 10 % one decimal, and never a certain 0 or 100."""
    share = probability * 100
    if share < 0.1:
        return "under 0.1 %"
    if share > 99.9:
        return "over 99.9 %"
    return f"{share:.1f} %" if share < 9.95 or share > 99 else f"{share:.0f} %"


def printed_unit(variable: Variable) -> str:
    """Return the unit as it is written for people; empty for scores and pH."""
    return PRINTED.get(variable.unit, variable.unit)


def _input(variable: Variable, readings: Series, at: datetime, used: set[str]) -> Input:
    reading, unit = latest(readings, variable.name, at), printed_unit(variable)
    in_model = variable.name in used or variable.name in SISTERS
    if reading is None:
        spoken_for = (
            variable.name in SISTERS and fresh(readings, SISTERS[variable.name], at) is not None
        )
        state = "spoken for" if spoken_for else "missing" if in_model else "not in model"
        return Input(
            variable.name, variable.label, None, unit, "not in the chart", None, None, None, state
        )
    hours = hours_between(reading.time, at)
    recent = reading.time >= at - variable.max_age
    state = ("used" if in_model else "not in model") if recent else "stale"
    shown = display(variable, reading.value)
    return Input(
        variable.name,
        variable.label,
        reading.value,
        unit,
        shown,
        reading.time,
        hours,
        reading.source,
        state,
    )
