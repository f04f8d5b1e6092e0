"""Turns key sets (JWKS, RFC 7517) of trusted issuers into keys by `kid`.

Key sets are cached 10 minutes; an unknown `kid` refreshes a set at most once in 30 s, so that
rotation is picked up and a flood of forged tokens is not passed on to the issuer (A8, R108).
"""

import json
import threading
import time
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from ehr.http import Outgoing, OutgoingError

FETCH_SECONDS = 2.0
LARGEST_SET = 64 * 1024
FRESH_SECONDS = 600
REFRESH_SECONDS = 30
# While a set has never been read there is nothing to fall back on, so the next try comes sooner.
FIRST_READ_SECONDS = 5
SMALLEST_RSA_BITS = 2048
CURVE_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
RSA_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}


class KeySets:
    """The key sets of all trusted issuers, each named by its configured URL or file."""

    def __init__(self, http: Outgoing):
        self._http = http
        self._sets: dict[str, _KeySet] = {}

    def find(self, source: str | Path, kid: str) -> Key | None:
        """Return the public key `kid` of a configured key set, or None; old keys stay while a
        refresh fails.
        """
        source = str(source)
        known = self._sets.setdefault(source, _KeySet())
        key = known.keys.get(kid)
        if key is not None and not known.stale():
            return key
        # Whoever already holds a key does not wait for another's refresh.
        if known.lock.acquire(blocking=key is None):
            try:
                if known.due(kid):
                    known.attempted = time.monotonic()
                    known.accept(self._read(source))
            finally:
                known.lock.release()
        return known.keys.get(kid)

    def _read(self, source: str) -> bytes | None:
        try:
            if not source.startswith(("https://", "http://")):
                return Path(source).read_bytes()[:LARGEST_SET]
            answer = self._http.get(
                source,
                {"Accept": "application/json"},
                time.monotonic() + FETCH_SECONDS,
                LARGEST_SET,
            )
            return answer.body if answer.status == 200 else None
        except (OSError, OutgoingError):
            return None


class _KeySet:
    def __init__(self):
        self.keys: dict[str, Key] = {}
        self.read = self.attempted = float("-inf")
        self.lock = threading.Lock()

    def stale(self) -> bool:
        return time.monotonic() - self.read > FRESH_SECONDS

    def due(self, kid: str) -> bool:
        wait = REFRESH_SECONDS if self.keys else FIRST_READ_SECONDS
        return (kid not in self.keys or self.stale()) and time.monotonic() - self.attempted > wait

    def accept(self, document: bytes | None) -> None:
        keys = usable_keys(document) if document else {}
        if keys:
            self.keys, self.read = keys, time.monotonic()


def usable_keys(document: bytes) -> dict[str, Key]:
    """Return the public signing keys of a JWKS by `kid`; keys that are weak, symmetric or
    unreadable are passed over.
    """
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    keys: dict[str, Key] = {}
    for entry in entries if isinstance(entries, list) else ():
        key = _import(entry)
        if key is not None:
            keys.setdefault(entry["kid"], key)
    return keys


def algorithm(key: Key) -> str | None:
    """Return the one algorithm a key may verify: what its set declares, else the one of its
    curve, or RS384 (A3, R105).
    """
    declared = key.get("alg")
    if isinstance(key, ECKey | OKPKey):
        own = CURVE_ALGORITHMS.get(key.curve_name)
        return own if declared in (None, own) else None
    if isinstance(key, RSAKey):
        return declared if declared in RSA_ALGORITHMS else None if declared else "RS384"
    return None


def _import(entry: object) -> Key | None:
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("kid"), str)
        or entry.get("use", "sig") != "sig"
    ):
        return None
    if entry.get("kty") not in ("EC", "RSA", "OKP"):
        return None
    try:
        key = JWKRegistry.import_key(entry)
        weak = isinstance(key, RSAKey) and key.public_key.key_size < SMALLEST_RSA_BITS
    except (JoseError, ValueError, KeyError, TypeError):
        return None
    return None if weak or algorithm(key) is None else key
