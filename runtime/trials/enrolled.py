"""Counts the patients of a trial on this host, by a hash that only the trial's key can make."""

import sqlite3
import threading
from pathlib import Path

from runtime import sqlite

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS enrolled (trial TEXT, patient TEXT, PRIMARY KEY (trial, patient)) "
    "WITHOUT ROWID"
)
BUSY_SECONDS = 0.2


class Enrolled:
    """The patients that were allocated so far, for all workers of a host."""

    def __init__(self, path: Path):
        self._lock = threading.Lock()
        self._table = sqlite.OfProcess(path, SCHEMA, "NORMAL")

    def admit(self, trial: str, patient: str, most: int) -> bool:
        """Count a patient in, and return whether they are one of the first `most`.

        Raises OSError or sqlite3.Error.
        """
        with self._lock:
            db = self._table.connection()
            if self._known(db, trial, patient):
                return True
            with sqlite.transaction(db, BUSY_SECONDS):
                if not self._known(db, trial, patient) and self._count(db, trial) >= most:
                    return False
                db.execute("INSERT OR IGNORE INTO enrolled VALUES (?, ?)", (trial, patient))
            return True

    def count(self, trial: str) -> int:
        """Return how many there are. Raises OSError or sqlite3.Error."""
        with self._lock:
            return self._count(self._table.connection(), trial)

    def _known(self, db: sqlite3.Connection, trial: str, patient: str) -> bool:
        query = "SELECT 1 FROM enrolled WHERE trial = ? AND patient = ?"
        return db.execute(query, (trial, patient)).fetchone() is not None

    def _count(self, db: sqlite3.Connection, trial: str) -> int:
        query = "SELECT COUNT(*) FROM enrolled WHERE trial = ?"
        found: int = db.execute(query, (trial,)).fetchone()[0]
        return found
