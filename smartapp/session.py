"""Turns a launch into server-side state in Redis that only the launching browser can find and open
(SMART-42..47, E3, E5, E6).

A record is found by a hash of its name (a state, a handle) and the browser's secret, and is
encrypted with a key from the same two, so that neither a Redis dump nor the address alone gives a
token away. There is one cookie per launch: two tabs with two patients never share anything.
"""

import hashlib
import os
import secrets
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import redis
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Request
from werkzeug.wrappers import Response as BaseResponse

from smartapp.problems import StoreDown

LAUNCH_SECONDS = 600
IDLE_SECONDS = 15 * 60
ABSOLUTE_SECONDS = 8 * 3600
Kept = TypeVar("Kept", bound=msgspec.Struct)


class Launch(msgspec.Struct, frozen=True):
    """What the callback needs of the authorization request that it answers."""

    ehr: str
    iss: str
    code_verifier: str
    nonce: str | None
    scope: str


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
    """The launches under way and the sessions open, for all workers."""

    def __init__(self, store: redis.Redis):
        self._store = store

    def begin(self, launch: Launch, state: str) -> str:
        """Keep a launch under its state for ten minutes and return the secret for the browser's
        cookie.
        """
        secret = secrets.token_urlsafe(32)
        self._put("launch", state, secret, launch, LAUNCH_SECONDS)
        return secret

    def take(self, state: str, secret: str) -> Launch | None:
        """Return the launch of this state and browser, once: of two callbacks at the same time
        one gets it.
        """
        return self._open(
            "launch", state, secret, self._redis("getdel", _key("launch", state, secret)), Launch
        )

    def create(self, session: Session, agent: str, now: datetime) -> tuple[str, str]:
        """Keep a session under a fresh handle; return the handle for the path and the secret for
        the cookie.
        """
        handle, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._put("session", handle, secret + agent, session, _seconds_left(session, now))
        return handle, secret

    def find(self, handle: str, secret: str, agent: str, now: datetime) -> Session | None:
        """Return a live session and let its idle time begin anew, or None."""
        key = _key("session", handle, secret + agent)
        session = self._open("session", handle, secret + agent, self._redis("get", key), Session)
        if session is None or session.ends <= now.timestamp():
            return None
        self._redis("expire", key, _seconds_left(session, now))
        return session

    def end(self, handle: str, secret: str, agent: str) -> None:
        """Forget a session and its token."""
        self._redis("delete", _key("session", handle, secret + agent))

    def _put(self, kind: str, name: str, secret: str, record: msgspec.Struct, seconds: int) -> None:
        nonce = os.urandom(12)
        sealed = nonce + _cipher(kind, name, secret).encrypt(
            nonce, msgspec.json.encode(record), None
        )
        self._redis("set", _key(kind, name, secret), sealed, ex=seconds)

    def _open(
        self, kind: str, name: str, secret: str, sealed: bytes | None, shape: type[Kept]
    ) -> Kept | None:
        if sealed is None:
            return None
        try:
            return msgspec.json.decode(
                _cipher(kind, name, secret).decrypt(sealed[:12], sealed[12:], None), type=shape
            )
        except (InvalidTag, ValueError):
            return None

    def _redis(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._store, command)(*arguments, **options)
        except redis.RedisError:
            raise StoreDown("session store unavailable") from None


def cookie_name(kind: str, name: str) -> str:
    """Return the name of the cookie of one launch or one session."""
    return f"__Host-vigil-{kind}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def cookie_secret(request: Request, kind: str, name: str) -> str:
    """Return the secret that the browser holds for this launch or session; empty when it sent
    none.
    """
    return request.cookies.get(cookie_name(kind, name), "")


def set_cookie(response: BaseResponse, kind: str, name: str, secret: str, seconds: int) -> None:
    """Set a cookie that works in another site's iframe and nowhere but here; zero seconds remove
    it (SMART-42).
    """
    response.set_cookie(
        cookie_name(kind, name),
        secret,
        max_age=seconds,
        path="/",
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )


def _seconds_left(session: Session, now: datetime) -> int:
    return max(1, min(IDLE_SECONDS, int(session.ends - now.timestamp())))


def _key(kind: str, name: str, secret: str) -> str:
    return f"vigil:{kind}:{_digest('find', kind, name, secret).hex()}"


def _cipher(kind: str, name: str, secret: str) -> AESGCM:
    return AESGCM(_digest("open", kind, name, secret))


def _digest(*parts: str) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest()
