"""Turns a finished launch into a session in Redis that only the launching browser can find and
open (SMART-42..47, E5, E6).

A session is found by a hash of its handle and the browser's secret, and is encrypted with a key
from the same two, so that neither a Redis dump nor the address alone gives a token away. There is
one cookie per session: two tabs with two patients never share anything.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Any

import msgspec
import redis

from runtime.sealing import opened, seal
from smartapp.problems import StoreDown

IDLE_SECONDS = 15 * 60
ABSOLUTE_SECONDS = 8 * 3600


class Session(msgspec.Struct, frozen=True):
    """One launch: one EHR, one patient, one token; `ends` is when the token does, or 8 h
    (seconds since 1970).
    """

    ehr: str
    iss: str
    patient: str
    scope: str
    access_token: str
    ends: float
    user: str | None = None
    encounter: str | None = None
    assessment_id: str | None = None


class Sessions:
    """The sessions open, for all workers."""

    def __init__(self, store: redis.Redis):
        self._store = store

    def create(self, session: Session, agent: str, now: datetime) -> tuple[str, str]:
        """Keep a session under a fresh handle; return the handle for the path and the secret for
        the cookie.
        """
        handle, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._put(handle, secret + agent, session, _seconds_left(session, now))
        return handle, secret

    def find(self, handle: str, secret: str, agent: str, now: datetime) -> Session | None:
        """Return a live session and let its idle time begin anew, or None."""
        key = _key(handle, secret + agent)
        session = self._open(handle, secret + agent, self._redis("get", key))
        if session is None or session.ends <= now.timestamp():
            return None
        self._redis("expire", key, _seconds_left(session, now))
        return session

    def end(self, handle: str, secret: str, agent: str) -> None:
        """Forget a session and its token."""
        self._redis("delete", _key(handle, secret + agent))

    def _put(self, handle: str, secret: str, session: Session, seconds: int) -> None:
        sealed = seal(_digest("open", handle, secret), msgspec.json.encode(session))
        self._redis("set", _key(handle, secret), sealed, ex=seconds)

    def _open(self, handle: str, secret: str, sealed: bytes | None) -> Session | None:
        content = opened(_digest("open", handle, secret), sealed) if sealed else None
        try:
            return msgspec.json.decode(content, type=Session) if content else None
        except ValueError:
            return None

    def _redis(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._store, command)(*arguments, **options)
        except redis.RedisError:
            raise StoreDown("session store unavailable") from None


def _seconds_left(session: Session, now: datetime) -> int:
    return max(1, min(IDLE_SECONDS, int(session.ends - now.timestamp())))


def _key(handle: str, secret: str) -> str:
    return f"vigil:session:{_digest('find', handle, secret).hex()}"


def _digest(*parts: str) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest()
