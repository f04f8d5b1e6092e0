"""Tells of the audit log as a part, and sees that it gets well again (G5)."""

import time
from contextlib import suppress
from datetime import UTC, datetime

from runtime.audit.log import Audit, AuditError
from runtime.watching.parts import DEGRADED, DOWN, OK, State

STATES = {"ok": OK, "reserve": DEGRADED, "failed": DOWN}
TRY_SECONDS = 10.0


class Records:
    """The audit log as `/readyz` and the metrics see it."""

    def __init__(self, audit: Audit):
        self._audit, self._next_try = audit, 0.0

    def state(self) -> State:
        """Return whether records can be written, since when that is so, and how long the last
        took. While nothing can be, none comes by a call, since callers are sent elsewhere: so one
        is tried now and then, which says of itself what it is.
        """
        found = self._audit.state()
        if found.status == "failed" and time.monotonic() >= self._next_try:
            self._next_try = time.monotonic() + TRY_SECONDS
            with suppress(AuditError):
                self._audit.append("audit-failed", {"since": found.since.isoformat()})
            found = self._audit.state()
        since = time.monotonic() - (datetime.now(UTC) - found.since).total_seconds()
        took = "" if found.seconds is None else f"last write {1000 * found.seconds:.0f} ms"
        words = [found.status if found.status != "ok" else "", found.error or "", took]
        return State(STATES[found.status], since, ", ".join(filter(None, words)))

    def proof(self) -> State:
        """Return whether the log fits its checkpoints, as far as anybody looked."""
        return (
            State(DEGRADED, None, "does not fit its checkpoints")
            if self._audit.alarm
            else State(OK)
        )
