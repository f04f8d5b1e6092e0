"""Turns an Assessment and an EHR's configuration into the decision to show a card, with the
reason.
"""

from typing import NamedTuple

from models.assess import Assessment
from models.certainty import INDETERMINATE
from models.findings.finding import LEVELS
from models.questions import ADMISSION, DISCHARGE
from models.withheld import WITHHELD, withheld
from runtime.settings import Ehr
from runtime.trials.arm import Arm
from runtime.trials.phase import phase_of

# The level of a card from which each setting shows it.
SHOWN_FROM = {"low": "info", "medium": "warning", "high": "critical"}
# Why the answer to a question is silence.
NOTHING = {ADMISSION: "nothing lacks at admission", DISCHARGE: "nothing against discharge"}


class Delivery(NamedTuple):
    """Whether a card is shown, and why or why not; `withheld` without what the models add."""

    shown: bool
    reason: str
    withheld: bool = False


def decide(
    assessment: Assessment, ehr: Ehr, user: str | None = None, arm: Arm | None = None
) -> Delivery:
    """Decide for one call by the level of the card; a chart without a number, or without a band,
    is shown from every threshold: silence would read as low risk.
    """
    if silent := phase_of(ehr, user).silent:
        return Delivery(False, silent)
    if assessment.status == "deceased":
        return Delivery(False, "deceased")
    if arm and arm.withheld:
        return _control(withheld(assessment), ehr)
    if assessment.question:
        return _answer(assessment)
    if assessment.lead is None:
        return Delivery(True, "no number")
    if any(risk.band == INDETERMINATE for risk in assessment.risks):
        return Delivery(True, INDETERMINATE)
    if LEVELS.index(assessment.level) < LEVELS.index(SHOWN_FROM[ehr.show_from]):
        return Delivery(False, "below threshold")
    return Delivery(True, "at or above threshold")


def _control(assessment: Assessment, ehr: Ehr) -> Delivery:
    """Show what NEWS2, critical values and the like ask for without the models; no card that only
    says how it stands with them.
    """
    if assessment.question:
        return Delivery(_answer(assessment).shown, "control arm", withheld=True)
    least = max(LEVELS.index("warning"), LEVELS.index(SHOWN_FROM[ehr.show_from]))
    return Delivery(LEVELS.index(assessment.level) >= least, "control arm", withheld=True)


def _answer(assessment: Assessment) -> Delivery:
    """Decide for what somebody asked by admitting or discharging: whatever says something to that
    is shown, and `show_from` has no say.

    Silence at a discharge says that all was read and nothing found, so it is never given where no
    number could be. At an admission it says no such thing: of a child nothing is asked that would
    give a number.
    """
    if assessment.telling:
        return Delivery(True, assessment.question)
    if assessment.question == ADMISSION and assessment.status == "child":
        return Delivery(False, "for adults only")
    without = assessment.lead is None and assessment.status != WITHHELD
    if without or assessment.unavailable:
        return Delivery(True, "no number")
    return Delivery(False, NOTHING[assessment.question])
