"""Lets one process of a host write at a time, the longest waiting first: two locks of the kernel,
which wakes the next and frees them with a process that is killed (G3).
"""

import fcntl
import os
from pathlib import Path
from typing import Any


class Turn:
    """A lock between processes, used as a context manager by one thread. It must not cross a
    fork.

    Who waits holds the door, so that the one who has just been inside can't be first again.
    """

    def __init__(self, path: Path):
        self._door, self._room = (
            os.open(path.with_suffix(suffix), os.O_CREAT | os.O_RDWR, 0o600)
            for suffix in (".door", ".lock")
        )

    def __enter__(self) -> None:
        fcntl.flock(self._door, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_EX)
        fcntl.flock(self._door, fcntl.LOCK_UN)

    def __exit__(self, *error: Any) -> None:
        fcntl.flock(self._room, fcntl.LOCK_UN)

    def __del__(self) -> None:
        os.close(self._door)
        os.close(self._room)
