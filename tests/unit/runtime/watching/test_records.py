"""How the audit log is seen while it can't be written (G5)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runtime.audit.ledger import State
from runtime.audit.log import AuditError
from runtime.watching import records
from runtime.watching.records import Records


class Log:
    """Stands for Audit: `status` is how it does, `written` what came through."""

    def __init__(self):
        self.found = State(since=datetime.now(UTC) - timedelta(minutes=1), seconds=0.012)
        self.heals, self.tried, self.alarm = False, [], None

    def state(self):
        return self.found

    def append(self, type, record):
        self.tried.append(type)
        if not self.heals:
            raise AuditError("no room")
        self.found = replace(self.found, status="ok", error=None)


@pytest.mark.rule("G5")
@pytest.mark.parametrize(
    ("status", "error", "seen", "why"),
    [
        ("ok", None, "ok", "last write 12 ms"),
        ("reserve", "SQLITE_FULL", "degraded", "reserve, SQLITE_FULL, last write 12 ms"),
        ("failed", "SQLITE_FULL", "down", "failed, SQLITE_FULL, last write 12 ms"),
    ],
)
def test_the_log_is_seen_as_it_does(status, error, seen, why):
    """In the reserve cards still come; only where nothing can be written they do not."""
    log = Log()
    log.found = replace(log.found, status=status, error=error)
    told = Records(log).state()
    assert (told.state, told.why) == (seen, why)
    assert 55 < told.age < 600


@pytest.mark.rule("G5")
def test_a_log_that_failed_is_tried_until_it_is_well(monkeypatch):
    """No call comes by while it is down, so a record of its own is tried every ten seconds."""
    now = [1000.0]
    monkeypatch.setattr(records.time, "monotonic", lambda: now[0])
    log = Log()
    log.found = replace(log.found, status="failed")
    watched = Records(log)
    assert [watched.state().state for _ in range(3)] == ["down"] * 3
    assert log.tried == ["audit-failed"]
    log.heals, now[0] = True, 1011.0
    assert watched.state().state == "ok" and len(log.tried) == 2
    watched.state()
    assert len(log.tried) == 2


def test_an_alarm_of_the_proof_is_seen():
    """It costs no card, and stays until it is cleared; what it found is for the command."""
    log = Log()
    assert Records(log).proof().state == "ok"
    log.alarm = "record 7 is gone\n"
    told = Records(log).proof()
    assert (told.state, told.why) == ("degraded", "does not fit its checkpoints")
