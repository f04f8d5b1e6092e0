"""Turns the risks of an Assessment into what the page shows of each outcome, all in one form."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.assess import Assessment, Risk
from models.certainty import band_words
from models.course import Moment, course
from models.fitted.registry import Model
from models.patient.inputs import percent
from smartapp.plots.course import Course, risk_course
from smartapp.plots.waterfall import Waterfall, waterfall

TRENDS = {"rising": "↗ rising", "falling": "↘ falling", "steady": "→ steady"}
# Of so many patients the outcome is told, so that the number is not below one.
MANY, MORE = 100, 1000
# More than these are a number on the page's first screen.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome: its Risk, the words of its facts, and its two plots; `key` begins its ids.

    `course` is None where the model that gave the risk is not here any more.
    """

    key: str
    risk: Risk
    band: str
    bands: str
    before: str
    frequency: str
    waterfall: Waterfall
    course: Course | None


def outcomes(
    known: Sequence[Moment], assessment: Assessment, models: Sequence[Model]
) -> tuple[Outcome, ...]:
    """Return every outcome of an assessment, the leading one first; `known` are the hours up to its
    moment.
    """
    by_id = {model.id: model for model in models}
    return tuple(
        _outcome(f"outcome-{n}", risk, known, assessment.at, by_id.get(risk.model))
        for n, risk in enumerate(assessment.risks, 1)
    )


def _outcome(
    key: str, risk: Risk, known: Sequence[Moment], at: datetime, model: Model | None
) -> Outcome:
    hourly = course(known, model) if model else []
    return Outcome(
        key,
        risk,
        band_words(risk.band),
        bands_text(risk),
        _before(risk),
        _frequency(risk, model),
        waterfall(risk),
        risk_course(hourly, risk.thresholds, at) if hourly else None,
    )


def bands_text(risk: Risk) -> str:
    """Return from where on the bands begin, so that it agrees with the risk as it is printed.

    A threshold above the risk that is printed alike would contradict the band beside it.
    """
    found = []
    for name, value in risk.thresholds.items():
        alike = risk.probability < value and percent(value) == percent(risk.probability)
        found.append(f"{name} from {'just above ' if alike else ''}{percent(value)}")
    return ", ".join(found)


def _before(risk: Risk) -> str:
    """Return the risk six hours ago, the trend, and what was not known then."""
    if risk.earlier is None:
        return "no certain number then"
    words = [percent(risk.earlier), *([TRENDS[risk.trend]] if risk.trend else [])]
    new = list(risk.new_since)
    if new:
        more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
        words.append(f"not known then: {', '.join(new[:NAMED])}{more}")
    return "; ".join(words)


def _frequency(risk: Risk, model: Model | None) -> str:
    """Return of how many patients the risk is said; a recalibrated one is said of other patients
    than those of the training.
    """
    many = MANY if risk.probability >= 0.05 else MORE
    number = round(risk.probability * many)
    known = model.manifest if model else {}
    where = "in the data behind the model" if known else "in the data of its calibration"
    if again := known.get("recalibration"):
        where = f"among the {again['patients']} that this version was recalibrated on"
    return f"Of {many} patients with this number, about {number} had this outcome {where}."
