"""Keeps the last key set of each URL on disk, for a start while its server is down (A4, G9).

The keys are public; whoever could write here could write the configuration too. A set that was
read empty is kept as such, so that what it revoked stays revoked.
"""

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from runtime.logs import get_logger

log = get_logger("keys")


class Stored(NamedTuple):
    """A key set as it came, and how many seconds ago."""

    document: bytes
    age: float


class _File(msgspec.Struct):
    """`read` is when the set was read, in seconds since 1970."""

    url: str
    read: float
    document: bytes


class KeyStore:
    """The folder of the sets, a file of mode 0600 for each URL."""

    def __init__(self, folder: Path):
        self._folder = folder

    def put(self, url: str, document: bytes) -> None:
        """Keep a set in place of the one before; a disk that can't take it is only logged."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self._path(url), msgspec.msgpack.encode(_File(url, time.time(), document)))
        except OSError as error:
            log.warning("key_set_not_kept", error=error)

    def get(self, url: str) -> Stored | None:
        """Return the set that was kept last; None when there is none that can be used."""
        try:
            found = msgspec.msgpack.decode(self._path(url).read_bytes(), type=_File)
        except (OSError, msgspec.DecodeError):
            return None
        age = time.time() - found.read
        # By a clock that stands before it, nobody can say how old it is.
        return Stored(found.document, age) if found.url == url and age >= 0 else None

    def _write(self, path: Path, content: bytes) -> None:
        handle, draft = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(draft, path)
        except OSError:
            os.unlink(draft)
            raise

    def _path(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode()).hexdigest()
