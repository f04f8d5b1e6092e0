"""The life of records that are no longer written to: months are sealed, and removed by policy."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from runtime import sqlite
from runtime.audit import segments
from runtime.audit.log import Audit
from runtime.audit.lookup import KEPT, forget
from runtime.audit.proof.book import Book, standing
from runtime.audit.proof.notary import alone

# A repeated call is looked for in the live file alone, so the newest records stay there.
STAY = timedelta(hours=1)
LAST = "SELECT seq, hash, (SELECT max(ts) FROM audit) FROM audit ORDER BY seq DESC LIMIT 1"


class Removed(NamedTuple):
    """A sealed month that was removed, and its last record."""

    file: str
    last: int


def seal_months(log: Path, book: Book, now: datetime) -> list[Path]:
    """Seal each month that is over, up to the last checkpoint made in it, and return the files.

    Raises sqlite3.Error, OSError.
    """
    made = []
    with alone(log):
        for month, last in _closed(book, now).items():
            if _holds(log, last) and (file := segments.seal(log, month, last)):
                made.append(file)
        segments.trim(log)
        forget(log, now - KEPT)
    return made


def prune(log: Path, before: datetime) -> list[Removed]:
    """Remove the sealed months of which every record is older, the oldest first; that is recorded
    before. Raises AuditError, sqlite3.Error, OSError.
    """
    removed = []
    with alone(log):
        for file in segments.sealed(log):
            with sqlite.reading(file) as db:
                last, head, newest = db.execute(LAST).fetchone()
            if datetime.fromisoformat(newest) >= before:
                break
            what = {"file": file.name, "last": last, "head": head, "before": before.isoformat()}
            Audit(log).append("pruned", what)
            file.unlink()
            removed.append(Removed(file.name, last))
    return removed


def _closed(book: Book, now: datetime) -> dict[str, int]:
    """Return the months that are over, oldest first, and how many records their last checkpoint
    saw.
    """
    open_month = (now - STAY).astimezone(UTC).strftime("%Y-%m")
    months = {one.at[:7]: one.records for one in standing(book.checkpoints) if one.records}
    return {month: last for month, last in months.items() if month < open_month}


def _holds(log: Path, last: int) -> bool:
    with sqlite.reading(log) as db:
        return bool(db.execute("SELECT 1 FROM audit WHERE seq = ?", (last,)).fetchone())
