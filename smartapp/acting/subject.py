"""Says what an act on a page is about: the card behind it or the page's own assessment, and who
acts.
"""

import re
from typing import Any

from flask import request

from ehr.actions.quiet import Reader
from runtime.logs import keyed_hash
from smartapp.door import Door, Opened
from smartapp.problems import NothingShown
from smartapp.sight import Sight

# What `userId` of a call can be too; whatever server an absolute reference names.
PERSON = re.compile(
    r"(?:.*/)?(?P<person>(?:Practitioner|PractitionerRole|Patient|RelatedPerson)"
    r"/[A-Za-z0-9\-.]{1,64})(?:/_history/.*)?"
)
# The form's field that names the moment which its page explains.
OF = "of"


def subject(opened: Opened, sight: Sight) -> str:
    """Return the id by which what is done about a page is found again: its card's, or one of its
    own session.
    """
    card = opened.session.assessment_id if sight.card else None
    return card or f"page-{keyed_hash(opened.ticket.handle)}"


def moment(sight: Sight) -> str:
    """Return the moment that the page explains, as its forms send it back."""
    return sight.seen.at.isoformat()


def acted_on(door: Door, opened: Opened) -> Sight:
    """Return what a form is about. Raises NothingShown where the page has moved on since: nobody
    may answer, or write, what they have not seen.
    """
    sight = door.sight(opened)
    if request.form.get(OF) != moment(sight):
        raise NothingShown("a form of an older page")
    return sight


def reader(door: Door, opened: Opened, sight: Sight) -> Reader | None:
    """Return who acts, as calls of hooks name people; None where the sign-in did not say."""
    session = opened.session
    named = PERSON.fullmatch(session.fhir_user or "")
    if not named:
        return None
    shown_to = card_of(door, opened, sight).get("user")
    return Reader(
        opened.ehr,
        named["person"],
        session.patient,
        session.encounter,
        shown_to if isinstance(shown_to, str) else None,
        sight.withheld,
    )


def card_of(door: Door, opened: Opened, sight: Sight) -> dict[str, Any]:
    """Return the record of the card behind the page; empty without one."""
    name = opened.session.assessment_id
    return (door.audit.find_assessment(name) if name and sight.card else None) or {}
