"""Turns the configured URL or file of a key set into its keys, kept for ten minutes (A4, A8, R108).

A token that the kept keys can't have signed refreshes a set at most once in 30 s, so that rotation
is picked up and a flood of forged tokens is not passed on to the issuer. While a set can't be read
its old keys serve, for `hours` at the longest; one that is read empty serves none from then on.

Old keys are refreshed beside the calls: only who has no key to check with waits for a server.
"""

import threading
import time
from pathlib import Path
from typing import NamedTuple

from ehr import jwk
from ehr.http import Outgoing, OutgoingError
from ehr.jwk import KeySet
from ehr.key_store import KeyStore
from runtime.watching.parts import DEGRADED, DOWN, OK, State

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
    """The key sets of all trusted issuers, each named by its configured URL or file; `folder` keeps
    the last of each URL over a restart.
    """

    def __init__(self, http: Outgoing, hours: float = OLDEST_HOURS, folder: Path | None = None):
        self._http, self._hours = http, hours
        self._store = KeyStore(folder) if folder else None
        self._sets: dict[str, _Kept] = {}

    def held(self, source: str | Path) -> Held:
        """Return the keys of a set; those that are ten minutes old are read anew beside the
        call.
        """
        kept = self._kept(str(source))
        if kept.age() > FRESH_SECONDS:
            self._refresh(str(source), kept, wait=kept.untried or not kept.alive(self._hours))
        return kept.held(self._hours)

    def renewed(self, source: str | Path) -> Held:
        """Return the keys of a set, read anew unless that was tried in the last 30 s: for a token
        that the held keys have not signed.
        """
        kept = self._kept(str(source))
        self._refresh(str(source), kept, wait=True)
        return kept.held(self._hours)

    def state(self, source: str | Path) -> State:
        """Return whether a set could be read when it was last tried, and when it last was."""
        kept = self._sets.get(str(source))
        if kept is None:
            return State(OK, None, "not needed yet")
        since = kept.read_at if kept.keys is not None else None
        if kept.fault is None:
            return State(OK, since)
        alive = kept.held(self._hours).keys.keys
        return State(DEGRADED if alive else DOWN, since, f"can't be read: {kept.fault}")

    def _kept(self, source: str) -> "_Kept":
        kept = self._sets.get(source)
        if kept is None:
            kept = self._sets.setdefault(source, _Kept(source, self._store))
        return kept

    def _refresh(self, source: str, kept: "_Kept", wait: bool) -> None:
        """Read a set if that is due. One reads, for all; the others wait with it only if they
        have to.
        """
        if not kept.claim():
            if wait:
                kept.done.wait(FETCH_SECONDS + 1)
        elif wait:
            self._read(source, kept)
        else:
            threading.Thread(target=self._read, args=(source, kept), daemon=True).start()

    def _read(self, source: str, kept: "_Kept") -> None:
        try:
            document = _document(source, self._http)
            kept.keys, kept.read_at, kept.fault = _keys(document), time.monotonic(), None
            if self._store and _is_url(source):
                self._store.put(source, document)
        except KeySetError as error:
            kept.fault = str(error)
        finally:
            kept.done.set()


class _Kept:
    def __init__(self, source: str, store: KeyStore | None) -> None:
        self.keys: KeySet | None = None
        self.fault: str | None = None
        self.read_at = self.attempted = float("-inf")
        self.done, self._lock = threading.Event(), threading.Lock()
        self.done.set()
        stored = store.get(source) if store and _is_url(source) else None
        if stored:
            self.keys, self.read_at = _keys(stored.document), time.monotonic() - stored.age

    @property
    def untried(self) -> bool:
        return self.attempted == float("-inf")

    def age(self) -> float:
        return time.monotonic() - self.read_at

    def alive(self, hours: float) -> bool:
        return self.keys is not None and self.age() <= hours * 3600

    def claim(self) -> bool:
        """Return whether the caller is the one to read the set now."""
        wait = FIRST_READ_SECONDS if self.keys is None else REFRESH_SECONDS
        with self._lock:
            due = self.done.is_set() and time.monotonic() - self.attempted > wait
            if due:
                self.attempted = time.monotonic()
                self.done.clear()
            return due

    def held(self, hours: float) -> Held:
        return Held(self.keys if self.keys and self.alive(hours) else KeySet(), self.fault)


def read_set(source: str | Path, http: Outgoing) -> KeySet:
    """Read a key set from its URL or file now. Raises KeySetError."""
    return _keys(_document(str(source), http))


def _keys(document: bytes) -> KeySet:
    try:
        return jwk.read(document)
    except jwk.JwkError as error:
        raise KeySetError(str(error)) from None


def _is_url(source: str) -> bool:
    return source.startswith(("https://", "http://"))


def _document(source: str, http: Outgoing) -> bytes:
    try:
        if not _is_url(source):
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
