"""Turns a real Assessment into the fields of "what if": which come first, their ranges, and what
the chart has of each.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.answerable import CORE
from models.assess import Assessment
from models.fitted.model import Model
from models.patient.inputs import NOT_IN_MODEL, NOT_SHOWN, Input
from models.patient.news2 import MEASURED, SPOKEN_OF_BY
from models.patient.printing import LEVELS, number
from models.patient.series import SPEAKERS
from models.patient.vocabulary import VARIABLES, Variable
from models.supposing.hypothetical import AMOUNT_HOURS

FRESH = {"used", NOT_IN_MODEL}
# So many variables lead by what they add to a risk, beside those of NEWS2.
LEADING = 6
# No number is due for want of vital signs.
TOO_LITTLE = {"insufficient", "stale", "unread", "unusable"}
# A slider has about so many places: one for each arrow key and, on a phone, for each pixel.
PLACES = 150
STEPS = (1, 2, 5)
# A cuff gives both, and a mean follows from both only.
CUFF = ("systolic", "diastolic")


@dataclass(frozen=True, slots=True)
class Slider:
    """A slider from `low` to `high`; `at` is where it stands."""

    low: str
    high: str
    step: str
    at: str


@dataclass(frozen=True, slots=True)
class Field:
    """One variable that may be tried; `real` is what the chart has of it.

    `shown` is the text that the field begins with: the fresh value that was charted, else nothing.
    `choices` are the words of its values where it has no numbers. `hours` is over how many an
    amount is told, 0 for what is of a moment. `core` where a number needs it and lacks it.
    """

    variable: Variable
    real: Input
    shown: str
    step: str
    slider: Slider | None
    choices: tuple[str, ...]
    hours: float
    core: bool

    @property
    def name(self) -> str:
        """Return the name of the variable, which is that of the form's field."""
        return self.variable.name


def fields(real: Assessment, models: Iterable[Model]) -> tuple[list[Field], list[Field]]:
    """Return the fields that lead, and all others."""
    seen = _seen(models)
    every = {
        item.variable: _field(item, seen, real.status in TOO_LITTLE)
        for item in real.inputs
        if item.variable not in NOT_SHOWN
    }
    first = _leading(real)
    return [every[name] for name in first], [every[name] for name in every if name not in first]


def _leading(real: Assessment) -> list[str]:
    """Return the variables of the greatest contributions over all outcomes and those of NEWS2, the
    greatest first.
    """
    has = {item.variable: item for item in real.inputs}
    weights: dict[str, float] = {}
    for risk in real.risks:
        for share in risk.explanation.shares:
            if share.variable in has and has[share.variable].value is not None:
                name = _charted(has[share.variable])
                weights[name] = max(weights.get(name, 0.0), abs(share.log_odds))
    ranked = sorted(weights, key=lambda name: -weights[name])
    asked = [*MEASURED, *(_speaker(has, names) for names in SPOKEN_OF_BY.values())]
    found = [*ranked[:LEADING], *(name for name in asked if name not in ranked[:LEADING])]
    found.sort(key=lambda name: -weights.get(name, 0.0))
    without = [name for name in found if name != CUFF[1]]
    place = without.index(CUFF[0]) + 1
    return [*without[:place], CUFF[1], *without[place:]]


def _charted(item: Input) -> str:
    """Return what was charted where a value was made of it: who changes that changes this."""
    if not item.origin:
        return item.variable
    return SPEAKERS[item.variable][0] if item.variable in SPEAKERS else CUFF[1]


def _speaker(has: dict[str, Input], names: Sequence[str]) -> str:
    """Return which of the variables that speak of one thing was charted; of none what a ward
    charts.
    """
    charted = (name for name in names if has[name].state in FRESH and not has[name].origin)
    return next(charted, next(name for name in names if name in ("acvpu", "oxygen_flow")))


def _field(item: Input, seen: dict[str, tuple[float, float]], unscored: bool) -> Field:
    variable, hours = VARIABLES[item.variable], AMOUNT_HOURS.get(item.variable, 0.0)
    fresh = item.value is not None and item.state in FRESH
    shown = ""
    if fresh and item.value is not None and not item.origin and not hours:
        shown = f"{item.value:g}" if variable.name == "acvpu" else number(variable, item.value)
    words = LEVELS if variable.name == "acvpu" else ()
    return Field(
        variable,
        item,
        shown,
        f"{10.0**-variable.digits:g}",
        None if words else _slider(variable, item.value if fresh else None, seen),
        words,
        hours,
        unscored and variable.name in CORE and not (fresh and variable.for_model(item.value or 0)),
    )


def _seen(models: Iterable[Model]) -> dict[str, tuple[float, float]]:
    """Return from where to where the models have seen each variable."""
    found: dict[str, tuple[float, float]] = {}
    for model in models:
        for name, (low, high) in model.manifest.get("certainty", {}).get("seen", {}).items():
            least, most = found.get(name, (low, high))
            found[name] = min(low, least), max(high, most)
    return found


def _slider(
    variable: Variable, value: float | None, seen: dict[str, tuple[float, float]]
) -> Slider:
    """Return a slider over what the models have seen, else over all that is plausible: there the
    usual values would be a few pixels. A field takes the rest.
    """
    low, high = seen.get(variable.name, (variable.low, variable.high))
    at = value if value is not None else variable.normal if variable.normal else low
    low, high = min(low, at), max(high, at)
    step, printed = _step(high - low, variable.digits), 10**variable.digits
    plausible = math.ceil(variable.low * printed) / printed
    low = max(math.floor(low / step) * step, min(plausible, at))
    places = math.ceil((high - low) / step)
    first, last, now = (f"{edge:.{variable.digits}f}" for edge in (low, low + places * step, at))
    return Slider(first, last, f"{step:g}", now)


def _step(span: float, digits: int) -> float:
    """Return the least round step of a variable by which a span has no more than PLACES."""
    power = -digits
    while True:
        for first in STEPS:
            if span / (first * 10.0**power) <= PLACES:
                return first * 10.0**power
        power += 1
