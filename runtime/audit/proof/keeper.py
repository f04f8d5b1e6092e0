"""A process of its own beside the workers: looks at the audit log when the service starts, each
hour and when it stops, and signs a checkpoint or raises the alarm.

Not in a worker: reading an hour of records would hold up the cards of that moment. It lives as long
as anybody holds the other end of its input, so it sees the last record that a worker wrote, and
never outlives a master that was killed.
"""

import os
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from runtime import logs
from runtime.audit.alarm import clear_alarm, raise_alarm
from runtime.audit.proof.archive import seal_months
from runtime.audit.proof.book import open_book
from runtime.audit.proof.notary import EVERY, Broken, checkpoint, trusted

ROOT = Path(__file__).parents[3]
AGAIN_SECONDS = 60.0
STOP_SECONDS = 15.0
log = logs.get_logger("audit")


class Keeper:
    """The running process, as the server that started it sees it."""

    def __init__(self, audit: Path, folder: Path):
        self._command = [sys.executable, "-m", __name__, str(audit), str(folder)]
        self._owner = os.getpid()
        self._start()

    def _start(self) -> None:
        self._since = time.monotonic()
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=subprocess.PIPE)

    def tend(self) -> None:
        """Start it again if it ended, once a minute at most."""
        if self._process.poll() is None or time.monotonic() - self._since < AGAIN_SECONDS:
            return
        log.error("audit_keeper", restarted=True)
        if self._process.stdin:
            self._process.stdin.close()
        self._start()

    def stop(self) -> None:
        """Have the last checkpoint made, and wait for it, at most 15 s. A worker that ends comes
        by here too, and has nothing to stop.
        """
        if os.getpid() != self._owner:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()


def look(audit: Path, folder: Path) -> bool:
    """Sign a checkpoint or raise the alarm; return whether one of the two could be done.

    The service goes on with cards in either case: the chain of today's records holds all the same,
    and patients would pay for a silence that whoever tampered may have wanted.
    """
    try:
        sealed: list[Path] = []
        if _next(audit, folder):
            book = open_book(folder, trusted(audit.parent))
            sealed = seal_months(audit, book, datetime.now(UTC))
    # Whatever is wrong with the disk or the log, the next look is due.
    except Exception as error:
        log.error("audit_checkpoint_failed", error=error)
        return False
    if sealed:
        log.info("audit_sealed", files=[file.name for file in sealed])
    return True


def _next(audit: Path, folder: Path) -> bool:
    """Return whether the log fits; a checkpoint is made if one is due."""
    try:
        signed = checkpoint(audit, folder, idle=False)
    except Broken as broken:
        found = [one.text for one in broken.troubles]
        log.error("audit_alarm", troubles=found)
        raise_alarm(audit, found)
        return False
    clear_alarm(audit)
    if signed:
        log.info("audit_checkpoint", **msgspec.to_builtins(signed))
    return True


def main(audit: Path, folder: Path) -> None:
    """Look until the input ends, and once more then."""
    # Ctrl-C and systemd reach the whole group; the workers have to end first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(10)
    logs.configure()
    ended = False
    while not ended:
        seconds = EVERY.total_seconds() if look(audit, folder) else AGAIN_SECONDS
        ended = bool(select.select([sys.stdin], [], [], seconds)[0])
    look(audit, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
