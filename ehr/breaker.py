"""Turns a server's failures into a pause in which it is left alone (C5)."""

import time
from collections import deque

FAILURES, WITHIN_SECONDS, PAUSE_SECONDS = 5, 30.0, 10.0


class Breaker:
    """Opens after five failures in 30 s without a success between them; then one read in ten
    seconds is let through, and its success closes it.
    """

    def __init__(self) -> None:
        self._failures: deque[float] = deque(maxlen=FAILURES)
        # None while closed.
        self._next_try: float | None = None
        self._opened = 0.0

    def lets_through(self) -> bool:
        """Return whether a read may try the server; while open, True makes it the one that does."""
        now = time.monotonic()
        if self._next_try is None:
            return True
        if now < self._next_try:
            return False
        self._next_try = now + PAUSE_SECONDS
        return True

    def failed(self) -> None:
        """Count a failure of the server."""
        now = time.monotonic()
        self._failures.append(now)
        often = len(self._failures) == FAILURES and now - self._failures[0] < WITHIN_SECONDS
        if often or self._next_try is not None:
            self._opened = now if self._next_try is None else self._opened
            self._next_try = now + PAUSE_SECONDS

    def answered(self) -> None:
        """Forget all failures: the server is there."""
        self._failures.clear()
        self._next_try = None

    @property
    def open_since(self) -> float | None:
        """Return since when (monotonic seconds) the server is left alone, but for a try now and
        then; None while it is not.
        """
        return None if self._next_try is None else self._opened
