"""Writes rows where they are durable: into the database, or into the reserve while it can't take
them (G5); in the thread of the writer.
"""

import errno
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from runtime import sqlite
from runtime.audit import lookup
from runtime.audit.chain import SCHEMA, Row, extend
from runtime.audit.reserve import Reserve
from runtime.audit.turn import Turn

Status = Literal["ok", "reserve", "failed"]
# Long enough for another program that holds the database; our own processes wait for their turn.
BUSY_MS = 400
# While the reserve is in use the database is tried this often.
RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class State:
    """How the log does: `reserve` while the database can't be written, `failed` while nothing can,
    and no card is given.

    `since` is aware UTC, `seconds` the time that the last batch took (None before the first),
    `error` the name of what went wrong.
    """

    status: Status = "ok"
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float | None = None
    error: str | None = None


class Ledger:
    """The place of one process to write to, within its turn."""

    def __init__(self, path: Path):
        self.state = State()
        self.reserve = Reserve(path.with_suffix(".reserve"))
        # When the batch under way began, on the monotonic clock; the wait for the turn included.
        self.began: float | None = None
        self._path = path
        self._turn = Turn(path)
        self._db: sqlite3.Connection | None = None
        self._next_try = 0.0

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        self._turn.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._turn.__exit__(*error)
        self.began = None

    def prepare(self) -> None:
        """Make the tables and empty the reserve into them. Raises sqlite3.Error."""
        self._to_database([])
        self._leave_database()

    def write(self, rows: Sequence[Row]) -> list[int]:
        """Make rows durable, all or none, and return their seqs; 0 for a row in the reserve.

        Raises OSError when neither place takes them.
        """
        started = time.monotonic()
        try:
            return self._write(rows)
        finally:
            self.state = replace(self.state, seconds=time.monotonic() - started)

    def _write(self, rows: Sequence[Row]) -> list[int]:
        refused: Exception | None = None
        if not self.reserve.held() or time.monotonic() >= self._next_try:
            try:
                seqs = self._to_database(rows)
                self._change("ok", None)
                return seqs
            except (OSError, sqlite3.Error) as error:
                self._leave_database()
                refused = error
        try:
            self.reserve.append(rows)
        except OSError as error:
            self._change("failed", error)
            raise
        self._change("reserve", refused)
        return [0] * len(rows)

    def _to_database(self, rows: Sequence[Row]) -> list[int]:
        if self._db is None:
            self._db = open_log(self._path)
        if self.reserve.held():
            self._move(self._db)
        with sqlite.transaction(self._db, 0):
            return _extend(self._db, rows)

    def _move(self, db: sqlite3.Connection) -> None:
        """Put what the reserve holds into the chain, with a record `reserve` behind it, by which a
        process killed before it emptied the reserve is understood.
        """
        batches = list(self.reserve.read())
        with sqlite.transaction(db, 0):
            kind, body = db.execute(
                "SELECT type, body FROM audit ORDER BY seq DESC LIMIT 1"
            ).fetchone() or ("", b"{}")
            moved = msgspec.json.decode(body)["last"] if kind == "reserve" else None
            hashes = [hashed for hashed, _ in batches]
            new = batches[hashes.index(moved) + 1 :] if moved in hashes else batches
            if new:
                rows = [row for _, batch in new for row in batch]
                _extend(db, [*rows, _mark(rows, hashes[-1])])
        self.reserve.empty()

    def _leave_database(self) -> None:
        self._next_try = time.monotonic() + RETRY_SECONDS
        if self._db:
            self._db.close()
        self._db = None

    def _change(self, status: Status, error: Exception | None) -> None:
        if status != self.state.status:
            now = datetime.now(UTC)
            self.state = replace(self.state, status=status, since=now, error=_name(error))


def _extend(db: sqlite3.Connection, rows: Sequence[Row]) -> list[int]:
    seqs = extend(db, rows)
    lookup.note(db, rows, seqs)
    return seqs


def _name(error: Exception | None) -> str | None:
    """Return the name that SQLite or the system gives an error, such as SQLITE_FULL or EROFS."""
    if isinstance(error, OSError) and error.errno:
        return errno.errorcode.get(error.errno)
    return getattr(error, "sqlite_errorname", type(error).__name__) if error else None


def _mark(rows: Sequence[Row], last: str) -> Row:
    body = {"records": len(rows), "from": rows[0].ts, "to": rows[-1].ts, "last": last}
    ts = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Row(ts, "reserve", None, None, msgspec.json.encode(body))


def open_log(path: Path) -> sqlite3.Connection:
    """Open the database of the log, each commit of which is on disk before it returns.

    Raises OSError or sqlite3.Error.
    """
    db = sqlite.connect(path, SCHEMA + lookup.SCHEMA, "FULL")
    db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    return db
