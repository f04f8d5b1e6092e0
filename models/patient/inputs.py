"""Turns a Snapshot into the list of inputs: each variable's newest value, unit, time,
age, source and state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.patient.chart import WHOLE, Reading, Unusable
from models.patient.features import URINE
from models.patient.printing import both_units, display, number, printed_unit
from models.patient.series import SISTERS, SPEAKERS, SPOKEN_BY
from models.patient.snapshot import MISSING, STALE, UNREAD, UNUSABLE, Snapshot
from models.patient.vocabulary import VARIABLES, Variable

NOT_SHOWN = {"spo2_target"}
NOT_IN_MODEL = "not in model"
# A label that would be too long beside the value that was made of it.
SHORT = {"acvpu": "ACVPU"}


@dataclass(frozen=True, slots=True)
class Input:
    """One variable as the chart has it.

    `state` is "used", "stale", "missing", "unread" (it may stand in what could not be read),
    "unusable" (the newest value can't be used; `display` says what was written), "not in model"
    (shown, but not fed to it) or "spoken for" (not in the chart, but a sister variable stands for
    it, such as ACVPU for a coma score). `origin` says what a value was made from that nobody
    charted: "from ACVPU unresponsive".
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
    fed = {*used, *SISTERS, *(("weight",) if URINE in used else ())}
    return tuple(
        _input(variable, snapshot, name in fed)
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


def percent(probability: float) -> str:
    """Return a risk in whole per cent; under 10 % one decimal, and never a certain 0 or 100."""
    share = probability * 100
    if share < 0.1:
        return "under 0.1 %"
    if share > 99.9:
        return "over 99.9 %"
    return f"{share:.1f} %" if share < 9.95 or share > 99 else f"{share:.0f} %"


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
        return _absent(variable, snapshot, in_model)
    fed = in_model and (name not in snapshot.fresh or snapshot.for_model(name) is not None)
    return Input(
        name,
        variable.label,
        reading.value,
        unit,
        both_units(reading),
        reading.time,
        snapshot.hours(reading),
        reading.source,
        snapshot.unknown.get(name) or ("used" if fed else NOT_IN_MODEL),
        origin(reading, snapshot),
    )


def _absent(variable: Variable, snapshot: Snapshot, in_model: bool) -> Input:
    name, unit, words = variable.name, printed_unit(variable), _absence(variable, snapshot)
    item = _unusable(name, snapshot)
    if item is not None:
        hours = (snapshot.at - item.time) / timedelta(hours=1) if item.exact else None
        return Input(
            name, variable.label, None, unit, words, item.time, hours, item.source, UNUSABLE
        )
    # What is stale without a reading has no value and no age to be shown.
    why = MISSING if snapshot.unknown[name] == STALE else snapshot.unknown[name]
    unknown = why if in_model else NOT_IN_MODEL
    state = "spoken for" if SISTERS.get(name) in snapshot.fresh else unknown
    return Input(name, variable.label, None, unit, words, None, None, None, state)


def _unusable(name: str, snapshot: Snapshot) -> Unusable | None:
    """Return what makes a variable unknown though it is in the chart, its own or its sister's."""
    if snapshot.unknown[name] != UNUSABLE:
        return None
    names = (name, *SPOKEN_BY.get(name, ()))
    return next(snapshot.unusable[one] for one in names if one in snapshot.unusable)


def _absence(variable: Variable, snapshot: Snapshot) -> str:
    """Return how a variable without a reading is spoken of: only a whole part lacks it for sure."""
    item = _unusable(variable.name, snapshot)
    if item is not None:
        return f"in the chart, can't be used: {item.written}"
    if snapshot.unknown[variable.name] == UNREAD:
        return "could not be read"
    if snapshot.unknown[variable.name] == STALE:
        return "in the chart, too old and can't be used"
    whole = snapshot.chart.parts.get(variable.group, WHOLE).state == "whole"
    return "not in the chart" if whole else "not in what was read"


def _beside(variable: str, reading: Reading, snapshot: Snapshot) -> Reading | None:
    """Return the reading of another variable at the very time of this one."""
    window = snapshot.window(variable, reading.time)
    return next((other for other in window if other.time == reading.time), None)


def _bare(reading: Reading) -> str:
    return number(VARIABLES[reading.variable], reading.value)
