"""The disk of the audit log full, read-only and slow (G5)."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.outcome import Impossible, Outcome, Scale
from tests.faults.site import Answer, Load, Site, percentile, until
from tests.support.hookcall import SICK, bundle, observations, patient
from tests.support.small_disk import NoDisk, fill, small_disk

SIZE_MB = 48
SLOW_MS = 1000
MOST_LONG_CALLS = 120
# Promised are the budget and a second; what is looked for is a call that waits for the disk.
HARD_SECONDS = 6.0


@contextlib.contextmanager
def tmpfs(folder: Path) -> Iterator[None]:
    """Make a folder a disk of its own of a few megabytes, as root may."""
    try:
        with small_disk(folder, SIZE_MB):
            yield
    except NoDisk as why:
        raise Impossible(str(why)) from None


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
    """Nothing free: the reserve takes the next records; once it is full, 503 and no card; what it
    took is in the log afterwards.
    """
    with tmpfs(folder / "data"), Site(folder) as site:
        before = site.call()
        filling = fill(site.data)
        during = [site.call() for _ in range(10)]
        served = sum(a.status == 200 for a in during)
        while during[-1].status == 200 and len(during) < MOST_LONG_CALLS:
            during.append(site.call(prefetch=_long()))
        last = during[-1]
        filling.unlink()
        after = [site.call() for _ in range(4)]
        lost, broken = site.unaudited([before, *during, *after])
    refused = _refused([last]) == 1
    return Outcome(
        f"{served} of 10 records fitted in the reserve, then {len(during) - 10} long ones until "
        f"{last.status}{' with Retry-After' if refused else ''}; {lost} cards without a record, "
        f"{broken or 'chain whole'}; well again: {[a.status for a in after]}",
        served > 0 and refused and not lost and not broken and all(a.status == 200 for a in after),
    )


def alarm(folder: Path, scale: Scale) -> Outcome:
    """Nothing free: /readyz says at once that the audit log is not well, and later that it is."""
    with tmpfs(folder / "data"), Site(folder) as site:
        well = _audit_state(site)
        filling = fill(site.data)
        site.call()
        told = until(lambda: _audit_state(site) not in (None, "ok"), 5)
        filling.unlink()
        over = until(lambda: site.call().status == 200 and _audit_state(site) == "ok", 20)
    return Outcome(
        f"/readyz before: {well}; full: "
        f"{'not told' if told is None else f'told after {told:.1f} s'}, with room again: "
        f"{'not ok' if over is None else f'ok after {over:.1f} s'}",
        well == "ok" and told is not None and over is not None,
    )


def _audit_state(site: Site) -> str | None:
    """Return what /readyz says of the audit log, None where it says nothing."""
    answer = site.get("/readyz")
    if answer.status not in (200, 503):
        return None
    return json.loads(answer.body).get("parts", {}).get("audit", {}).get("state")


def _long() -> dict:
    """Return the prefetch of a chart whose record has a good hundred kilobytes."""
    now = datetime.now(UTC)
    found = [
        one
        for minutes in range(10, 4000, 10)
        for one in observations(
            SICK, effectiveDateTime=(now - timedelta(minutes=minutes)).isoformat()
        )
    ]
    return {"patient": patient(), "vitals": bundle(found), "labs": bundle([])}


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
    """A second more for each fsync: a card with its record, or 503 with Retry-After, inside the hard
    limit; and all is well afterwards.
    """
    with faulty(folder) as (site, said):
        first = site.call()
        said.write_text(f"slow {SLOW_MS}")
        during = [site.call() for _ in range(4)]
        said.write_text("")
        time.sleep(2 * SLOW_MS / 1000)
        after = [site.call() for _ in range(4)]
        lost, broken = site.unaudited([first, *during, *after])
    served, refused = sum(a.status == 200 for a in during), _refused(during)
    slowest = max(a.seconds for a in during)
    return Outcome(
        f"of 4 calls {served} answered, {refused} with 503 and Retry-After, slowest {slowest:.2f} s; "
        f"{lost} cards without a record, {broken or 'chain whole'}; well again: "
        f"{[a.status for a in after]}",
        served + refused == 4
        and slowest < HARD_SECONDS
        and not lost
        and not broken
        and all(a.status == 200 for a in after),
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
