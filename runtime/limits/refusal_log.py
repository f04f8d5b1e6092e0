"""Writes refusals to log and audit, each of the first of a kind, and of a flood one record a minute
with their count (A11).

A record costs a write to disk, and whoever is refused must not be able to keep the disk busy.
"""

import atexit
import threading
import time
from collections.abc import Hashable
from typing import Any

from runtime.audit.log import Audit, AuditError
from runtime.logs import get_logger

MOST_A_MINUTE = 10
MOST_KINDS = 200
SECONDS = 60.0
# What makes the kind of a refusal; the record of a count holds no more.
KIND = ("status", "reason", "ehr", "ehrs", "route")
# Of a record, what may stand in the log.
TOLD = (*KIND, "count", "request_id")
log = get_logger("refusals")


class RefusalLog:
    """The refusals of one process."""

    def __init__(self, audit: Audit):
        self._audit = audit
        self._lock = threading.Lock()
        self._since = time.monotonic()
        self._counts: dict[Hashable, int] = {}
        self._more: dict[Hashable, dict[str, Any]] = {}

    def note(self, record: dict[str, Any]) -> None:
        """Write a refusal, or count it when ten of its kind were written in this minute."""
        kind = tuple(str(record.get(name)) for name in KIND)
        with self._lock:
            if not self._more and time.monotonic() - self._since > SECONDS:
                self._counts, self._since = {}, time.monotonic()
            if kind not in self._counts and len(self._counts) >= MOST_KINDS:
                kind = ("other",)
            self._counts[kind] = self._counts.get(kind, 0) + 1
            if self._counts[kind] > MOST_A_MINUTE:
                self._count(kind, record)
                return
        self._write([record])

    def _count(self, kind: Hashable, record: dict[str, Any]) -> None:
        if not self._more:
            timer = threading.Timer(SECONDS, self.close)
            timer.daemon = True
            timer.start()
            # A stop must not lose what was counted.
            atexit.register(self.close)
        if kind not in self._more:
            named = {name: record[name] for name in KIND if name in record}
            self._more[kind] = named | {"count": 0}
        self._more[kind]["count"] += 1

    def close(self) -> None:
        """Write what was counted, and begin a new minute."""
        atexit.unregister(self.close)
        with self._lock:
            counted, self._more, self._counts = list(self._more.values()), {}, {}
            self._since = time.monotonic()
        if counted:
            self._write(counted)

    def _write(self, records: list[dict[str, Any]]) -> None:
        for record in records:
            log.info("refusal", **{name: record[name] for name in TOLD if name in record})
        try:
            self._audit.append_all([("refusal", record) for record in records])
        except AuditError as error:
            log.error("audit", error=error)
