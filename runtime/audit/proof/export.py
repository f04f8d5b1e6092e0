"""Turns a stretch of the log into lines that stand for themselves, for a court or a researcher."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from runtime import sqlite
from runtime.audit.cipher import Cipher, plain
from runtime.audit.log import AuditError
from runtime.audit.proof.scan import QUERY
from runtime.audit.segments import UNREADABLE, sealed, unpacker

NAMES = ("seq", "ts", "type", "assessment_id", "hook_instance", "body", "prev", "hash")


def lines(log: Path, first: int, last: int | None, cipher: Cipher | None = None) -> Iterator[str]:
    """Yield records as JSON, oldest first, each with its place in the chain.

    `body` is as it was written, byte for byte: whoever has a line can compute its hash anew. Of an
    encrypted record the hash is over what was `stored`, here in base64.
    Raises AuditError where a file can't be read on.
    """
    try:
        yield from _lines(log, first, 2**63 - 1 if last is None else last, cipher)
    except UNREADABLE as error:
        raise AuditError(f"The audit log can't be read on: {error}.") from None


def _lines(log: Path, first: int, last: int, cipher: Cipher | None) -> Iterator[str]:
    for file in [*sealed(log), log]:
        with sqlite.reading(file) as db:
            unpack = unpacker(db)
            for row in db.execute(QUERY, (first, last)):
                record = dict(zip(NAMES, row, strict=True))
                stored = unpack(record["body"])
                body = plain(cipher, record["ts"], record["type"], stored)
                record["body"] = msgspec.Raw(body)
                if body != stored:
                    record["stored"] = stored
                yield msgspec.json.encode(record).decode()
                first = record["seq"] + 1
