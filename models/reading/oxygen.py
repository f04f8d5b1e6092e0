"""Turns what a chart says of air and oxygen without a plain amount into inspired oxygen: a code
that is there ("breathing room air"), a yes or no, a coded or written answer, a device; and tells a
target of saturation.
"""

from typing import NamedTuple

from models.patient.vocabulary import VARIABLES
from models.reading.codes.acvpu import answers, meanings
from models.reading.codes.questions import Question
from models.reading.fhir import Component, Concept
from models.reading.units import converted, unit_of, written

AIR = 21.0
# Oxygen without an amount: the least that a device gives is 24 % (a Venturi mask), so 22 % is sure.
LEAST_OXYGEN = 22.0
TARGETS = {"treatment", "therapeutic"}
# What has to be asked for beside the vocabulary's own codes.
OXYGEN_CODES = tuple(code for use in ("presence", "question") for _, code in meanings(use)[0])


class Oxygen(NamedTuple):
    """What a part says of inspired oxygen: `number`, or at `least` so much, in the unit of
    `variable`; where both are None the part's own value tells.
    """

    variable: str
    number: float | None = None
    least: float | None = None


def oxygen(part: Component, asked: Question) -> Oxygen | None:
    """Return what a part says of air or oxygen, whose code is `asked`; None where it is no such
    part, or is a plain inspired oxygen or flow, which is read as any other value.
    """
    presence = asked.presence
    if not presence and not asked.of_oxygen:
        return None
    if part.dataAbsentReason is not None:
        return Oxygen("fio2") if presence else None
    told = _told(part)
    if told is not None or not presence:
        return told
    on = "oxygen" in presence
    said = _yes(part)
    if said is not None:
        return _on(on == said)
    if part.valueQuantity is not None or part.valueString is not None:
        return Oxygen(_measured(part))
    blank = part.valueCodeableConcept is None and part.valueInteger is None
    return _on(on) if blank else Oxygen("fio2")


def has_scale2_target(part: Component) -> bool:
    """Tell whether a clinician's target of 88 to 92 % stands at the reading; it is never guessed
    from a diagnosis, nor from a normal range, nor from one that holds for some.
    """
    return any(
        (one.low and one.low.value, one.high and one.high.value) == (88.0, 92.0)
        and not (one.appliesTo or one.age or one.modifierExtension)
        and any(coding.code in TARGETS for coding in (one.type and one.type.coding) or ())
        for one in part.referenceRange or ()
    )


def _told(part: Component) -> Oxygen | None:
    """Return what a coded or written answer says; of two the graver counts."""
    concept = part.valueCodeableConcept or Concept(text=part.valueString)
    found = answers("answer", concept)
    if not found:
        return None
    amounts = [float(means) for means in found if means != "oxygen"]
    if "oxygen" in found and max(amounts, default=AIR) <= AIR:
        return _on(True)
    return Oxygen("fio2", max(amounts))


def _yes(part: Component) -> bool | None:
    if part.valueBoolean is not None:
        return part.valueBoolean
    if part.valueCodeableConcept is None:
        return None
    yes, no = (bool(answers(word, part.valueCodeableConcept)) for word in ("yes", "no"))
    return yes if yes != no else None


def _on(on: bool) -> Oxygen:
    return Oxygen("fio2", None, LEAST_OXYGEN) if on else Oxygen("fio2", AIR)


def _measured(part: Component) -> str:
    """Return the variable of a part's own value, by its unit: a flow or a share."""
    flow = VARIABLES["oxygen_flow"]
    if part.valueQuantity is not None:
        unit = unit_of(part.valueQuantity)
    else:
        text = written(part.valueString or "", VARIABLES["fio2"])
        unit = text.unit if text else None
    return "fio2" if converted(flow, None, 1.0, unit) is None else flow.name
