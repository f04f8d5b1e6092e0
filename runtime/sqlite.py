"""Turns a path into an SQLite connection in WAL mode, private to our user and safe to open from
many processes at once.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

TRIES, PAUSE = 50, 0.01
POLL = 0.001


def connect(path: Path, schema: str, synchronous: str) -> sqlite3.Connection:
    """Open a database, made with mode 0600 if there is none, and see to its tables.

    Writing is done in a `transaction`. Raises OSError or sqlite3.Error. A connection must not cross
    a fork.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _make(path)
    db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    _prepare(db, schema)
    db.execute(f"PRAGMA synchronous={synchronous}")
    return db


class OfProcess:
    """A database that each process opens for itself when it first needs it, as a connection must
    not cross a fork.
    """

    def __init__(self, path: Path, schema: str, synchronous: str):
        self._open = partial(connect, path, schema, synchronous)
        self._db: sqlite3.Connection | None = None
        self._owner = 0

    def connection(self) -> sqlite3.Connection:
        """Return this process's connection. Raises OSError or sqlite3.Error."""
        if self._db is None or self._owner != os.getpid():
            self._db, self._owner = self._open(), os.getpid()
        return self._db


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database as it stands, to read alone, and close it. Raises sqlite3.Error."""
    address = f"file:{quote(str(path))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as db:
        yield db


@contextmanager
def transaction(db: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Write all or nothing, waiting for other processes at most so long. Raises sqlite3.Error."""
    _begin(db, seconds)
    try:
        yield
        db.execute("COMMIT")
    except sqlite3.Error:
        # A failed COMMIT (disk full) may have ended the transaction by itself.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _make(path: Path) -> None:
    # Only a file that is new may be opened and closed here: closing any handle of a file ends all
    # locks that this process has on it, those of an open connection too, and another process then
    # takes itself for the last and removes the WAL under it.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        path.chmod(0o600)


def _prepare(db: sqlite3.Connection, schema: str) -> None:
    for attempt in range(TRIES):
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(schema)
            return
        except sqlite3.OperationalError as error:
            # The switch to WAL does not wait for other processes that make the same switch, so we
            # do.
            if not _busy(error) or attempt == TRIES - 1:
                db.close()
                raise
            time.sleep(PAUSE)


def _begin(db: sqlite3.Connection, seconds: float) -> None:
    """Wait in steps of 1 ms: SQLite's own steps grow to 100 ms, so that under load a process may
    never get its turn.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            db.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if not _busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(POLL)


def _busy(error: sqlite3.OperationalError) -> bool:
    # The low byte is the kind; the others tell which of several locks it was.
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
