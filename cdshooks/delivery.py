"""Turns an Assessment and an EHR's configuration into the decision to show a card, with the
reason.
"""

from typing import NamedTuple

from models.assess import Assessment
from models.certainty import INDETERMINATE
from models.findings.finding import LEVELS
from models.withheld import withheld
from runtime.settings import Ehr
from runtime.trials.arm import Arm
from runtime.trials.phase import phase_of

# The level of a card from which each setting shows it.
SHOWN_FROM = {"low": "info", "medium": "warning", "high": "critical"}


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
    least = max(LEVELS.index("warning"), LEVELS.index(SHOWN_FROM[ehr.show_from]))
    return Delivery(LEVELS.index(assessment.level) >= least, "control arm", withheld=True)
