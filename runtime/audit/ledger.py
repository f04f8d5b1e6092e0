"""Writes rows where they are durable: into the database, in the thread of the writer."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from runtime import sqlite
from runtime.audit.chain import SCHEMA, Row, extend

# Long enough for another program that holds the database; our own processes wait for their turn.
BUSY_MS = 400


class Ledger:
    """The place of one process to write to, within its turn."""

    def __init__(self, path: Path):
        self._path = path
        self._db: sqlite3.Connection | None = None

    def write(self, rows: Sequence[Row]) -> list[int]:
        """Make rows durable, all or none, and return their seqs.

        Raises OSError or sqlite3.Error.
        """
        if self._db is None:
            self._db = open_log(self._path)
        with sqlite.transaction(self._db, 0):
            return extend(self._db, rows)


def open_log(path: Path) -> sqlite3.Connection:
    """Open the database of the log, each commit of which is on disk before it returns.

    Raises OSError or sqlite3.Error.
    """
    db = sqlite.connect(path, SCHEMA, "FULL")
    db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    return db
