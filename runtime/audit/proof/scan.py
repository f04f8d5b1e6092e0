"""Reads stretches of the audit log as they stand, and says of each record that does not fit where
it is.

Reading goes by the stored bytes and never through an `Audit`, which would make a table anew that
somebody dropped. A long log is read by several processes.
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runtime import sqlite
from runtime.audit.chain import digest
from runtime.audit.proof import merkle
from runtime.audit.segments import unpacker

# What Vigil writes of the log itself; a verification looks into these and into no other.
OWN = ("checkpoint", "pruned")
# Starting processes costs as much as reading so many records.
ALONE = 50_000
# Enough to see what happened; a stretch of which nothing is left has as many as it had records.
MOST = 20
QUERY = (
    "SELECT seq, ts, type, assessment_id, hook_instance, body, prev, hash FROM audit "
    "WHERE seq BETWEEN ? AND ? ORDER BY seq"
)


class Trouble(NamedTuple):
    """A place of the log by its name, and what is wrong there in a sentence."""

    place: str
    text: str


class Span(NamedTuple):
    """A stretch of one file, first and last record included."""

    path: Path
    first: int
    last: int


class Scan(NamedTuple):
    """What stands in a span: the hash that its first record follows, its last record's number and
    hash, the Merkle root of all, the records about the log itself, and what does not fit.

    `follows` is None where the span does not begin with its first record, `last` and `head` where
    there is none at all.
    """

    span: Span
    follows: str | None
    last: int | None
    head: str | None
    root: bytes
    own: list[dict[str, Any]]
    troubles: list[Trouble]


def scan(spans: Sequence[Span]) -> Iterator[Scan]:
    """Yield what stands in each span, in order."""
    if len(spans) > 1 and sum(span.last - span.first for span in spans) > ALONE:
        # Not forked: the process that asks may have threads.
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            yield from pool.map(_scan, spans, chunksize=1 + len(spans) // 64)
    else:
        yield from map(_scan, spans)


def gone(first: int, last: int) -> Trouble:
    """Return what to say of records that are missing."""
    many = f"records {first} to {last} are" if last > first else f"record {first} is"
    return Trouble(f"record {first}", f"{many} missing.")


def _told(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        # Nothing that Vigil wrote, so it tells nothing.
        return {}


def _scan(span: Span) -> Scan:
    found = _Finder(span)
    try:
        with sqlite.reading(span.path) as db:
            found.take(db.execute(QUERY, (span.first, span.last)), unpacker(db))
    except sqlite3.Error as error:
        place = f"record {found.next}"
        text = f"{span.path.name} can't be read from {place} on: {error}."
        found.troubles.append(Trouble(place, text))
    else:
        found.missing(span.last + 1)
    return found.result()


class _Finder:
    def __init__(self, span: Span):
        self.span, self.next = span, span.first
        self.follows: str | None = None
        self.last: int | None = None
        self.head: str | None = None
        self.leaves: list[bytes] = []
        self.own: list[dict[str, Any]] = []
        self.troubles: list[Trouble] = []

    def take(self, rows: Iterator[tuple[Any, ...]], unpack: Callable[[Any], Any]) -> None:
        for seq, ts, kind, assessment, hook, body, prev, stored in rows:
            if seq != self.next:
                self.missing(seq)
            elif self.last is None:
                self.follows = prev
            elif prev != self.head:
                self._say(seq, "does not follow the record before it")
            try:
                plain = unpack(body)
                fits = digest(prev, seq, (ts, kind, assessment, hook, plain)) == stored
            except (zlib.error, TypeError):
                fits = False
            if not fits:
                self._say(seq, "was changed")
            elif kind in OWN:
                self.own.append(_told(plain) | {"type": kind, "ts": ts, "seq": seq})
            self.leaves.append(merkle.leaf(str(stored).encode()))
            self.last, self.head, self.next = seq, stored, seq + 1

    def missing(self, seq: int) -> None:
        if self.next < seq:
            self.troubles.append(gone(self.next, seq - 1))

    def _say(self, seq: int, what: str) -> None:
        self.troubles.append(Trouble(f"record {seq}", f"record {seq} {what}."))

    def result(self) -> Scan:
        root = merkle.root(self.leaves)
        troubles = self.troubles[:MOST]
        return Scan(self.span, self.follows, self.last, self.head, root, self.own, troubles)
