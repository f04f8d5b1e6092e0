"""Says what a result that is missing would do to each risk, and which one would do most."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.assess import Assessment, Risk
from models.certainty import Certainty
from models.fitted.model import Model
from models.patient.inputs import percent
from models.patient.printing import display, number
from models.patient.vocabulary import VARIABLES
from models.supposing.narrowing import Interval, Narrowing, farthest, narrowest, narrowings
from smartapp.sight import Sight


@dataclass(frozen=True, slots=True)
class Would:
    """What knowing one variable would do, in words: "0.3 to 18.1 mmol/L" gives a risk of "12 to 31
    %" and leaves an interval of about "8 to 30 %".
    """

    label: str
    values: str
    risks: str
    now: str
    after: str
    narrows: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is missing for one risk; `first` would narrow its interval most, `farthest` could move
    it most; None where nothing does so visibly.
    """

    risk: Risk
    first: Would | None
    farthest: Would | None
    every: tuple[Would, ...]


def unknown(sight: Sight, real: Assessment, models: Sequence[Model]) -> tuple[Unknown, ...]:
    """Return for each risk of an assessment what is missing for it; nothing where the models'
    estimate is withheld.
    """
    if sight.withheld or not real.risks:
        return ()
    found = narrowings(sight.seen.chart, sight.seen.at, models)
    return tuple(_of(risk, found[risk.model]) for risk in real.risks if found.get(risk.model))


def _of(risk: Risk, items: Sequence[Narrowing]) -> Unknown:
    first, most = narrowest(items), farthest(items)
    return Unknown(
        risk,
        _would(first) if first else None,
        _would(most) if most and percent(most.least) != percent(most.most) else None,
        tuple(map(_would, items)),
    )


def _would(item: Narrowing) -> Would:
    variable = VARIABLES[item.variable]
    values = f"{number(variable, item.low)} to {display(variable, item.high)}"
    risks = _span((item.least, item.most))
    narrows = _span(item.now) != _span(item.after) and item.narrows > 0
    return Would(variable.label, values, risks, _span(item.now), _span(item.after), narrows)


def _span(interval: Interval) -> str:
    low, high = interval
    if percent(low) == percent(high):
        return percent(low)
    return Certainty(low, high, False, ()).text
