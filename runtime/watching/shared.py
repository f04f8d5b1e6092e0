"""The memory in which the workers of a host put their numbers together: prometheus-client's
multiprocess mode.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import IO

from prometheus_client import CollectorRegistry, multiprocess, values

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")
# The files are mapped: on a full disk the first write into a hole of one would kill the worker
# (SIGBUS). So their place is taken beforehand, and in memory where the system has such a folder.
KINDS = ("counter", "histogram", "gauge_max", "gauge_livemax", "gauge_livemin")
BYTES_EACH = 256 * 1024
# The locks of the places that this process holds.
_held: list[IO[str]] = []


@contextmanager
def shared_numbers(name: str, otherwise: Path) -> Iterator[None]:
    """Give the processes that are started meanwhile a folder for their numbers, named after
    `name`; one below `otherwise` where there is no room in memory.

    A place for each process; who starts takes one that is free and counts on from there: so sums
    never fall, and a worker that ends over and over fills nothing.
    """
    folder = _folder(name, otherwise)
    if folder is None:
        # Then each worker shows its own.
        yield
        return
    os.environ[VARIABLE], owner = str(folder), os.getpid()
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        # A worker that ends comes by here too.
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


def join() -> None:
    """Take a place in the folder for as long as this process lives, if there is a folder; who had
    it before has ended, and its counters go on. Raises OSError.
    """
    if not (name := os.environ.get(VARIABLE)):
        return
    folder = Path(name)
    place = _free_place(folder)
    _take_gauges_away(folder, place)
    for kind in KINDS:
        if not (path := folder / f"{kind}_{place}.db").exists():
            _reserve(path)
    # Chosen at its import otherwise, which may have been before the folder was.
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def worker_ended() -> None:
    """Take away the gauges of places that nobody holds: who is gone is neither well nor ill."""
    if not (name := os.environ.get(VARIABLE)):
        return
    for lock in Path(name).glob("*.lock"):
        with lock.open("w") as file:
            if _locked(file):
                _take_gauges_away(Path(name), int(lock.stem))


def registry_of_all() -> CollectorRegistry | None:
    """Return the numbers of all processes together; None where there is no folder."""
    if not (folder := os.environ.get(VARIABLE)):
        return None
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return registry


def _folder(name: str, otherwise: Path) -> Path | None:
    short = sha256(name.encode()).hexdigest()[:16]
    for folder in (MEMORY / f"vigil-{os.getuid()}-{short}", otherwise / "metrics"):
        # What a killed server left; of another user it stays, and then this place is not ours.
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(mode=0o700)
        except OSError:
            continue
        return folder
    return None


def _free_place(folder: Path) -> int:
    for place in count():
        file = (folder / f"{place}.lock").open("w")
        if _locked(file):
            _held.append(file)
            break
        file.close()
    return place


def _locked(file: IO[str]) -> bool:
    """Tell whether a lock could be had; the kernel frees it with the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _reserve(path: Path) -> None:
    """Make a file whose whole place is taken; a reader never sees it half made."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        # macOS has none.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, BYTES_EACH)
        else:
            file.truncate(BYTES_EACH)
    draft.rename(path)


def _take_gauges_away(folder: Path, place: int) -> None:
    multiprocess.mark_process_dead(place, str(folder))  # type: ignore[no-untyped-call]
