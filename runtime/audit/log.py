"""Turns what Vigil did into durable, hash-chained records: one SQLite table, one row an event
(governance part 5).

A row's hash covers the row and the hash before it, so a change, a removal or a swap in the middle
is found by `verify`. To find rows cut off at the end, keep a `head` of the chain elsewhere.
"""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runtime import sqlite

# Long enough for another worker's fsync, short enough for the hard limit of a hook call.
BUSY_SECONDS = 0.4
FIRST = "0" * 64
SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY, ts TEXT NOT NULL, type TEXT NOT NULL, assessment_id TEXT,
    hook_instance TEXT, body BLOB NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS audit_assessment ON audit (assessment_id)
    WHERE assessment_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_hook ON audit (hook_instance) WHERE hook_instance IS NOT NULL;
"""


class AuditError(Exception):
    """The record could not be made durable; what it records must not leave Vigil."""


class Verification(NamedTuple):
    """Rows read, the seq of the first row that does not fit (None: all do), and the last hash."""

    records: int
    broken_at: int | None
    head: str


class Audit:
    """The audit log of one host, shared by all its workers."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._encode = msgspec.json.Encoder().encode
        try:
            self._open().close()
        except (OSError, sqlite3.Error) as error:
            raise AuditError(f"The audit log {self.path} can't be opened: {error}.") from None

    def append(self, type: str, record: dict[str, Any]) -> int:
        """Write one record and return its seq once it is on disk.

        `assessment_id` and `hook_instance` of the record are indexed. Raises AuditError; nothing is
        written then.
        """
        return self.append_all([(type, record)])[0]

    def append_all(self, records: Sequence[tuple[str, dict[str, Any]]]) -> list[int]:
        """Write records in one commit and return their seqs once all are on disk. Raises
        AuditError; nothing is written then.
        """
        ts = datetime.now(UTC).isoformat(timespec="milliseconds")
        rows = [
            (ts, type, one.get("assessment_id"), one.get("hook_instance"), self._encode(one))
            for type, one in records
        ]
        with self._lock:
            try:
                return self._insert(self._db(), rows)
            except (OSError, sqlite3.Error) as error:
                raise AuditError(f"The audit record could not be written: {error}.") from None

    def find_assessment(self, assessment_id: str) -> dict[str, Any] | None:
        """Return the record that first carried this assessment id, or None."""
        return self._find("assessment_id", assessment_id)

    def of_assessment(self, assessment_id: str, type: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a type that carry this assessment id, oldest first."""
        query = "SELECT body FROM audit WHERE assessment_id = ? AND type = ? ORDER BY seq"
        with self._lock:
            try:
                rows = self._db().execute(query, (assessment_id, type)).fetchall()
            except (OSError, sqlite3.Error) as error:
                raise AuditError(f"The audit log can't be read: {error}.") from None
        yield from (msgspec.json.decode(body) for (body,) in rows)

    def find_hook(self, hook_instance: str) -> dict[str, Any] | None:
        """Return the record of the first call with this hookInstance, or None."""
        return self._find("hook_instance", hook_instance)

    def records(
        self, limit: int | None = None, type: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield records, newest first, with their `seq`, `ts`, `type` and `hash`."""
        query = (
            "SELECT seq, ts, type, hash, body FROM audit WHERE ?1 IS NULL OR type = ?1 ORDER "
            "BY seq DESC LIMIT ?2"
        )
        for seq, ts, kind, digest, body in self._rows(
            query, (type, -1 if limit is None else limit)
        ):
            yield {"seq": seq, "ts": ts, "type": kind, "hash": digest} | msgspec.json.decode(body)

    def verify(self) -> Verification:
        """Recompute the whole chain."""
        prev, count = FIRST, 0
        query = (
            "SELECT seq, ts, type, assessment_id, hook_instance, body, prev, hash FROM audit "
            "ORDER BY seq"
        )
        for seq, *row, stored_prev, stored in self._rows(query, ()):
            if seq != count + 1 or stored_prev != prev or _digest(prev, seq, row) != stored:
                return Verification(count, seq, prev)
            prev, count = stored, seq
        return Verification(count, None, prev)

    def _insert(self, db: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[int]:
        seqs = []
        with sqlite.transaction(db, BUSY_SECONDS):
            last, prev = db.execute(
                "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
            ).fetchone() or (0, FIRST)
            for seq, row in enumerate(rows, last + 1):
                digest = _digest(prev, seq, row)
                db.execute("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?)", (seq, *row, prev, digest))
                prev = digest
                seqs.append(seq)
        return seqs

    def _find(self, column: str, value: str) -> dict[str, Any] | None:
        query = f"SELECT body FROM audit WHERE {column} = ? ORDER BY seq LIMIT 1"
        with self._lock:
            try:
                row = self._db().execute(query, (value,)).fetchone()
            except (OSError, sqlite3.Error) as error:
                raise AuditError(f"The audit log can't be read: {error}.") from None
        return msgspec.json.decode(row[0]) if row else None

    def _rows(self, query: str, values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        # A connection of its own: a long read must not hold up the writers' lock.
        connection = self._open()
        try:
            yield from connection.execute(query, values)
        finally:
            connection.close()

    def _db(self) -> sqlite3.Connection:
        # SQLite connections must not cross a fork, so every process opens its own at first use.
        if self._connection is None or self._owner != os.getpid():
            self._connection, self._owner = self._open(), os.getpid()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        return sqlite.connect(self.path, SCHEMA, "FULL")


def _digest(prev: str, seq: int, row: Sequence[Any]) -> str:
    ts, kind, assessment_id, hook_instance, body = row
    head = msgspec.json.encode([prev, seq, ts, kind, assessment_id, hook_instance])
    # A body that somebody replaced may have come back as text.
    return hashlib.sha256(
        head + (body if isinstance(body, bytes) else str(body).encode())
    ).hexdigest()
