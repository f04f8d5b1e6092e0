"""Turns what the page's assessment speaks for into draft orders that the EHR's window may take
over: the same that a card suggests.
"""

import json
from typing import NamedTuple

from ehr.actions.orders import order
from ehr.actions.wanted import wanted
from models.assess import Assessment
from runtime.settings import Ehr
from smartapp.session import Session


class Draft(NamedTuple):
    """One order: the words of its button, and the ServiceRequest as JSON, for the window's
    scratchpad.
    """

    kind: str
    label: str
    resource: str


def drafts(assessment: Assessment, session: Session, ehr: Ehr) -> tuple[Draft, ...]:
    """Return the orders that the EHR's record lets be suggested, the most urgent first."""
    offers = ehr.offers
    return tuple(
        Draft(
            one.kind,
            one.label,
            json.dumps(
                order(
                    one,
                    session.patient,
                    session.encounter,
                    assessment.at,
                    ehr.suggestion_codes.get(one.kind),
                )
            ),
        )
        for one in (wanted(assessment) if offers else ())
        if one.kind in offers
    )
