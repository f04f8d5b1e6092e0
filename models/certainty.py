"""Turns a feature row and its raw score into how sure the risk is: an interval, and "indeterminate"
where no band can be told.

The interval is a conformal one, fitted while training (studies/training/fit_certainty.py): in nine
of ten thinned charts the score of the full chart, by a model of half the patients, lay within it.
It is the wider the more of what the model goes by is missing. A value beyond those that the model
has seen opens it upwards, since what is strange may be grave.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.fitted.model import Model, sigmoid
from models.patient.inputs import Input, percent
from models.patient.printing import display, number
from models.patient.series import SISTERS
from models.patient.vocabulary import NO_SIGNS, VARIABLES

INDETERMINATE = "indeterminate"
NAMED = 4
# What is smaller is written as 0, and what lacks less than this share is not unsure for want of
# values.
LEAST_SHOWN, SPARSE = 0.001, 0.2
# One in two is a high risk, wherever the burden of its alerts lets the high band begin.
EVEN = 0.5
BETWEEN = "The risk lies between the bands, and the model is not sure enough to choose one."


def band_words(band: str) -> str:
    """Return a band as it is shown beside a risk."""
    return "not certain" if band == INDETERMINATE else band


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure a risk is: probabilities `low` to `high`, and in plain sentences what makes it
    unsure. `missing` holds the variables that the model usually goes by and lacks here, the
    weightiest first.

    `indeterminate` when the interval reaches from the low band into the high one, or to even odds,
    so that no band can be told.
    """

    low: float
    high: float
    indeterminate: bool
    reasons: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Tell whether nothing is known of how high the risk may be."""
        return self.high == 1.0

    @property
    def text(self) -> str:
        """Return the interval as a clinician reads it: "6.1 to 55 %", or "6.1 % or more" where
        it is open.
        """
        low = percent(self.low) if self.low >= LEAST_SHOWN else "0 %"
        return (
            f"{low} or more" if self.open else f"{low.removesuffix(' %')} to {percent(self.high)}"
        )


def certainty(model: Model, row: Mapping[str, float | None], raw: float) -> Certainty | None:
    """Return how sure the risk of a raw score is; None for a model without the facts to tell."""
    facts = model.manifest.get("certainty")
    if not facts:
        return None
    missing = {name: share for name, share in facts["evidence"].items() if row.get(name) is None}
    strange = {
        name: value
        for name in facts["seen"]
        if (value := row.get(name)) is not None and _beyond(name, value, facts["seen"][name])
    }
    gone = sum(missing.values())
    width = half_width(facts["widths"], gone)
    low, high = sigmoid(model.calibrated(raw - width)), sigmoid(model.calibrated(raw + width))
    high = 1.0 if strange else high
    unsure = model.band(low) == "low" and high >= min(model.manifest["thresholds"]["high"], EVEN)
    reasons = [_strange(name, value, facts["seen"][name]) for name, value in strange.items()]
    if unsure and (gone >= SPARSE or not reasons):
        reasons.append(_sparse(missing) if gone >= SPARSE else BETWEEN)
    return Certainty(low, high, unsure, tuple(reasons), _weightiest(missing))


def lacking(model: Model, sure: Certainty) -> float:
    """Return the share of what the model goes by that was missing where it was this sure."""
    evidence: dict[str, float] = model.manifest["certainty"]["evidence"]
    return sum(evidence[name] for name in sure.missing)


def foremost(
    items: Iterable[Input], sure: Certainty | None, most: int = 5
) -> tuple[list[Input], int]:
    """Return of inputs that are not known those that matter most to this risk, and how many others
    there are.

    Without a certainty the vocabulary's order decides, which begins with the vital signs. What a
    sister variable could stand for goes last, as the sister says as much; so do urine and weight
    where the model does not miss them.
    """
    order = {name: n for n, name in enumerate(sure.missing if sure else ())}
    late = {*SISTERS, *(NO_SIGNS - set(order))}
    ranked = sorted(
        items, key=lambda item: (item.variable in late, order.get(item.variable, len(order)))
    )
    return ranked[:most], len(ranked[most:])


def half_width(widths: list[list[float]], missing: float) -> float:
    """Return half the interval's width, as a raw score, where this share of the model's evidence
    is missing.
    """
    return next((width for upto, width in widths if missing <= upto), widths[-1][1])


def _beyond(name: str, value: float, seen: list[float]) -> bool:
    """Say whether a value, as it is printed, lies outside the range."""
    return not seen[0] <= float(number(VARIABLES[name], value)) <= seen[1]


def _strange(name: str, value: float, seen: list[float]) -> str:
    variable = VARIABLES[name]
    span = f"{display(variable, seen[0])} to {display(variable, seen[1])}"
    return f"The model has hardly seen {variable.label} {display(variable, value)} (mostly {span})."


def _weightiest(missing: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(sorted(missing, key=missing.__getitem__, reverse=True))


def _sparse(missing: Mapping[str, float]) -> str:
    most = _weightiest(missing)[:NAMED]
    names = ", ".join(VARIABLES[name].label if name in VARIABLES else name for name in most)
    return (
        f"{100 * sum(missing.values()):.0f} % of what the model usually goes by is not known, "
        f"above all {names}."
    )
