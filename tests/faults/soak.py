"""Many calls on one server: memory and open files stay as they are (G10)."""

from pathlib import Path

from tests.faults.outcome import Outcome, Scale
from tests.faults.site import Load, Site, until

WARM, SECONDS = 300, 120
# Promised are 20 MiB an hour; a leak of a call's chart would be 50 MiB after so many calls.
MOST_MIB, MOST_FILES = 16.0, 20


def flat(folder: Path, scale: Scale) -> Outcome:
    """Warm up, measure each worker, call on, and measure again."""
    with Site(folder) as site:
        _calls(site, WARM)
        before = {pid: (_mib(pid), _files(pid)) for pid in site.workers()}
        _calls(site, scale.soak)
        grown = [(_mib(pid) - mib, _files(pid) - files) for pid, (mib, files) in before.items()]
    memory, files = max(one[0] for one in grown), max(one[1] for one in grown)
    return Outcome(
        f"after {scale.soak} further calls the workers grew by {memory:.1f} MiB at most, "
        f"and hold {files} more files open",
        memory < MOST_MIB and files < MOST_FILES,
    )


def _calls(site: Site, number: int) -> None:
    with Load(site.call) as load:
        until(lambda: len(load.answers) >= number, SECONDS)


def _mib(pid: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
