"""The files of an audit log: the live one, and a sealed one for each month before, read-only.

A sealed month is a copy: its records are taken out of the live file afterwards, a few at a time, so
that no writer has to know of it or to wait for long. The last one stays in the live file, which the
chain goes on from.

Sealed bodies are compressed with a dictionary of the month's own records. Measured on 300 calls of
`make bench` with more or fewer Observations, 10.6 kB a record: 10 % is left, without a dictionary
25 %; of the tests' charts, 2.2 kB, 15 and 48 %. Hashes are over the plain bodies, as they were
written: so a copy proves what the live file proved, and no card waits for a compression.
"""

import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from runtime import sqlite
from runtime.audit import lookup
from runtime.audit.chain import SCHEMA
from runtime.audit.cipher import Hidden
from runtime.audit.ledger import open_log
from runtime.audit.turn import Turn

PATTERN = "[0-9][0-9][0-9][0-9]-[0-9][0-9]"
LARGEST_DICTIONARY = 32_768
# Deflate without zlib's checksums, one of them over the dictionary each time: unpacking takes half
# the time, and the hash of the record says more.
RAW = -15
# What reading a damaged file, or one with a record that nobody of us wrote, may end with.
UNREADABLE = (OSError, sqlite3.Error, zlib.error, msgspec.DecodeError, TypeError, Hidden)
# Some milliseconds of a writer's waiting.
BATCH, PAUSE = 200, 0.02


def sealed(log: Path) -> list[Path]:
    """Return the sealed months of the log whose live file this is, oldest first."""
    return sorted(log.parent.glob(f"{log.stem}-{PATTERN}{log.suffix}"))


def newest(log: Path, type: str | None) -> Iterator[tuple[int, str, str, str, bytes]]:
    """Yield seq, ts, type, hash and plain body of the records of a type, or of all, from the newest
    on. Raises UNREADABLE.
    """
    query = (
        "SELECT seq, ts, type, hash, body FROM audit WHERE (?1 IS NULL OR type = ?1) AND seq < ?2 "
        "ORDER BY seq DESC"
    )
    before = 2**63 - 1
    for file in [log, *reversed(sealed(log))]:
        # A connection of its own: a long read must not hold up who writes.
        with sqlite.reading(file) as db:
            unpack = unpacker(db)
            for *row, body in db.execute(query, (type, before)):
                yield *row, unpack(body)
            least = db.execute("SELECT min(seq) FROM audit").fetchone()[0]
            before = min(before, least or before)


def find(log: Path, assessment_id: str) -> tuple[str, str, bytes] | None:
    """Return ts, type and body of the record of a sealed month that first carried this assessment
    id, or None. Raises UNREADABLE.
    """
    query = "SELECT ts, type, body FROM audit WHERE assessment_id = ? ORDER BY seq LIMIT 1"
    for file in reversed(sealed(log)):
        with sqlite.reading(file) as db:
            if row := db.execute(query, (assessment_id,)).fetchone():
                return row[0], row[1], unpacker(db)(row[2])
    return None


def found(
    log: Path, names: Sequence[bytes], since: datetime
) -> Iterator[tuple[int, str, str, bytes]]:
    """Yield seq, ts, type and plain body of the records that have one of these names of the lookup,
    from the newest on; what was pruned is passed over. Raises UNREADABLE.
    """
    query = "SELECT ts, type, body FROM audit WHERE seq = ?"
    with ExitStack() as opened:
        # A month may be sealed an hour after it ended; only the newest can be so young.
        paths = [log, *sealed(log)[-1:]]
        dbs = [opened.enter_context(sqlite.reading(path)) for path in paths]
        files = [(db, unpacker(db)) for db in dbs]
        for seq in lookup.find(dbs[0], names, since):
            for db, unpack in files:
                if row := db.execute(query, (seq,)).fetchone():
                    yield seq, row[0], row[1], unpack(row[2])
                    break


def seal(log: Path, month: str, last: int) -> Path | None:
    """Copy the live records up to `last` into the file of a month (such as 2026-11) and return it;
    None if that month is sealed, or has nothing that an earlier one has not.
    """
    target = log.with_name(f"{log.stem}-{month}{log.suffix}")
    first = _end(sealed(log)) + 1
    if target.exists() or first > last:
        return None
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    with sqlite.reading(log) as live, closing(sqlite.connect(part, SCHEMA, "OFF")) as db:
        words = _dictionary(live, first, last)
        db.execute("CREATE TABLE dictionary (words BLOB NOT NULL)")
        db.execute("BEGIN")
        db.execute("INSERT INTO dictionary VALUES (?)", (words,))
        rows = live.execute("SELECT * FROM audit WHERE seq BETWEEN ? AND ?", (first, last))
        db.executemany(
            "INSERT INTO audit VALUES (?,?,?,?,?,?,?,?)",
            ((*row[:5], _packed(row[5], words), *row[6:]) for row in rows),
        )
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=DELETE")
    _durable(part)
    part.chmod(0o400)
    part.rename(target)
    _durable(target.parent)
    return target


def trim(log: Path) -> int:
    """Take out of the live file what a sealed month holds, but for the last record of all; return
    how many that were.
    """
    end, removed, turn = _end(sealed(log)), 0, Turn(log)
    query = (
        "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE seq <= ? "
        "AND seq < (SELECT max(seq) FROM audit) ORDER BY seq LIMIT ?)"
    )
    with closing(open_log(log)) as db:
        # What a crash brings back is removed the next time.
        db.execute("PRAGMA synchronous=NORMAL")
        while True:
            with turn:
                count = db.execute(query, (end, BATCH)).rowcount
            if not count:
                return removed
            removed += count
            time.sleep(PAUSE)


def unpacker(db: sqlite3.Connection) -> Callable[[Any], Any]:
    """Return what turns a stored body of this file into the plain one; it raises zlib.error or
    TypeError for what was never stored.
    """
    there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'dictionary'").fetchone()
    if not there:
        return lambda body: body
    row = db.execute("SELECT words FROM dictionary").fetchone()
    words = row[0] if row else b""

    def unpack(body: bytes) -> bytes:
        stream = zlib.decompressobj(RAW, zdict=words)
        plain = stream.decompress(body)
        if not stream.eof:
            raise zlib.error("the body is not whole")
        return plain

    return unpack


def _packed(body: bytes, words: bytes) -> bytes:
    stream = zlib.compressobj(wbits=RAW, zdict=words)
    return stream.compress(body) + stream.flush()


def _dictionary(live: sqlite3.Connection, first: int, last: int) -> bytes:
    """Return records from all over the month behind each other, as much of them as zlib takes."""
    step = max(1, (last - first + 1) // 20)
    query = "SELECT body FROM audit WHERE seq BETWEEN ? AND ? AND (seq - ?) % ? = 0"
    bodies = [row[0] for row in live.execute(query, (first, last, first, step))]
    return b"".join(bodies)[-LARGEST_DICTIONARY:]


def _end(files: list[Path]) -> int:
    if not files:
        return 0
    with sqlite.reading(files[-1]) as db:
        found: int = db.execute("SELECT max(seq) FROM audit").fetchone()[0]
    return found


def _durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
