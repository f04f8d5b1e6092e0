"""Turns an Assessment and an EHR's configuration into the decision to show a card, with the
reason.
"""

from typing import NamedTuple

from models.assess import Assessment
from models.certainty import INDETERMINATE
from models.findings.finding import LEVELS
from runtime.settings import Ehr

# The level of a card from which each setting shows it.
SHOWN_FROM = {"low": "info", "medium": "warning", "high": "critical"}


class Delivery(NamedTuple):
    """Whether a card is shown, and why or why not."""

    shown: bool
    reason: str


def decide(assessment: Assessment, ehr: Ehr) -> Delivery:
    """Decide for one call by the level of the card; a chart without a number, or without a band,
    is shown from every threshold: silence would read as low risk.
    """
    if ehr.mode == "shadow":
        return Delivery(False, "shadow mode")
    if assessment.status == "deceased":
        return Delivery(False, "deceased")
    if assessment.lead is None:
        return Delivery(True, "no number")
    if any(risk.band == INDETERMINATE for risk in assessment.risks):
        return Delivery(True, INDETERMINATE)
    if LEVELS.index(assessment.level) < LEVELS.index(SHOWN_FROM[ehr.show_from]):
        return Delivery(False, "below threshold")
    return Delivery(True, "at or above threshold")
