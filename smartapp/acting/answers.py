"""Turns "I agree" and "I see it differently" into records, and finds the newest again.

Recorded as feedback on a card is, with two differences: who answers is known, and it may be said
anew, where the newest counts.
"""

from datetime import datetime
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict

from ehr.actions import reasons
from smartapp.acting.subject import moment, subject
from smartapp.door import Door, Opened
from smartapp.problems import Strange
from smartapp.sight import Sight

LONGEST_COMMENT = 500
# What the buttons send, and what is recorded of it.
OUTCOMES = {"agree": "agreed", "differ": "disagreed"}


class Said(NamedTuple):
    """What a user answered, and when (aware UTC); `about` is the moment that was assessed."""

    time: datetime
    agreed: bool
    reason: str
    comment: str
    about: datetime


def keep(door: Door, opened: Opened, sight: Sight, form: MultiDict[str, str]) -> None:
    """Record an answer, and what was written beside it in a record of its own. Raises Strange for
    what no form of ours sends.
    """
    outcome, code = OUTCOMES.get(form.get("answer", "")), form.get("reason", "")
    if not outcome or (code not in reasons.ROWS if outcome == "disagreed" else code):
        raise Strange("answer of a form")
    given = reasons.coding(code) if code else None
    about = {
        "assessment_id": subject(opened, sight),
        "card": opened.session.assessment_id if sight.card else None,
        "view": sight.shown,
        "at": moment(sight),
    }
    answer = {
        "fb_outcome": outcome,
        "fb_time": opened.now.isoformat(),
        "fb_reason": given,
        "fb_published": reasons.published(given),
        "withheld": sight.withheld,
    }
    # A browser sends a line's end as two characters, and counts it as one.
    comment = "\n".join(form.get("comment", "").split("\r\n")).strip()[:LONGEST_COMMENT]
    beside = [("feedback-comment", about | {"comment": comment})] if comment else []
    door.record_all(opened, [("answer", about | answer), *beside])


def said(door: Door, opened: Opened, sight: Sight) -> Said | None:
    """Return the newest answer of the session's user, also of an earlier session if there is a
    card; None where there is none.
    """
    name = subject(opened, sight)
    found = _last(door, opened, name, "answer")
    if not found:
        return None
    written = _last(door, opened, name, "feedback-comment") or {}
    together = written.get("request_id") == found["request_id"]
    return Said(
        datetime.fromisoformat(found["fb_time"]),
        found["fb_outcome"] == OUTCOMES["agree"],
        (found["fb_reason"] or {}).get("display", ""),
        written["comment"] if together else "",
        datetime.fromisoformat(found["at"]),
    )


def _last(door: Door, opened: Opened, name: str, type: str) -> dict[str, Any] | None:
    """Return the newest record of this user; of one who is not named, of this session."""
    records = door.audit.of_assessment(name, type)
    key = "user" if opened.session.user else "session"
    own = door.identity(opened)[key]
    found = [one for one in records if one.get(key) == own]
    return found[-1] if found else None
