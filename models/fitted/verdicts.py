"""Remembers which versions a child process passed, over workers and restarts: one key a line.

It saves the child's time and vouches for nothing: signature, hash and golden vectors are checked at
every start all the same, and a key holds for one manifest, one model text and one loader only.
"""

import os
import re
from pathlib import Path

from models.fitted.whole import write_whole

KEY = re.compile(rb"[0-9a-f]{64}")
LONGEST = 64 * 1024


def remembered(path: Path) -> set[str]:
    """Return the keys of a file; none where it is missing, damaged, too long, or others may write
    it: then each version is asked for again.
    """
    try:
        with path.open("rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read(LONGEST + 1)
    except OSError:
        return set()
    keys = content.split()
    if mode & 0o022 or len(content) > LONGEST or not all(map(KEY.fullmatch, keys)):
        return set()
    return {key.decode("ascii") for key in keys}


def remember(path: Path, key: str) -> None:
    """Add a key; a file that was of no use begins anew.

    A file that can't be written costs the next start a child, and nothing else. Of two workers that
    write at once one may lose its key: it asks again.
    """
    lines = "".join(f"{one}\n" for one in sorted({*remembered(path), key}))
    try:
        write_whole(path, lines, private=True)
    except OSError:
        return
