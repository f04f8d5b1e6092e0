"""Lets who reads the page of the SMART app hold back the next cards about its patient, by the rules
of a dismissed card.

Unlike feedback this says who asks. What is snoozed is what the page showed: whatever is new or
graver since then is shown all the same.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, get_args

import msgspec
import redis

from cdshooks.delivering.decision import lasts
from cdshooks.delivering.first_sight import outside
from cdshooks.delivering.history import Kind
from cdshooks.delivering.memory import Memory
from cdshooks.delivering.seen import Seen
from cdshooks.delivering.snoozes import OF_ALL_USERS, length, snooze_of
from ehr.actions import reasons
from ehr.actions.quiet import Held, Offer, Reader, Record
from models.assess import Assessment
from runtime.audit.people import ROLE

# Each kind's reason, which is its code too.
KINDS: tuple[Kind, ...] = get_args(Kind)


class PageQuiet:
    """What is asked for on pages, kept in the memory of the calls in that store."""

    def __init__(self, store: redis.Redis, clock: Callable[[], datetime]):
        self._memory, self._clock = Memory(store), clock

    def offers(self, who: Reader) -> tuple[Offer, ...]:
        """Return each kind of dismissal that lasts at all under this EHR's policy."""
        lengths = {kind: length(kind, who.encounter, who.ehr) for kind in KINDS}
        return tuple(
            Offer(
                kind,
                _words(kind),
                kind in OF_ALL_USERS,
                time / timedelta(hours=1),
                kind == "limits" and who.encounter is not None,
            )
            for kind, time in lengths.items()
            if time
        )

    def held(self, who: Reader, newest: datetime | None) -> tuple[Held, ...] | None:
        """Return what is held back from the reader and from everybody."""
        now = self._clock()
        history = self._memory.recall(_nothing(who, who.user, now), who.ehr.zone)
        if history is None:
            return None
        return tuple(
            Held(
                kind,
                _words(kind),
                kind in OF_ALL_USERS,
                snooze.until,
                snooze.encounter is not None,
            )
            for kind, snooze in history.snoozes.items()
            if lasts(snooze, now, who.encounter, newest, snooze.until)
        )

    def hold(self, who: Reader, code: str, found: Assessment, record: Record) -> datetime | None:
        """Snooze what was found for the reader, and for the role in which they were shown a card.

        Raises KeyError for a reason that holds nothing back here.
        """
        kind, now = _kind(code), self._clock()
        if code not in {one.code for one in self.offers(who)}:
            raise KeyError(code)
        told = {
            "fb_outcome": "overridden",
            "fb_time": now.isoformat(),
            "fb_reason": reasons.coding(code),
        }
        seen = [
            outside(found, who.ehr.id, user, who.encounter, withheld=who.control)
            for user in _users(who)
        ]
        asked = [(one, *snooze) for one in seen if (snooze := snooze_of(told, one, who.ehr, now))]
        until = max(snooze.until for _, _, snooze in asked)
        record(told | {"kind": kind, "until": until.isoformat(), "seen": list(map(_plain, seen))})
        return until if self._memory.snooze(asked, now) else None

    def end(self, who: Reader, code: str, record: Record) -> bool:
        """Forget a snooze of the reader's, or everybody's. Raises KeyError."""
        kind, now = _kind(code), self._clock()
        seen = [_nothing(who, user, now) for user in _users(who)]
        record({"kind": kind, "ended": True, "seen": list(map(_plain, seen))})
        return self._memory.wake(seen, kind)


def _kind(code: str) -> Kind:
    return {str(kind): kind for kind in KINDS}[code]


def _words(code: str) -> str:
    return reasons.ROWS[code]["display"]


def _users(who: Reader) -> tuple[str, ...]:
    """Return whose calls are meant. Of a PractitionerRole only its server knows whose role it is; a
    card that was shown to one, and leads to this page, was its reader's.
    """
    role = who.shown_to if who.shown_to and ROLE in who.shown_to else None
    return tuple(dict.fromkeys(user for user in (who.user, role) if user))


def _nothing(who: Reader, user: str, at: datetime) -> Seen:
    """Return a call in which nothing was found: it names the patient and the user."""
    return Seen(ehr=who.ehr.id, user=user, patient=who.patient, at=at, status="scored")


def _plain(seen: Seen) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(seen)
    return found
