"""Turns the configured URL or file of a key set into its keys, kept for ten minutes (A4, A8, R108).

A token that the kept keys can't have signed refreshes a set at most once in 30 s, so that rotation
is picked up and a flood of forged tokens is not passed on to the issuer. While a set can't be read
its old keys serve, for `hours` at the longest; one that is read empty serves none from then on.
"""

import threading
import time
from pathlib import Path
from typing import NamedTuple

from ehr import jwk
from ehr.http import Outgoing, OutgoingError
from ehr.jwk import KeySet

FETCH_SECONDS = 2.0
LARGEST_SET = 64 * 1024
FRESH_SECONDS = 600
REFRESH_SECONDS = 30
# While a set has never been read there is nothing to fall back on, so the next try comes sooner.
FIRST_READ_SECONDS = 5
OLDEST_HOURS = 24


class KeySetError(Exception):
    """A key set can't be read; the message is a few fixed words, fit for logs and audit."""


class Held(NamedTuple):
    """The keys held of a set, and why its last reading failed, if it did."""

    keys: KeySet
    fault: str | None


class KeySets:
    """The key sets of all trusted issuers, each named by its configured URL or file."""

    def __init__(self, http: Outgoing, hours: float = OLDEST_HOURS):
        self._http, self._hours = http, hours
        self._sets: dict[str, _Kept] = {}

    def held(self, source: str | Path) -> Held:
        """Return the keys of a set, read anew when they are ten minutes old."""
        kept = self._kept(source)
        if kept.age() > FRESH_SECONDS:
            self._refresh(str(source), kept)
        return kept.held(self._hours)

    def renewed(self, source: str | Path) -> Held:
        """Return the keys of a set, read anew unless that was tried in the last 30 s: for a token
        that the held keys have not signed.
        """
        kept = self._kept(source)
        self._refresh(str(source), kept)
        return kept.held(self._hours)

    def _kept(self, source: str | Path) -> "_Kept":
        return self._sets.setdefault(str(source), _Kept())

    def _refresh(self, source: str, kept: "_Kept") -> None:
        # Whoever already holds keys does not wait for another's refresh.
        if kept.lock.acquire(blocking=kept.keys is None):
            try:
                if kept.due():
                    kept.attempted = time.monotonic()
                    kept.accept(source, self._http)
            finally:
                kept.lock.release()


class _Kept:
    def __init__(self) -> None:
        self.keys: KeySet | None = None
        self.fault: str | None = None
        self.read_at = self.attempted = float("-inf")
        self.lock = threading.Lock()

    def age(self) -> float:
        return time.monotonic() - self.read_at

    def due(self) -> bool:
        wait = FIRST_READ_SECONDS if self.keys is None else REFRESH_SECONDS
        return time.monotonic() - self.attempted > wait

    def accept(self, source: str, http: Outgoing) -> None:
        try:
            self.keys, self.read_at, self.fault = read_set(source, http), time.monotonic(), None
        except KeySetError as error:
            self.fault = str(error)

    def held(self, hours: float) -> Held:
        alive = self.age() <= hours * 3600
        return Held(self.keys if self.keys is not None and alive else KeySet(), self.fault)


def read_set(source: str | Path, http: Outgoing) -> KeySet:
    """Read a key set from its URL or file now. Raises KeySetError."""
    try:
        return jwk.read(_document(str(source), http))
    except jwk.JwkError as error:
        raise KeySetError(str(error)) from None


def _document(source: str, http: Outgoing) -> bytes:
    try:
        if not source.startswith(("https://", "http://")):
            with Path(source).open("rb") as file:
                document = file.read(LARGEST_SET + 1)
            if len(document) > LARGEST_SET:
                raise KeySetError("too large")
            return document
        deadline = time.monotonic() + FETCH_SECONDS
        answer = http.get(source, {"Accept": "application/json"}, deadline, LARGEST_SET)
    except OutgoingError as error:
        raise KeySetError(str(error)) from None
    except OSError as error:
        raise KeySetError(f"file: {type(error).__name__}") from None
    if answer.status != 200:
        raise KeySetError(f"status {answer.status}")
    return answer.body
