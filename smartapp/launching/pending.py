"""Keeps what a launch's callback will need in the launching browser alone: encrypted, bound to the
`state`, for ten minutes and for one use (SMART-22, E3).

Anyone may begin a launch, so none may cost the service memory. Only its use is noted in Redis, by
who brings the cookie back.
"""

import base64
import hashlib
from datetime import datetime

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


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """A launch, and when it began (seconds since 1970)."""

    launch: Launch
    began: float


class Launches:
    """The launches under way, of all workers and of all hosts that share a signing key."""

    def __init__(self, store: redis.Redis, signing_key: ECKey):
        self._store = store
        secret = base64.urlsafe_b64decode(f"{signing_key.as_dict(private=True)['d']}==")
        self._key = HKDF(SHA256(), 32, None, b"vigil launch cookie").derive(secret)

    def begin(self, launch: Launch, state: str, now: datetime) -> str:
        """Return a launch as the value of its browser's cookie."""
        content = msgspec.msgpack.encode(_Sealed(launch, now.timestamp()))
        return base64.urlsafe_b64encode(seal(self._key, content, _bound(state))).decode()

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
            found = opened(self._key, base64.urlsafe_b64decode(cookie), _bound(state))
        except ValueError:
            return None
        return msgspec.msgpack.decode(found, type=_Sealed) if found else None

    def _first_use(self, state: str) -> bool:
        mark = f"vigil:launch:{_bound(state).hex()}"
        try:
            return bool(self._store.set(mark, b"1", nx=True, ex=MARK_SECONDS))
        except redis.RedisError:
            raise StoreDown("session store unavailable") from None


def _bound(state: str) -> bytes:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).digest()
