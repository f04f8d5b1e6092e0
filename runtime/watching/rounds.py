"""Looks once a minute whether what is served makes sense, so that silence is noticed (G11)."""

import threading
import time
from collections.abc import Callable

from runtime.logs import get_logger
from runtime.watching.parts import DEGRADED, DOWN, OK, State

EVERY_SECONDS = 60.0
# After three that were left out something holds the worker up.
LONGEST_SECONDS = 3 * EVERY_SECONDS
log = get_logger("watching")


class Rounds:
    """A round a minute in this process: `examine` returns in fixed words what is wrong, or nothing;
    `show` is called after each.
    """

    def __init__(self, examine: Callable[[], str], show: Callable[[], object]):
        self._examine, self._show = examine, show
        self._last = State(OK, None, "not examined yet")

    def start(self) -> None:
        """Make rounds from now on, in a thread that ends with the process."""
        threading.Thread(target=self._walk, name="rounds", daemon=True).start()

    def once(self) -> None:
        """Make one round; a fault in it is a finding, and ends nothing."""
        try:
            wrong = self._examine()
        except Exception as error:
            log.error("synthetic_patient", error=error)
            wrong = "could not be scored"
        else:
            if wrong:
                log.error("synthetic_patient", why=wrong)
        self._last = State(DOWN if wrong else OK, time.monotonic(), wrong)
        try:
            self._show()
        except Exception as error:
            log.error("metrics", error=error)

    def state(self) -> State:
        """Return what the last round found."""
        if self._last.age is not None and self._last.age > LONGEST_SECONDS:
            return State(DEGRADED, self._last.since, "not examined lately")
        return self._last

    def _walk(self) -> None:
        while True:
            self.once()
            time.sleep(EVERY_SECONDS)
