"""A disk of a few megabytes, to be filled."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


class NoDisk(Exception):
    """A tmpfs can't be mounted here; the text says why."""


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Make a folder a disk of its own, as root may. Raises NoDisk."""
    folder.mkdir(parents=True)
    options = f"size={megabytes}m,mode=0700"
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise NoDisk(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free on a disk; return the file that takes its room."""
    path = folder / "ballast"
    with path.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return path
