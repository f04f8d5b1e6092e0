"""Turns what an assessment speaks for into a card's suggestions (CDS Hooks 2.0 "Suggestion",
R73-R82).
"""

import uuid
from typing import Any, get_args

from ehr.actions.orders import order
from ehr.actions.wanted import Wanted, wanted
from models.assess import Assessment
from runtime.settings import Ehr, Suggestion


def members(assessment: Assessment, card: str, ehr: Ehr, encounter: str | None) -> dict[str, Any]:
    """Return `suggestions` and `selectionBehavior` of the card with that uuid; nothing where
    nothing is suggested (R3, R74).
    """
    offers = ehr.offers
    found = [one for one in wanted(assessment) if one.kind in offers] if offers else []
    if not found:
        return {}
    made = [_suggestion(one, assessment, card, ehr, encounter) for one in found]
    return {"suggestions": made, "selectionBehavior": ehr.traits.selection}


def name(card: str, kind: str) -> str:
    """Return the uuid of a card's suggestion; the same card names it the same again (G12)."""
    return str(uuid.uuid5(uuid.UUID(card), kind))


def kinds(card: str, suggestions: list[str]) -> list[str]:
    """Return which of its suggestions a card's feedback names; any text may name a card (R95)."""
    try:
        known = {name(card, kind): kind for kind in get_args(Suggestion)}
    except ValueError:
        return []
    return [known[one.lower()] for one in suggestions if one.lower() in known]


def _suggestion(
    one: Wanted, assessment: Assessment, card: str, ehr: Ehr, encounter: str | None
) -> dict[str, Any]:
    """Return one suggestion with one action: Epic takes no more, and what belongs together here is
    one order each.
    """
    code = ehr.suggestion_codes.get(one.kind)
    resource = order(one, assessment.patient, encounter, assessment.at, code)
    action = {"type": "create", "description": one.description, "resource": resource}
    made = {"label": one.label, "uuid": name(card, one.kind), "actions": [action]}
    return made | ({"isRecommended": True} if one.recommended else {})
