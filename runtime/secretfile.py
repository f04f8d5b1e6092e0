"""Turns a path into a secret that is made once and then the same for every worker: mode 0600,
never half written (F6).
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


class SecretFileError(Exception):
    """The file can't be used; the message says which and why."""


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return the content of a secret file, which `make` fills when there is none.

    Raises SecretFileError when others may read it.
    """
    if not path.exists():
        _create(path, make())
    if path.stat().st_mode & 0o077:
        raise SecretFileError(f"{path} is readable by others: chmod 600 it.")
    return path.read_bytes()


def _create(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    try:
        # A link, not a rename: of two processes starting at once the first wins and both read its
        # secret.
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        os.unlink(draft)
