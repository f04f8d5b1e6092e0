"""The first process: keeps the workers, renews them without a pause (G4), and outlives what fails
in one of them.
"""

import signal
import time
from typing import Any, ClassVar, Protocol

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from runtime.logs import get_logger
from runtime.serving import slate
from runtime.serving.worker import Worker

# A start takes a fraction of a second; one that hangs is not waited for.
START_SECONDS = 60.0
log = get_logger("server")


class Parts(Protocol):
    """What the first process keeps beside its workers."""

    def renew(self) -> None:
        """Read anew what workers are started with."""

    def tend(self) -> None:
        """Look after what runs beside them; called about once a second."""


class Master(Arbiter):
    """gunicorn's arbiter with three differences: an old worker goes once a new one is ready, a
    worker that does not start ends nobody else, and `parts` are looked after.
    """

    WORKERS: ClassVar[dict[int, Worker]]  # type: ignore[assignment]  # the base has any kind

    def __init__(self, app: Any, parts: Parts):
        self.parts, self.proven, self._due = parts, False, 0
        super().__init__(app)

    def reload(self) -> None:
        """Have a new worker started for each, one after the other: two that start at once would be
        felt by callers. An old one goes as a new one is ready; where new ones fail, they end by
        themselves and the old ones stay.
        """
        self.parts.renew()
        for pid, worker in list(self.WORKERS.items()):
            if slate.read(worker) != slate.READY:
                self.kill_worker(pid, signal.SIGTERM)
        self._due = self.num_workers

    def manage_workers(self) -> None:
        """Keep as many workers ready as there should be, and no more."""
        self.parts.tend()
        workers = sorted(self.WORKERS.items(), key=lambda item: item[1].age)
        said = {pid: slate.read(worker) for pid, worker in workers}
        ready = [pid for pid, word in said.items() if word == slate.READY]
        self.proven = self.proven or bool(ready)
        for pid in ready[: max(0, len(ready) - self.num_workers)]:
            self.kill_worker(pid, signal.SIGTERM)
        starting = {pid: worker.since for pid, worker in workers if not said[pid]}
        self._end_late(starting)
        wanted = self.num_workers - len(self.WORKERS)
        if self._due and not starting:
            self._due, wanted = self._due - 1, max(wanted, 1)
        self._spawn(wanted)

    def reap_workers(self) -> None:
        """Take note of workers that ended; only at the very first start one can end them all."""
        try:
            super().reap_workers()
        except HaltServer:
            if not self.proven:
                raise
            # The next one is not started at once: this may happen again.
            time.sleep(1.0)

    def _end_late(self, starting: dict[int, float]) -> None:
        for pid, since in starting.items():
            if time.monotonic() - since > START_SECONDS:
                log.error("worker_start", error="timeout")
                self.kill_worker(pid, signal.SIGKILL)

    def _spawn(self, number: int) -> None:
        """Start workers, or leave it to the next look when the host has no room for a process."""
        try:
            for _ in range(number):
                self.spawn_worker()
        except OSError as error:
            log.error("worker_start", error=error)


def instruct(master: Master, worker: Worker) -> None:
    """Tell a worker before the fork whom it stands beside."""
    worker.first = not master.proven
    worker.alone = not any(slate.read(other) == slate.READY for other in master.WORKERS.values())
