"""Keeps what a launch's callback will need in the launching browser alone: encrypted, bound to the
`state`, for ten minutes and for one use (SMART-22, E3).

Anyone may begin a launch, so none may cost the service memory. Only its use is noted in Redis, by
who brings the cookie back.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import redis
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.jwk import ECKey

from runtime.sealing import opened, seal
from smartapp.problems import StoreDown

LAUNCH_SECONDS = 600
# Beyond a launch's own time, for hosts whose clocks differ by up to a minute.
MARK_SECONDS = LAUNCH_SECONDS + 60


class Launch(msgspec.Struct, frozen=True, array_like=True):
    """What the callback needs of the authorization request that it answers."""

    ehr: str
    iss: str
    code_verifier: str
    nonce: str | None
    scope: str

    @property
    def standalone(self) -> bool:
        """Tell whether the user opened Vigil without a chart (SMART-50)."""
        return "launch" not in self.scope.split()


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """A launch, and when it began (seconds since 1970)."""

    launch: Launch
    began: float


class Launches:
    """The launches under way, of all workers and of all hosts that share signing keys; one that
    began before the keys were changed over is still known.
    """

    def __init__(self, store: redis.Redis, signing_keys: Sequence[ECKey]):
        self._store = store
        self._keys = [_derived(key) for key in signing_keys]

    def begin(self, launch: Launch, state: str, now: datetime) -> str:
        """Return a launch as the value of its browser's cookie."""
        content = msgspec.msgpack.encode(_Sealed(launch, now.timestamp()))
        return base64.urlsafe_b64encode(seal(self._keys[0], content, _bound(state))).decode()

    def take(self, state: str, cookie: str, now: datetime) -> Launch | None:
        """Return the launch of this state and cookie, once: of two callbacks at the same time one
        gets it. Raises StoreDown.
        """
        sealed = self._open(state, cookie)
        if sealed is None or now.timestamp() - sealed.began >= LAUNCH_SECONDS:
            return None
        return sealed.launch if self._first_use(state) else None

    def _open(self, state: str, cookie: str) -> _Sealed | None:
        try:
            sealed = base64.urlsafe_b64decode(cookie)
        except ValueError:
            return None
        found = filter(None, (opened(key, sealed, _bound(state)) for key in self._keys))
        content = next(found, None)
        try:
            return msgspec.msgpack.decode(content, type=_Sealed) if content else None
        except ValueError:
            # Of a Vigil of another version.
            return None

    def used(self, state: str) -> bool:
        """Tell whether a launch of this state was finished within the last ten minutes."""
        return self._redis("get", _mark(state)) is not None

    def _first_use(self, state: str) -> bool:
        return bool(self._redis("set", _mark(state), b"1", nx=True, ex=MARK_SECONDS))

    def _redis(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._store, command)(*arguments, **options)
        except redis.RedisError:
            raise StoreDown("session store unavailable") from None


def _derived(signing_key: ECKey) -> bytes:
    secret = base64.urlsafe_b64decode(f"{signing_key.as_dict(private=True)['d']}==")
    return HKDF(SHA256(), 32, None, b"vigil launch cookie").derive(secret)


def _mark(state: str) -> str:
    return f"vigil:launch:{_bound(state).hex()}"


def _bound(state: str) -> bytes:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).digest()
