"""Keeps what the authorization server hands out: launches, codes, access and refresh tokens, each
for a limited time.

In memory and for one process: a restart of the demonstration ends every session, and nothing is
left on disk.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

# A client may ask for a launch when it shows the link, long before somebody presses it.
LIFETIMES = {
    "launch": timedelta(hours=1), "pending": timedelta(minutes=10),
    "code": timedelta(seconds=60), "access": timedelta(minutes=15), "hook": timedelta(minutes=5),
    "refresh": timedelta(hours=8), "handle": timedelta(hours=8),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Who may see whose chart, through which client, and what a code has to be redeemed with.

    `user` is the address of who is signed in; `trouble` what is to go wrong (demo.playing).
    `family` is shared by all that comes of one code, so that a code used twice can take everything
    back (RFC 6749 4.1.2).
    """

    patient: str
    client_id: str
    scope: str
    encounter: str | None = None
    app_context: str | None = None
    user: str | None = None
    redirect_uri: str | None = None
    code_challenge: str | None = None
    nonce: str | None = None
    trouble: str | None = None
    family: str = field(default_factory=lambda: secrets.token_urlsafe(16))


class Tokens:
    """Values by kind and opaque name; what has expired is not found."""

    def __init__(self, clock: Callable[[], datetime]):
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[datetime, Any]] = {}
        self._used: dict[str, str] = {}

    def issue(self, kind: str, value: Any) -> str:
        """Keep a value for its kind's lifetime and return its unguessable name."""
        self._forget()
        name = secrets.token_urlsafe(32)
        self._kept[kind, name] = (self._clock() + LIFETIMES[kind], value)
        return name

    def find(self, kind: str, name: str) -> Any | None:
        """Return a value that is still valid, else None."""
        until, value = self._kept.get((kind, name), (None, None))
        return value if until is not None and until > self._clock() else None

    def take(self, kind: str, name: str) -> Any | None:
        """Return a value that is still valid and end it; a code taken a second time takes its
        whole family back.
        """
        value = self.find(kind, name)
        self._kept.pop((kind, name), None)
        if isinstance(value, Grant):
            self._used[name] = value.family
        elif name in self._used:
            self.revoke(self._used[name])
        return value

    def revoke(self, family: str) -> None:
        """End everything that came of one code."""
        for key, (_, value) in list(self._kept.items()):
            if isinstance(value, Grant) and value.family == family:
                del self._kept[key]

    def _forget(self) -> None:
        now = self._clock()
        for key, (until, _) in list(self._kept.items()):
            if until <= now:
                del self._kept[key]


def narrowed(grant: Grant, scope: str) -> Grant:
    """Return a grant with fewer scopes."""
    return replace(grant, scope=scope)
