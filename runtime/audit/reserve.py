"""Holds the next records while the database can't take them: a file whose space on disk was
allocated beforehand, so that a full disk has room for them (G5).
"""

import errno
import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from runtime.audit.chain import Row

# Several hundred hook calls.
SIZE = 4 * 1024 * 1024
# Before each batch: its length, and a hash of it and of the hash before it. What an earlier use
# of the file left behind the last batch doesn't fit there.
HEAD = struct.Struct(">I32s")
FIRST = bytes(32)
NOTHING = bytes(HEAD.size)


class Reserve:
    """The reserve of one host; within the turn of its user. Raises OSError where the disk does."""

    def __init__(self, path: Path):
        self._file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        os.posix_fallocate(self._file, 0, SIZE)
        self._known = (NOTHING, 0, FIRST)

    def held(self) -> bool:
        """Return whether rows wait here; may be asked outside the turn."""
        return os.pread(self._file, 4, 0) != bytes(4)

    def read(self) -> Iterator[tuple[str, list[Row]]]:
        """Yield each batch with its hash, in the order in which they came."""
        for hashed, content in self._batches():
            yield hashed.hex(), msgspec.msgpack.decode(content, type=list[Row])

    def append(self, rows: Sequence[Row]) -> None:
        """Make rows durable here, all or none. Raises OSError, ENOSPC when the file is full."""
        place, last = self._end()
        content = msgspec.msgpack.encode(rows)
        if place + HEAD.size + len(content) > SIZE:
            raise OSError(errno.ENOSPC, "The reserve is full")
        try:
            # The head comes with its batch, whose hash tells a half written one.
            os.pwrite(self._file, HEAD.pack(len(content), _hash(last, content)) + content, place)
            os.fsync(self._file)
        except OSError:
            self._cut(place)
            raise
        self._known = (os.pread(self._file, HEAD.size, 0), place, last)

    def empty(self) -> None:
        """Forget all rows; they are elsewhere by now."""
        self._cut(0)
        os.fsync(self._file)

    def _cut(self, place: int) -> None:
        os.pwrite(self._file, NOTHING, place)

    def _end(self) -> tuple[int, bytes]:
        """Return where the last batch ends, and its hash; looked for from where it was before, if
        the first batch is still the same.
        """
        first, place, last = self._known
        if first != os.pread(self._file, HEAD.size, 0):
            place, last = 0, FIRST
        for hashed, content in self._batches(place, last):
            place, last = place + HEAD.size + len(content), hashed
        return place, last

    def _batches(self, place: int = 0, last: bytes = FIRST) -> Iterator[tuple[bytes, bytes]]:
        whole = bytes(place) + os.pread(self._file, SIZE - place, place)
        while place + HEAD.size <= SIZE:
            length, hashed = HEAD.unpack_from(whole, place)
            content = whole[place + HEAD.size : place + HEAD.size + length]
            if not length or _hash(last, content) != hashed:
                return
            yield hashed, content
            place, last = place + HEAD.size + length, hashed

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)


def _hash(last: bytes, content: bytes) -> bytes:
    return hashlib.sha256(last + content).digest()
