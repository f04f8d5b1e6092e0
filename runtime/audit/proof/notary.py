"""Makes the next checkpoint of an audit log, after looking at what came since the last one."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from runtime.audit.log import Audit
from runtime.audit.proof.book import Book, open_book, standing
from runtime.audit.proof.checkpoints import (
    KEY,
    Checkpoint,
    Signed,
    append,
    hash_of,
    key_id,
    private_key,
    public_key,
    sign,
)
from runtime.audit.proof.scan import Trouble
from runtime.audit.proof.verify import Report, verify

EVERY = timedelta(hours=1)


class Broken(Exception):
    """The log is not what its checkpoints saw; nothing is signed on top of that."""

    def __init__(self, troubles: Sequence[Trouble]):
        super().__init__(" ".join(one.text for one in troubles))
        self.troubles = troubles


@contextmanager
def alone(log: Path, exclusive: bool = True) -> Iterator[None]:
    """Keep away whoever would make a checkpoint or move records meanwhile; writers go on.

    A folder that can't be written, such as a copy on a read-only disk, needs no lock.
    """
    try:
        handle = os.open(log.with_name("audit-keeper.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        if exclusive:
            raise
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def checkpoint(log: Path, folder: Path, reason: str = "", idle: bool = True) -> Signed | None:
    """Write the next checkpoint into `folder` and return it, once it is on disk and in the log.

    With a `reason` whatever does not fit by now is excused. With `idle` false, None is returned and
    nothing is written where the last one is less than an hour old and saw all there is. Raises
    Broken, AuditError, SecretFileError, OSError.
    """
    audit = Audit(log)
    with alone(log):
        key = private_key(log.parent)
        book = open_book(folder, {key_id(key.public_key()): key.public_key()})
        report = examined(log, book, whole=bool(reason))
        if report.troubles and not reason:
            raise Broken(report.troubles)
        if not idle and not _due(book, report):
            return None
        made = _next(book, report, reason)
        signed = sign(made, key)
        append(folder, signed)
    # From then on the log itself tells of this checkpoint: one that is removed is missed.
    audit.append("checkpoint", {"number": made.number, "sha256": hash_of(made)})
    return signed


def examined(log: Path, book: Book, whole: bool) -> Report:
    """Return what the whole log, or what came since the last checkpoint, gives."""
    last = standing(book.checkpoints)[-1:]
    return verify(log, book, None if whole or not last else last[0])


def trusted(data_dir: Path, further: Sequence[Path] = ()) -> dict[str, Ed25519PublicKey]:
    """Return the public keys by which checkpoints are checked, by id: this host's own, if there is
    one, and those in the PEM files.
    """
    own = [private_key(data_dir).public_key()] if (data_dir / KEY).exists() else []
    return {key_id(key): key for key in [*own, *map(public_key, further)]}


def _due(book: Book, report: Report) -> bool:
    if not book.checkpoints:
        return True
    age = datetime.now(UTC) - datetime.fromisoformat(book.checkpoints[-1].at)
    # The log's own line about the last checkpoint always comes after it.
    return report.since > 1 or not timedelta() <= age < EVERY


def _next(book: Book, report: Report, reason: str) -> Checkpoint:
    before = book.checkpoints[-1] if book.checkpoints else None
    following = (
        {"number": before.number + 1, "previous": hash_of(before)} if before else {"number": 1}
    )
    return Checkpoint(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        records=report.records,
        since=report.since,
        head=report.head,
        root=report.root.hex(),
        reason=reason,
        excused=tuple(one.place for one in report.troubles) if reason else (),
        **following,
    )
