"""Turns what Vigil did into durable, hash-chained records: one SQLite table, one row an event
(governance part 5).

A row's hash covers the row and the hash before it, so a change, a removal or a swap in the middle
is found; the room `proof` finds the rest, such as rows that were cut off at the end.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from runtime import sqlite
from runtime.audit import lookup, segments
from runtime.audit.alarm import raised
from runtime.audit.chain import Row
from runtime.audit.cipher import Cipher, cipher_of, plain
from runtime.audit.ledger import Ledger, State, Status, open_log
from runtime.audit.lookup import Names
from runtime.audit.writer import Late, Writer
from runtime.logs import get_logger
from runtime.settings import Settings

log = get_logger("audit")
# Within the hard limit of a hook call, and apart from the budget for fetching.
WAIT_SECONDS = 1.0


class AuditError(Exception):
    """The record could not be made durable; what it records must not leave Vigil."""


class Audit:
    """The audit log of one host, shared by all its workers."""

    def __init__(self, path: str | Path, cipher: Cipher | None = None):
        self.path = Path(path)
        self._cipher = cipher
        self._names = Names([*(cipher.secrets("vigil lookup") if cipher else ()), b""])
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._told: Status = "ok"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # All workers may be the first at once, and only one can make the tables.
            with Ledger(self.path) as ledger:
                ledger.prepare()
                self._fill()
        except sqlite3.OperationalError as error:
            # A full disk is no reason not to start: the reserve has room.
            log.error("audit", status="failed", error=error.sqlite_errorname)
        except (OSError, sqlite3.Error) as error:
            raise AuditError(f"The audit log {self.path} can't be opened: {error}.") from None

    def _fill(self) -> None:
        """Let the records be found that an older Vigil left; not without the key of the bodies."""
        with suppress(*segments.UNREADABLE), closing(open_log(self.path)) as db:
            lookup.fill(db, self._names, lambda row: plain(self._cipher, *row))

    def state(self) -> State:
        """Return how writing goes, as this process and the reserve on disk know it.

        A batch that hangs for longer than its callers wait counts as failed.
        """
        process = self._of_process()
        state, began = process.ledger.state, process.ledger.began
        if began and time.monotonic() - began > WAIT_SECONDS:
            return replace(state, status="failed", error="slow")
        if state.status == "ok" and process.ledger.reserve.held():
            return replace(state, status="reserve")
        return state

    def append(self, type: str, record: dict[str, Any]) -> int:
        """Write one record and return its seq once it is on disk.

        `assessment_id` and `hook_instance` of the record are indexed. Raises AuditError after
        WAIT_SECONDS at most; if it was written after all, a record `not-delivered` follows it.
        """
        return self.append_all([(type, record)])[0]

    def append_all(self, records: Sequence[tuple[str, dict[str, Any]]]) -> list[int]:
        """Write records behind each other, all or none, and return their seqs; see `append`."""
        if not records:
            return []
        rows = [
            _row(type, record)._replace(names=self._names.written(type, record))
            for type, record in records
        ]
        if self._cipher:
            rows = [self._cipher.hide(row) for row in rows]
        try:
            late = partial(_not_delivered, records)
            return self._of_process().writer.put(rows, WAIT_SECONDS, late)
        except Late:
            raise AuditError("The audit record could not be written in time.") from None
        except (OSError, sqlite3.Error) as error:
            raise AuditError(f"The audit record could not be written: {error}.") from None
        finally:
            self._alarm()

    def _alarm(self) -> None:
        """Log each change for better or worse, from the caller's side: a thread of the system must
        not take the locks of the log.
        """
        state = self.state()
        if state.status != self._told:
            self._told = state.status
            say = log.warning if state.status == "ok" else log.error
            say("audit", status=state.status, error=state.error)

    def find_assessment(self, assessment_id: str) -> dict[str, Any] | None:
        """Return the record that first carried this assessment id, sealed months included, or
        None.
        """
        query = "SELECT ts, type, body FROM audit WHERE assessment_id = ? ORDER BY seq LIMIT 1"
        found = next(self._read(query, assessment_id), None)
        try:
            sealed = None if found else segments.find(self.path, assessment_id)
            return self._decoded(sealed) if sealed else found
        except segments.UNREADABLE as error:
            raise AuditError(f"A sealed month can't be read: {error}.") from None

    def of_assessment(self, assessment_id: str, type: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a type that carry this assessment id, oldest first."""
        query = "SELECT ts, type, body FROM audit WHERE assessment_id = ? AND type = ? ORDER BY seq"
        yield from self._read(query, assessment_id, type)

    def find_hook(self, hook_instance: str, hook: str) -> dict[str, Any] | None:
        """Return the record of the first call of a hook with this hookInstance, or None; sealed
        months are not looked at, which hold nothing of the last hour.
        """
        # Some client may give all its calls one hookInstance, and looking must stay cheap then.
        query = "SELECT ts, type, body FROM audit WHERE hook_instance = ? ORDER BY seq LIMIT 8"
        found = self._read(query, hook_instance)
        return next((record for record in found if record.get("hook") == hook), None)

    def records(
        self, limit: int | None = None, type: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield records, newest first, sealed months included, with their `seq`, `ts`, `type` and
        `hash`. Raises AuditError.
        """
        try:
            for seq, ts, kind, hashed, body in islice(segments.newest(self.path, type), limit):
                found = self._decoded((ts, kind, body)) or {}
                yield {"seq": seq, "ts": ts, "type": kind, "hash": hashed} | found
        except segments.UNREADABLE as error:
            raise AuditError(f"The audit log can't be read on: {error}.") from None

    def of_person(
        self, ehr: str, user: str, since: datetime, *types: str
    ) -> Iterator[dict[str, Any]]:
        """Yield the records of some types whose `user` or `fhir_user` is this person of an EHR,
        newest first, from `since` on (aware UTC, a week back at most), sealed months included.

        Who has the same type and id at another server comes too: compare by people.relative.
        Raises AuditError.
        """
        yield from self._about("person", ehr, user, since, types)

    def of_patient(
        self, ehr: str, patient: str, since: datetime, *types: str
    ) -> Iterator[dict[str, Any]]:
        """Yield the records of some types about a patient of an EHR; see `of_person`."""
        yield from self._about("patient", ehr, patient, since, types)

    def of_unit(
        self, ehr: str, unit: str, since: datetime, *types: str
    ) -> Iterator[dict[str, Any]]:
        """Yield the records of some types of a unit of an EHR; see `of_person`."""
        yield from self._about("unit", ehr, unit, since, types)

    def whole_since(self) -> datetime | None:
        """Return since when `of_person` and its like know every record of this host: a log from an
        older Vigil was read for two days back; None where that could not be done.
        """
        try:
            with sqlite.reading(self.path) as db:
                return lookup.whole_since(db)
        except sqlite3.Error as error:
            raise AuditError(f"The audit log can't be read: {error}.") from None

    def _about(
        self, kind: str, ehr: str, name: str, since: datetime, types: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        names = [one for type in types for one in self._names.of(type, kind, ehr, name)]
        try:
            for seq, ts, kind, body in segments.found(self.path, names, since):
                yield {"seq": seq, "ts": ts, "type": kind} | self._decoded((ts, kind, body))
        except segments.UNREADABLE as error:
            raise AuditError(f"The audit log can't be read: {error}.") from None

    @property
    def alarm(self) -> str | None:
        """Return what was found that does not fit the log's checkpoints, or None."""
        return raised(self.path)

    def _read(self, query: str, *values: str) -> Iterator[dict[str, Any]]:
        """Yield the records of rows of ts, type and stored body."""
        with self._lock:
            try:
                rows = self._reader().execute(query, values).fetchall()
                found = [self._decoded(row) for row in rows]
            except segments.UNREADABLE as error:
                self._of_process().reader = None
                raise AuditError(f"The audit log can't be read: {error}.") from None
        yield from found

    def _decoded(self, row: tuple[str, str, bytes]) -> dict[str, Any]:
        """Return the record of ts, type and stored body."""
        found: dict[str, Any] = msgspec.json.decode(plain(self._cipher, *row))
        return found

    def _reader(self) -> sqlite3.Connection:
        process = self._of_process()
        if process.reader is None:
            process.reader = open_log(self.path)
        return process.reader

    def _of_process(self) -> "_Process":
        # Neither threads nor SQLite connections outlive a fork, so each process makes its own.
        if self._process is None or self._process.pid != os.getpid():
            try:
                self._process = _Process(self.path)
            except OSError as error:
                raise AuditError(f"The audit log {self.path} can't be opened: {error}.") from None
        return self._process


def audit_of(settings: Settings) -> Audit:
    """Return the audit log of a configuration. Raises AuditError, SecretFileError."""
    return Audit(settings.audit_path, cipher_of(settings.audit_key_path))


class _Process:
    """What one process holds of the log: a connection to read by, and its writer."""

    def __init__(self, path: Path):
        self.pid = os.getpid()
        self.reader: sqlite3.Connection | None = None
        self.ledger = Ledger(path)
        self.writer = Writer(self.ledger)


def _row(type: str, record: dict[str, Any]) -> Row:
    ts = datetime.now(UTC).isoformat(timespec="milliseconds")
    names = record.get("assessment_id"), record.get("hook_instance")
    return Row(ts, type, *names, msgspec.json.encode(record))


def _not_delivered(records: Sequence[tuple[str, dict[str, Any]]], seqs: list[int]) -> list[Row]:
    """Return the record which says of others that nobody waited for them: no answer left."""
    type, first = records[0]
    names = {name: first.get(name) for name in ("assessment_id", "hook_instance", "request_id")}
    of = {"of": type, "of_seq": seqs[0], "records": len(records), "reason": "late"}
    return [_row("not-delivered", of | names)]
