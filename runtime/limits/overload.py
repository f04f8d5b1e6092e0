"""Keeps the calls that wait for a worker few: one more than can be answered soon is refused at once
(F2).

A worker computes one call at a time. While it does, others lie unseen in the listen queue and in
sockets, where nobody can count or refuse them. So a call that is about to compute lets in first
who stands at the door, and then takes its turn in order of arrival. While it waits, for its audit
record say, the next one computes.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from gevent import idle, monkey

from runtime.web import Unavailable

# A call of 200 Observations, measured; each process goes on from there by what its own calls take.
FIRST_COST = 0.015
# One stall, of a disk say, is not what the next call will take.
DEAREST_COST = 0.1
SHARE = 1 / 16
# As many wait in any case, however slow the host is at the moment.
FEWEST = 4
# Longest time for letting in before a turn: under a flood the computing has to go on too.
DOOR_SECONDS = 0.01
# Above the priority of sockets: such an idle watcher ends one round of the loop and does not wait
# for a quiet moment, which a flood never leaves.
NOW = 2


class Overloaded(Unavailable):
    """More calls wait than can be answered soon."""

    def __init__(self) -> None:
        super().__init__("More calls came than can be answered; try again.", {"Retry-After": "1"})


class Queue:
    """The calls of one process that are to be computed; `longest_ms` is how long the last of them
    may have to wait.
    """

    def __init__(self, longest_ms: int):
        self._longest = longest_ms / 1000
        self._waiting: deque[threading.Event] = deque()
        self._inside = self._arrived = 0
        self._cost, self._left = FIRST_COST, 0.0
        # Without gevent each call has a thread, which the system lets in.
        self._round = partial(idle, NOW) if monkey.is_module_patched("threading") else None

    @property
    def busy(self) -> bool:
        """Tell whether a call is being computed or recorded, or waits for that."""
        return self._inside > 0

    def admit(self) -> None:
        """Count a call that has come. Raises Overloaded when it would wait too long."""
        self._arrived += 1
        if self._inside >= max(FEWEST, self._longest / self._cost):
            raise Overloaded

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Begin when the calls before this one have computed, or wait for something else."""
        self._inside += 1
        try:
            self._wait()
            yield
        finally:
            self._inside -= 1
            self._measure()

    def _wait(self) -> None:
        mine = threading.Event()
        self._waiting.append(mine)
        try:
            if self._waiting[0] is not mine:
                mine.wait()
            self._open_door()
        finally:
            self._waiting.remove(mine)
            if self._waiting:
                self._waiting[0].set()

    def _open_door(self) -> None:
        """Let in who has come meanwhile, so that who is too many hears it now."""
        until, before = time.monotonic() + DOOR_SECONDS, -1
        while self._round and before != self._arrived and time.monotonic() < until:
            before = self._arrived
            # The first sees a connection or a request, the second has it read.
            self._round()
            self._round()

    def _measure(self) -> None:
        """While calls wait, each takes as long as lies between the ends of two."""
        now = time.monotonic()
        if self._waiting:
            self._cost += SHARE * (min(now - self._left, DEAREST_COST) - self._cost)
        self._left = now
