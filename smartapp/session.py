"""Turns a finished launch into a session in Redis that only the launching browser can find and
open (SMART-42..47, E5, E6).

A session is found by a hash of its handle and the browser's secret, and is encrypted with a key
from the same two, so that neither a Redis dump nor the address alone gives a token away. There is
one cookie per session: two tabs with two patients never share anything.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import redis

from runtime.sealing import opened, seal
from smartapp.problems import StoreDown

IDLE_SECONDS = 15 * 60
# What is kept of a session: itself, what its page showed, the EHR's lists that it was offered, the
# one of them that is being assessed, and whether that is to stop.
KEPT = ("session", "sight", "lists", "charts", "stop")
ABSOLUTE_SECONDS = 8 * 3600
# Longer than a token request may take, so that a turn ends with whoever has it.
TURN_SECONDS = 30


class Session(msgspec.Struct, frozen=True):
    """One launch: one EHR, one patient, one token at a time.

    `ends` and `token_ends` (seconds since 1970) are when session and token do: a session outlives
    its token only by a refresh token, and is never longer than 8 h.

    `user` is issuer and subject of a verified id_token, and `fhir_user` the reference in it, as
    sent. What comes of the token response beside the token is untrusted: `messaging_handle` and
    `messaging_origin` (SMART-57), `smart_style_url` and `intent` are as sent, None where they are
    no text.
    """

    ehr: str
    iss: str
    patient: str
    scope: str
    access_token: str
    ends: float
    token_ends: float
    user: str | None = None
    encounter: str | None = None
    assessment_id: str | None = None
    fhir_user: str | None = None
    refresh_token: str | None = None
    need_patient_banner: bool = True
    smart_style_url: str | None = None
    messaging_handle: str | None = None
    messaging_origin: str | None = None
    intent: str | None = None


class Ticket(NamedTuple):
    """What a browser shows for a session: the handle in the path, the cookie's secret, and its own
    name (User-Agent).
    """

    handle: str
    secret: str
    agent: str

    def digest(self, purpose: str) -> bytes:
        """Return 32 bytes that nobody makes without the ticket, others for each purpose."""
        return _digest(purpose, self.handle, self.secret + self.agent)


class Sessions:
    """The sessions open, for all workers."""

    def __init__(self, store: redis.Redis):
        self._store = store

    def create(self, session: Session, agent: str, now: datetime) -> Ticket:
        """Keep a session under a fresh handle; return what opens it."""
        ticket = Ticket(secrets.token_urlsafe(32), secrets.token_urlsafe(32), agent)
        self._put(ticket, "session", msgspec.json.encode(session), _seconds_left(session, now))
        return ticket

    def find(self, ticket: Ticket, now: datetime) -> Session | None:
        """Return a live session and let its idle time begin anew, or None."""
        content = self._open(ticket, "session")
        try:
            session = msgspec.json.decode(content, type=Session) if content else None
        except ValueError:
            return None
        if session is None or session.ends <= now.timestamp():
            return None
        for kept in KEPT:
            self._redis("expire", _key(ticket, kept), _seconds_left(session, now))
        return session

    def renew(self, ticket: Ticket, session: Session, now: datetime) -> bool:
        """Keep a session in place of the one of before; False where that was ended meanwhile."""
        return bool(
            self._put(
                ticket,
                "session",
                msgspec.json.encode(session),
                _seconds_left(session, now),
                xx=True,
            )
        )

    def take_turn(self, ticket: Ticket, what: str = "turn") -> str | None:
        """Return the name of a turn to do what a session does once at a time among all workers and
        hosts, as to renew its token; None where another request has it.
        """
        turn = secrets.token_urlsafe(16)
        taken = self._redis("set", _key(ticket, what), turn, nx=True, ex=TURN_SECONDS)
        return turn if taken else None

    def turn_taken(self, ticket: Ticket) -> bool:
        """Tell whether somebody has the turn to renew the token."""
        return self._redis("get", _key(ticket, "turn")) is not None

    def end_turn(self, ticket: Ticket, turn: str, what: str = "turn") -> None:
        """Give the turn back, unless it ran out and is another's."""
        key = _key(ticket, what)
        if self._redis("get", key) == turn.encode():
            self._redis("delete", key)

    def show(
        self, ticket: Ticket, session: Session, content: bytes, now: datetime, kept: str = "sight"
    ) -> None:
        """Keep what a page of a session last showed, as long as the session lives; `kept` is a word
        of KEPT.
        """
        self._put(ticket, kept, content, _seconds_left(session, now))

    def shown(self, ticket: Ticket, kept: str = "sight") -> bytes | None:
        """Return what a page of a session last showed, or None."""
        return self._open(ticket, kept)

    def end(self, ticket: Ticket) -> None:
        """Forget a session, its token, and what it showed."""
        for kept in KEPT:
            self._redis("delete", _key(ticket, kept))

    def _put(
        self, ticket: Ticket, kept: str, content: bytes, seconds: int, xx: bool = False
    ) -> Any:
        sealed = seal(ticket.digest(f"open {kept}"), content)
        return self._redis("set", _key(ticket, kept), sealed, ex=seconds, xx=xx)

    def _open(self, ticket: Ticket, kept: str) -> bytes | None:
        sealed = self._redis("get", _key(ticket, kept))
        return opened(ticket.digest(f"open {kept}"), sealed) if sealed else None

    def _redis(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._store, command)(*arguments, **options)
        except redis.RedisError:
            raise StoreDown("session store unavailable") from None


def _seconds_left(session: Session, now: datetime) -> int:
    return max(1, min(IDLE_SECONDS, int(session.ends - now.timestamp())))


def _key(ticket: Ticket, kept: str) -> str:
    return f"vigil:{kept}:{ticket.digest('find').hex()}"


def _digest(*parts: str) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest()
