"""Makes records durable together: one thread of a process writes all that wait in one transaction
with one fsync, while the calls that wait for it hold up nothing else.

A real thread, also under gevent, whose loop would stand still during each fsync.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gevent import get_hub
from gevent.monkey import get_original, is_module_patched

from runtime.audit.chain import Row

Missed = Callable[[list[int]], list[Row]]


class Ledger(Protocol):
    """Where the thread writes: within its context it is this process's turn."""

    def __enter__(self) -> object: ...

    def __exit__(self, *error: Any) -> None: ...

    def write(self, rows: Sequence[Row]) -> list[int]:
        """Make rows durable, all or none, and return their seqs."""


class Late(Exception):
    """The rows were not durable in time."""


class Writer:
    """The writing thread of one process, which ends with its Writer. It must not cross a fork.

    The ledger is used in the thread only.
    """

    def __init__(self, ledger: Ledger):
        self._queue = get_original("queue", "SimpleQueue")()
        self._lock = get_original("_thread", "allocate_lock")()
        start = get_original("_thread", "start_new_thread")
        start(_run, (self._queue, ledger))
        weakref.finalize(self, self._queue.put, None)

    def put(self, rows: Sequence[Row], seconds: float, missed: Missed) -> list[int]:
        """Return the seqs of rows once they are durable.

        Raises Late after `seconds`: what was not begun by then is not written, and behind what was,
        `missed` of its seqs is, which says so. Raises what `write` raises.
        """
        entry = _Entry(rows, missed, self._lock)
        self._queue.put(entry)
        try:
            in_time = entry.done.wait(seconds)
        except BaseException:
            # Such as a worker that kills the greenlet: nobody is left to answer.
            entry.give_up()
            raise
        if not in_time and entry.give_up():
            raise Late
        if entry.error:
            raise entry.error
        return entry.seqs


class _Entry:
    """Rows, and how it stands with them; two threads look at it."""

    def __init__(self, rows: Sequence[Row], missed: Missed, lock: Any):
        self.rows, self.missed = rows, missed
        self.seqs: list[int] = []
        self.error: Exception | None = None
        self.done = threading.Event()
        self._lock = lock
        self._stage = "waiting"
        self._loop = get_hub().loop if is_module_patched("threading") else None

    def begin(self) -> bool:
        """Return whether the rows are still wanted."""
        with self._lock:
            if self._stage == "waiting":
                self._stage = "begun"
            return self._stage == "begun"

    def give_up(self) -> bool:
        """Return whether it was given up before it ended."""
        with self._lock:
            if self._stage != "ended":
                self._stage = "given up"
            return self._stage == "given up"

    def end(self, seqs: list[int], error: Exception | None = None) -> bool:
        """Wake who waits; return whether somebody still did."""
        with self._lock:
            if self._stage != "begun":
                return self._stage == "ended"
            self.seqs, self.error, self._stage = seqs, error, "ended"
        # gevent has one safe way into its loop from another thread.
        if self._loop:
            self._loop.run_callback_threadsafe(self.done.set)
        else:
            self.done.set()
        return True


def _run(queue: Any, ledger: Ledger) -> None:
    going = True
    while going:
        taken = [queue.get()]
        batch: list[_Entry] = []
        try:
            with ledger:
                # Taken within the turn: what came while another process wrote is in this batch.
                taken += [queue.get() for _ in range(queue.qsize())]
                batch = [entry for entry in taken if entry and entry.begin()]
                _write(batch, ledger)
        # The thread outlives every error: who waits for it gets it.
        except Exception as error:
            for entry in batch:
                entry.end([], error)
        going = None not in taken


def _write(batch: Sequence[_Entry], ledger: Ledger) -> None:
    if not batch:
        return
    seqs = iter(ledger.write([row for entry in batch for row in entry.rows]))
    ended = [(entry, [next(seqs) for _ in entry.rows]) for entry in batch]
    late = [(entry, own) for entry, own in ended if not entry.end(own)]
    if late:
        ledger.write([row for entry, own in late for row in entry.missed(own)])
