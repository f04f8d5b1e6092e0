"""Finds the newest records about a person, a patient or a unit without reading the log: a table
beside the chain, derived from it and no part of any hash, for a week back.

It names nobody. Its names are hashes: in an encrypted log under the key of the bodies, so that they
tell no more than these; in a plain one, whose bodies say it all, under none.
"""

import hashlib
import hmac
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runtime import sqlite
from runtime.audit.chain import Row
from runtime.audit.people import tail
from runtime.audit.turn import Turn

# A row a name and a record; `ts` in milliseconds since 1970. The empty name says since when the
# table has every record.
SCHEMA = """
CREATE TABLE IF NOT EXISTS lookup (
    name BLOB NOT NULL, ts INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (name, ts, seq)
) WITHOUT ROWID;
"""
WHOLE = b""
KINDS = {"user": "person", "fhir_user": "person", "patient": "patient", "unit": "unit"}
KEPT = timedelta(days=7)
# Of a log from before this table so much is read at the first start: some seconds at most.
FILLED, MOST_FILLED = timedelta(hours=48), 20_000
MOST_FORGOTTEN = 100_000
BATCH, PAUSE, BUSY_SECONDS = 500, 0.02, 0.4


class Who(msgspec.Struct):
    """The members of a record by which it is found; `user` and `fhir_user` may be two names of one
    person.
    """

    ehr: str | None = None
    user: str | None = None
    fhir_user: str | None = None
    patient: str | None = None
    unit: str | None = None


class Found(NamedTuple):
    """A record as it is stored."""

    ts: str
    type: str
    body: bytes


class Names:
    """The names under the keys of a host; the first key writes, and all find."""

    def __init__(self, keys: Sequence[bytes]):
        self._keys = keys or [b""]

    def written(self, type: str, record: Mapping[str, Any]) -> tuple[bytes, ...]:
        """Return what a record is found by."""
        about = {(kind, record.get(member)) for member, kind in KINDS.items()}
        ehr = record.get("ehr")
        return tuple(self.of(type, kind, ehr, one)[0] for kind, one in about if ehr and one)

    def of(self, type: str, kind: str, ehr: str, name: str) -> list[bytes]:
        """Return the names of the records of a type about a person, a patient or a unit.

        A person of another server with the same type and id has the same name.
        """
        told = tail(name) if kind == "person" else name
        text = msgspec.json.encode([type, kind, ehr, told])
        return [hmac.digest(key, text, hashlib.sha256)[:16] for key in self._keys]


def note(db: sqlite3.Connection, rows: Sequence[Row], seqs: Sequence[int]) -> None:
    """Let rows be found that were put into the chain; within the same transaction."""
    entries = [
        (name, _milliseconds(datetime.fromisoformat(row.ts)), seq)
        for row, seq in zip(rows, seqs, strict=True)
        for name in row.names
    ]
    db.executemany("INSERT OR IGNORE INTO lookup VALUES (?,?,?)", entries)


def find(db: sqlite3.Connection, names: Iterable[bytes], since: datetime) -> list[int]:
    """Return the seqs of the records that have one of these names, the newest first."""
    wanted = list(names)
    query = (
        f"SELECT DISTINCT ts, seq FROM lookup WHERE name IN ({','.join('?' * len(wanted))}) "
        "AND ts >= ? ORDER BY ts DESC, seq DESC"
    )
    return [seq for _, seq in db.execute(query, (*wanted, _milliseconds(since)))]


def whole_since(db: sqlite3.Connection) -> datetime | None:
    """Return since when every record can be found; None where that is not known."""
    row = db.execute("SELECT ts FROM lookup WHERE name = ?", (WHOLE,)).fetchone()
    return datetime.fromtimestamp(row[0] / 1000, UTC) if row else None


def fill(db: sqlite3.Connection, names: Names, plain: Callable[[Found], bytes]) -> None:
    """Let the records of a log from before this table be found, those of two days at most.

    Raises sqlite3.Error, and what `plain` raises; then it is as before.
    """
    if whole_since(db):
        return
    now = datetime.now(UTC)
    start, entries, read = now - FILLED, [], 0
    query = "SELECT seq, ts, type, body FROM audit ORDER BY seq DESC LIMIT ?"
    reached = datetime.fromtimestamp(0, UTC)
    for seq, *row in db.execute(query, (MOST_FILLED,)):
        found, read = Found(*row), read + 1
        at = datetime.fromisoformat(found.ts)
        if at < start or read == MOST_FILLED:
            reached = at
            break
        who = msgspec.structs.asdict(msgspec.json.decode(plain(found), type=Who))
        entries += [(n, _milliseconds(at), seq) for n in names.written(found.type, who)]
    with sqlite.transaction(db, 0):
        db.executemany("INSERT OR IGNORE INTO lookup VALUES (?,?,?)", entries)
        db.execute("INSERT INTO lookup VALUES (?,?,0)", (WHOLE, _milliseconds(reached)))


def forget(log: Path, before: datetime) -> int:
    """Forget where records from before a moment are, a few at a time so that no writer waits for
    long; return how many entries that were. Raises sqlite3.Error, OSError.
    """
    with sqlite.reading(log) as db:
        query = "SELECT name, ts, seq FROM lookup WHERE ts < ? AND name <> ? LIMIT ?"
        old = db.execute(query, (_milliseconds(before), WHOLE, MOST_FORGOTTEN)).fetchall()
    turn = Turn(log)
    with closing(sqlite.connect(log, SCHEMA, "NORMAL")) as db:
        for first in range(0, len(old), BATCH):
            with turn, sqlite.transaction(db, BUSY_SECONDS):
                db.executemany(
                    "DELETE FROM lookup WHERE (name, ts, seq) = (?,?,?)", old[first : first + BATCH]
                )
            time.sleep(PAUSE)
    return len(old)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
