"""Puts rows behind each other so that none can be changed or removed unseen: the hash of a row
covers the row and the hash before it (governance part 5).
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

FIRST = "0" * 64
SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY, ts TEXT NOT NULL, type TEXT NOT NULL, assessment_id TEXT,
    hook_instance TEXT, body BLOB NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS audit_assessment ON audit (assessment_id)
    WHERE assessment_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_hook ON audit (hook_instance) WHERE hook_instance IS NOT NULL;
"""


class Row(NamedTuple):
    """A record as it is stored, before it has a place in the chain; `ts` is UTC in ISO 8601.

    `names` are what it is found by beside the chain; they are in no hash.
    """

    ts: str
    type: str
    assessment_id: str | None
    hook_instance: str | None
    body: bytes
    names: tuple[bytes, ...] = ()

    @property
    def hashed(self) -> tuple[str, str, str | None, str | None, bytes]:
        """Return what its hash covers."""
        return self[:5]


def extend(db: sqlite3.Connection, rows: Sequence[Row]) -> list[int]:
    """Insert rows behind the last one and return their seqs; within a transaction of the caller."""
    seq, prev = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone() or (
        0,
        FIRST,
    )
    linked = []
    for row in rows:
        seq += 1
        hashed = digest(prev, seq, row.hashed)
        linked.append((seq, *row.hashed, prev, hashed))
        prev = hashed
    db.executemany("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?)", linked)
    return [one[0] for one in linked]


def digest(prev: str, seq: int, row: Sequence[Any]) -> str:
    """Return the hash of a row, SHA-256 in hex, behind the row whose hash is `prev`."""
    ts, kind, assessment_id, hook_instance, body = row
    head = msgspec.json.encode([prev, seq, ts, kind, assessment_id, hook_instance])
    # A body that somebody replaced may have come back as text.
    return hashlib.sha256(
        head + (body if isinstance(body, bytes) else str(body).encode())
    ).hexdigest()
