"""Turns an Assessment and an EHR's configuration into the decision to show a card, with the
reason.
"""

from typing import NamedTuple

from models.assess import Assessment
from models.certainty import INDETERMINATE
from runtime.settings import Ehr

BANDS = ("low", "medium", "high")


class Delivery(NamedTuple):
    """Whether a card is shown, and why or why not."""

    shown: bool
    reason: str


def decide(assessment: Assessment, ehr: Ehr) -> Delivery:
    """Decide for one call; a chart without a number, or without a band, is shown from every
    threshold: silence would read as low risk.
    """
    if ehr.mode == "shadow":
        return Delivery(False, "shadow mode")
    if assessment.status == "deceased":
        return Delivery(False, "deceased")
    if assessment.lead is None:
        return Delivery(True, "no number")
    if any(risk.band == INDETERMINATE for risk in assessment.risks):
        return Delivery(True, INDETERMINATE)
    if BANDS.index(assessment.urgency) < BANDS.index(ehr.show_from):
        return Delivery(False, "below threshold")
    return Delivery(True, "at or above threshold")
