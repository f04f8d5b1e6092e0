"""Turns a dismissal that came as feedback into how long, for whom and of what a patient is quiet.

Feedback does not say who gives it (CDS Hooks 2.0): it counts as that of the user who was shown the
card.
"""

from datetime import datetime, timedelta
from typing import Any

from cdshooks.delivering.history import Kind, Snooze, standing
from cdshooks.delivering.seen import Seen
from runtime.settings import Policy

KINDS: tuple[Kind, ...] = ("limits", "data", "known", "other")
# Treatment limits and wrong data are the patient's, whoever says so. That something is known or
# treated, one user knows: the next shift may not.
OF_ALL_USERS: set[Kind] = {"limits", "data"}
# By our own codes and by those of the published code system
# (http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes) that mean the same. Who says
# "not for me" is left alone like one who knows; others still get the card.
OF_CODE: dict[str, Kind] = {
    "known": "known",
    "indication-order-exists": "known",
    "action-completed": "known",
    "inappropriate-recipient": "known",
    "limits": "limits",
    "does-not-align-preferences": "limits",
    "data": "data",
}
# A code of another system is a site's own word, whatever it looks like.
SYSTEMS = {
    "",
    "urn:vigil:override-reason",
    "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
}
# An encounter's snooze ends with it; nobody tells when that is.
LONGEST_STAY = timedelta(days=30)
# Without newer data the vital signs are too old for a risk by then, which is news.
LONGEST_WRONG = timedelta(days=3)


def snooze_of(
    told: dict[str, Any], card: Seen, policy: Policy, now: datetime
) -> tuple[Kind, Snooze] | None:
    """Return what a feedback item asks for, with its kind; None where nothing, or it is over, or
    the card answered a question, which is answered each time.

    It counts from when the user did it, else from the card, not from when it came.
    """
    if told["fb_outcome"] != "overridden" or card.question:
        return None
    reason = told.get("fb_reason") or {}
    ours = reason.get("system", "") in SYSTEMS
    kind = OF_CODE.get(reason.get("code", ""), "other") if ours else "other"
    start = max(card.at, min(now, _time(told.get("fb_time")) or card.at))
    until = start + length(kind, card.encounter, policy)
    encounter = card.encounter if kind == "limits" else None
    data = (card.data_time or card.at) if kind == "data" else None
    return (kind, Snooze(until, standing(card), encounter, data)) if until > now else None


def length(kind: Kind, encounter: str | None, policy: Policy) -> timedelta:
    """Return how long a dismissal lasts at the longest."""
    if kind == "data":
        return LONGEST_WRONG
    if kind == "limits" and encounter:
        return LONGEST_STAY
    hours = {
        "known": policy.snooze_known_hours,
        "limits": policy.snooze_limits_hours,
        "other": policy.snooze_other_hours,
    }
    return timedelta(hours=hours[kind])


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
