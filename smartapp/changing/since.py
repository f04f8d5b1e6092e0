"""Finds the moments that a user may compare now with: some hours back, the card, the last look."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from runtime.audit.log import Audit
from smartapp.door import Opened
from smartapp.session import IDLE_SECONDS
from smartapp.sight import ChartAt, Sight

HOURS = (6, 12, 24)
CARD, LOOK = "card", "look"
# Views that lie less apart are one look: a page read anew is none of its own.
ONE_LOOK = timedelta(seconds=IDLE_SECONDS)
LOOKED_FOR = timedelta(days=7)


class Choice(NamedTuple):
    """A moment to compare with, and the chart as it was known then; None where there is no such
    moment. `name` is a number of hours, CARD or LOOK.
    """

    name: str
    then: ChartAt | None


def choices(opened: Opened, sight: Sight, audit: Audit) -> dict[str, Choice]:
    """Return what can be chosen, by name. Raises AuditError."""
    looked = last_look(opened, sight, audit)
    found = [Choice(str(hours), _back(sight, timedelta(hours=hours))) for hours in HOURS]
    found.append(Choice(CARD, sight.card))
    found.append(Choice(LOOK, _back(sight, sight.now.at - looked) if looked else None))
    return {choice.name: choice for choice in found}


def chosen(wish: str | None, among: Mapping[str, Choice], now: datetime) -> Choice:
    """Return what was asked for. Without a wish, or where there is no such moment, it is the card;
    without one, or right after it, when nothing can have changed, the shortest time.
    """
    if wish is not None and wish in among and among[wish].then:
        return among[wish]
    card = among[CARD].then
    return among[CARD if card and now - card.at > ONE_LOOK else str(HOURS[0])]


def last_look(opened: Opened, sight: Sight, audit: Audit) -> datetime | None:
    """Return when this very user last opened the page of this patient before the present look
    (aware UTC); None where that is not known, or longer than a week ago. Raises AuditError.
    """
    session, after = opened.session, sight.now.at
    if session.user is None:
        return None
    start = after - LOOKED_FOR
    for record in audit.of_patient(session.ehr, session.patient, start, "page"):
        if record.get("user") != session.user or record.get("route") != "explanation":
            continue
        at = _read_at(record)
        if after - at > ONE_LOOK:
            return at
        after = min(after, at)
    return None


def _read_at(record: Mapping[str, Any]) -> datetime:
    # Up to 0.5.0 a view's record says only of what moment it was.
    return datetime.fromisoformat(record.get("read_at") or record["ts"])


def _back(sight: Sight, span: timedelta) -> ChartAt:
    return sight.now.before(span)
