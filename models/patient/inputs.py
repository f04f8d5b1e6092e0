"""Turns a Snapshot into the list of inputs: each variable's newest value, unit, time,
age, source and state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from models.patient.chart import WHOLE, Reading
from models.patient.consciousness import LEVELS
from models.patient.series import SISTERS, SPEAKERS
from models.patient.snapshot import UNREAD, Snapshot
from models.patient.vocabulary import VARIABLES, Variable

# How a clinician writes a UCUM unit.
PRINTED = {"mm[Hg]": "mmHg", "Cel": "°C", "{score}": "", "[pH]": "", "10*3/uL": "×10³/µL"}
NOT_SHOWN = {"spo2_target"}
NOT_IN_MODEL = "not in model"
# A label that would be too long beside the value that was made of it.
SHORT = {"acvpu": "ACVPU"}


@dataclass(frozen=True, slots=True)
class Input:
    """One variable as the chart has it.

    `state` is "used", "stale", "missing", "unread" (it may stand in what could not be read), "not
    in model" (shown, but not fed to it) or "spoken for" (not in the chart, but a sister variable
    stands for it, such as ACVPU for a coma score). `origin` says what a value was made from that
    nobody charted: "from ACVPU unresponsive".
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
    origin: str = ""


def inputs(snapshot: Snapshot, used: set[str]) -> tuple[Input, ...]:
    """Return every variable of the vocabulary in its order; `used` names those that a model has
    features of.
    """
    return tuple(
        _input(variable, snapshot, variable.name in used or variable.name in SISTERS)
        for name, variable in VARIABLES.items()
        if name not in NOT_SHOWN
    )


def absent(items: Iterable[Input]) -> dict[str, list[str]]:
    """Return the labels of inputs without a value, by the words that say how surely they lack."""
    found: dict[str, list[str]] = {}
    for item in items:
        if item.value is None:
            found.setdefault(item.display, []).append(item.label)
    return found


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


def origin(reading: Reading, snapshot: Snapshot) -> str:
    """Return what a reading was made from: "from ACVPU unresponsive", "from oxygen flow 6.0 L/min";
    nothing for a value that stands in the chart.

    Whoever shows a value says this beside it: a coma score of 6 made of a level is a claim that
    nobody at the bedside made.
    """
    if reading.variable == "mean_pressure" and reading.source.endswith("(systolic, diastolic)"):
        upper, lower = (_beside(name, reading, snapshot) for name in ("systolic", "diastolic"))
        return f"from {_bare(upper)}/{_bare(lower)}" if upper and lower else "from two pressures"
    speaker = SPEAKERS.get(reading.variable, ("",))[0]
    if not speaker or not reading.source.endswith(f" ({VARIABLES[speaker].label})"):
        return ""
    name, spoken = SHORT.get(speaker, VARIABLES[speaker].label), _beside(speaker, reading, snapshot)
    return f"from {name} {display(VARIABLES[speaker], spoken.value) if spoken else ''}".strip()


def _input(variable: Variable, snapshot: Snapshot, in_model: bool) -> Input:
    name, unit, reading = variable.name, printed_unit(variable), snapshot.latest.get(variable.name)
    if reading is None:
        spoken_for = SISTERS.get(name) in snapshot.fresh
        unknown = snapshot.unknown[name] if in_model else NOT_IN_MODEL
        state, words = "spoken for" if spoken_for else unknown, _absence(variable, snapshot)
        return Input(name, variable.label, None, unit, words, None, None, None, state)
    return Input(
        name,
        variable.label,
        reading.value,
        unit,
        display(variable, reading.value),
        reading.time,
        snapshot.hours(reading),
        reading.source,
        snapshot.unknown.get(name) or ("used" if in_model else NOT_IN_MODEL),
        origin(reading, snapshot),
    )


def _absence(variable: Variable, snapshot: Snapshot) -> str:
    """Return how a variable without a reading is spoken of: only a whole part lacks it for sure."""
    if snapshot.unknown[variable.name] == UNREAD:
        return "could not be read"
    whole = snapshot.chart.parts.get(variable.group, WHOLE).state == "whole"
    return "not in the chart" if whole else "not in what was read"


def _beside(variable: str, reading: Reading, snapshot: Snapshot) -> Reading | None:
    """Return the reading of another variable at the very time of this one."""
    window = snapshot.window(variable, reading.time)
    return next((other for other in window if other.time == reading.time), None)


def _bare(reading: Reading) -> str:
    return number(VARIABLES[reading.variable], reading.value)
