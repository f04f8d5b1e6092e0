"""The disk of the audit log full, read-only and slow (G5)."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.outcome import Impossible, Outcome, Scale
from tests.faults.site import Answer, Load, Site, percentile

SIZE_MB = 48
SLOW_MS = 1000


@contextlib.contextmanager
def tmpfs(folder: Path) -> Iterator[None]:
    """Make a folder a disk of its own of a few megabytes, as root may."""
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise Impossible(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free on a disk; return the file that takes its room."""
    path = folder / "filling"
    with path.open("wb", buffering=0) as file:
        for piece in (b"\0" * 65536, b"\0"):
            with contextlib.suppress(OSError):
                while True:
                    file.write(piece)
    return path


@contextlib.contextmanager
def faulty(folder: Path) -> Iterator[tuple[Site, Path]]:
    """Give a Vigil whose system calls obey a file, and that file."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Impossible("the slow and the read-only disk need a C compiler, cc")
    folder.mkdir(parents=True)
    shim, said = folder / "shim.so", folder / "fault"
    source = Path(__file__).with_name("shim.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"], check=True
    )
    said.touch()
    environment = {
        "LD_PRELOAD": str(shim),
        "FAULT_FILE": str(said),
        "FAULT_FOLDER": str((folder / "data").resolve()),
    }
    with Site(folder, **environment) as site:
        yield site, said


def full(folder: Path, scale: Scale) -> Outcome:
    """Nothing free: 503 with Retry-After, or a card with its record; and all is well afterwards."""
    with tmpfs(folder / "data"), Site(folder) as site:
        before = [site.call() for _ in range(4)]
        filling = fill(site.data)
        during = [site.call() for _ in range(40)]
        filling.unlink()
        after = [site.call() for _ in range(4)]
        answers = [*before, *during, *after]
        lost, broken = site.unaudited(answers)
        refused = _refused(during)
    served = sum(a.status == 200 for a in during)
    return Outcome(
        f"of 40 calls {served} answered, {refused} with 503 and Retry-After, slowest "
        f"{max(a.seconds for a in during):.2f} s; {lost} cards without a record, "
        f"{broken or 'chain whole'}; well again: {[a.status for a in after]}",
        served + refused == 40
        and not lost
        and not broken
        and all(a.status == 200 for a in [*before, *after]),
    )


def reserve(folder: Path, scale: Scale) -> Outcome:
    """Nothing free: the reserve takes the next records, and /readyz says so at once."""
    with tmpfs(folder / "data"), Site(folder) as site:
        site.call()
        fill(site.data)
        during = [site.call() for _ in range(10)]
        alarm = site.get("/readyz")
    served = sum(a.status == 200 for a in during)
    said = b"audit" in alarm.body and b"degraded" in alarm.body
    return Outcome(
        f"{served} of 10 records fitted in the reserve; /readyz {alarm.status}, "
        f"{'alarm' if said else 'no alarm'}",
        served > 0 and said,
    )


def read_only(folder: Path, scale: Scale) -> Outcome:
    """Every write is refused: 503, never a card, and all is well afterwards."""
    with faulty(folder) as (site, said):
        before = [site.call() for _ in range(4)]
        said.write_text("readonly")
        during = [site.call() for _ in range(20)]
        said.write_text("")
        after = [site.call() for _ in range(4)]
        lost, broken = site.unaudited([*before, *during, *after])
    refused = _refused(during)
    return Outcome(
        f"of 20 calls {refused} with 503 and Retry-After; {lost} cards without a record, "
        f"{broken or 'chain whole'}; well again: {[a.status for a in after]}",
        refused == 20 and not lost and not broken and all(a.status == 200 for a in after),
    )


def slow(folder: Path, scale: Scale) -> Outcome:
    """A second more for each fsync: a lone call is answered all the same, with its record."""
    with faulty(folder) as (site, said):
        site.call()
        said.write_text(f"slow {SLOW_MS}")
        alone = [site.call() for _ in range(4)]
        said.write_text("")
        lost, broken = site.unaudited(alone)
    found = [a.status for a in alone]
    return Outcome(
        f"one call at a time: {found}, slowest {max(a.seconds for a in alone):.2f} s; {lost} cards "
        f"without a record, {broken or 'chain whole'}",
        set(found) == {200} and not lost and not broken,
    )


def slow_shared(folder: Path, scale: Scale) -> Outcome:
    """100 ms more for each fsync and eight callers at once: one fsync serves all that wait."""
    with faulty(folder) as (site, said):
        site.call()
        said.write_text("slow 100")
        with Load(site.call, clients=8) as load:
            time.sleep(6)
        said.write_text("")
        lost, broken = site.unaudited(load.answers)
    good = load.statuses().get(200, 0)
    half, most = percentile(load.answers, 0.5), percentile(load.answers, 0.99)
    return Outcome(
        f"8 callers: {good} of {len(load.answers)} answered, p50 {half:.2f} s, p99 {most:.2f} s "
        f"(promised: under 1 s); {lost} cards without a record, {broken or 'chain whole'}",
        good == len(load.answers) and half < 1.0 and not lost and not broken,
    )


def _refused(answers: list[Answer]) -> int:
    return sum(a.status == 503 and "Retry-After" in a.headers for a in answers)
