"""One fsync for all that wait, nothing waited for beyond a second, and what kill -9 leaves."""

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runtime.audit import ledger, log
from runtime.audit.log import Audit, AuditError
from tests.support.chained import chain

ROOT = Path(__file__).parents[3]
# Appends from four threads and tells each seq, until it is killed.
CHILD = """
import os, sys, threading
from runtime.audit.log import Audit
audit = Audit(sys.argv[1])
def fill():
    while True:
        os.write(1, b"%d\\n" % audit.append("hook", {"x": "y" * 3000}))
for _ in range(4):
    threading.Thread(target=fill).start()
"""
# Counts what the loop of gevent does while one record takes 0.5 s of a thread of the system.
LOOP = """
from gevent import monkey
monkey.patch_all()
import sys, time, gevent
from runtime.audit import ledger
from runtime.audit.log import Audit
extend, sleep = ledger.extend, monkey.get_original("time", "sleep")
def slowly(db, rows):
    sleep(0.5)
    return extend(db, rows)
ledger.extend = slowly
audit, ticks = Audit(sys.argv[1]), []
calls = [gevent.spawn(audit.append, "hook", {"n": n}) for n in range(5)]
while not all(call.ready() for call in calls):
    gevent.sleep(0.01)
    ticks.append(1)
print(len(ticks), sorted(call.get() for call in calls))
"""


@pytest.fixture
def audit(tmp_path):
    return Audit(tmp_path / "audit.sqlite")


class Gate:
    """Stands in for a disk: each transaction waits until it is let through."""

    def __init__(self, monkeypatch):
        self.batches, self._open, self._extend = [], threading.Event(), ledger.extend
        monkeypatch.setattr(ledger, "extend", self)

    def __call__(self, db, rows):
        self.batches.append([row.type for row in rows])
        assert self._open.wait(20)
        return self._extend(db, rows)

    def let_through(self):
        self._open.set()


def begin(target, *args):
    thread = threading.Thread(target=target, args=args)
    thread.start()
    return thread


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def types(audit):
    return [record["type"] for record in audit.records()][::-1]


def test_all_that_wait_are_written_together(audit, monkeypatch):
    """What comes while a transaction is under way is in the next one, all of it."""
    monkeypatch.setattr(log, "WAIT_SECONDS", 20)
    gate = Gate(monkeypatch)
    threads = [begin(audit.append, "first", {})]
    until(lambda: gate.batches)
    threads += [begin(audit.append, "hook", {"n": n}) for n in range(20)]
    until(lambda: audit._process.writer._queue.qsize() == 20)
    gate.let_through()
    for thread in threads:
        thread.join()
    assert gate.batches == [["first"], ["hook"] * 20]
    assert chain(audit) == (21, None, chain(audit).head)


def test_several_records_are_one_commit_and_keep_their_order(audit, monkeypatch):
    gate = Gate(monkeypatch)
    gate.let_through()
    assert audit.append_all([("feedback", {"n": n}) for n in range(500)]) == [*range(1, 501)]
    assert audit.append_all([]) == [] and len(gate.batches) == 1
    assert [record["n"] for record in audit.records()] == [*range(499, -1, -1)]


@pytest.mark.rule("G5")
def test_a_record_that_is_not_begun_in_time_is_not_written(audit, monkeypatch):
    """Whoever waits gets an error after WAIT_SECONDS; his record, still in the queue, is gone."""
    gate = Gate(monkeypatch)
    monkeypatch.setattr(log, "WAIT_SECONDS", 20)
    first = begin(audit.append, "first", {})
    until(lambda: gate.batches)
    monkeypatch.setattr(log, "WAIT_SECONDS", 0.05)
    with pytest.raises(AuditError, match="in time"):
        audit.append("withdrawn", {})
    gate.let_through()
    first.join()
    monkeypatch.setattr(log, "WAIT_SECONDS", 20)
    audit.append("last", {})
    assert types(audit) == ["first", "last"]


@pytest.mark.rule("G5")
def test_a_record_that_was_late_is_not_taken_for_an_answer(audit, monkeypatch):
    """Its batch had begun: a record `not-delivered` that names it follows, in the log at once."""
    gate = Gate(monkeypatch)
    monkeypatch.setattr(log, "WAIT_SECONDS", 0.05)
    with pytest.raises(AuditError, match="in time"):
        audit.append("hook", {"assessment_id": "a1", "hook_instance": "h1", "shown": True})
    until(lambda: audit.state().status == "failed")
    assert audit.state().error == "slow"
    gate.let_through()
    monkeypatch.setattr(log, "WAIT_SECONDS", 20)
    audit.append("last", {})
    late = next(audit.records(type="not-delivered"))
    assert types(audit) == ["hook", "not-delivered", "last"]
    assert late["assessment_id"] == "a1" and late["of"] == "hook" and late["of_seq"] == 1
    assert audit.find_assessment("a1")["shown"] and audit.state().status == "ok"


def test_an_error_of_the_thread_reaches_all_who_wait_and_ends_nothing(audit, monkeypatch):
    def broken(self, rows):
        raise OSError("no such disk")

    with monkeypatch.context() as patch:
        patch.setattr(ledger.Ledger, "write", broken)
        for _ in range(3):
            with pytest.raises(AuditError, match="no such disk"):
                audit.append("hook", {})
    assert audit.append("hook", {}) == 1


def test_the_thread_ends_with_its_log(tmp_path):
    before = _thread._count()
    for number in range(5):
        Audit(tmp_path / f"{number}.sqlite").append("hook", {})
    until(lambda: _thread._count() <= before)


@pytest.mark.rule("G3")
def test_kill_9_leaves_every_told_record_and_a_whole_chain(tmp_path):
    """In the middle of batches of two processes: the locks are free at once, nothing told is
    missing.
    """
    path = tmp_path / "audit.sqlite"
    told = []
    for number in range(4):
        children = [
            subprocess.Popen([sys.executable, "-c", CHILD, path], cwd=ROOT, stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        first = [child.stdout.readline() for child in children]
        time.sleep(0.05 * number)
        for child in children:
            child.send_signal(signal.SIGKILL)
        rest = [line for child in children for line in child.communicate()[0].splitlines(True)]
        told += [int(line) for line in (*first, *rest) if line.endswith(b"\n")]
        told.append(Audit(path).append("hook", {}))
    audit = Audit(path)
    written = {record["seq"] for record in audit.records()}
    assert len(told) == len(set(told)) and set(told) <= written
    assert chain(audit).broken_at is None


@pytest.mark.rule("G5")
def test_the_loop_of_gevent_runs_on_while_a_record_is_written(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", LOOP, tmp_path / "audit.sqlite"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    ticks, seqs = run.stdout.split(" ", 1)
    assert int(ticks) >= 5 and seqs.strip() == "[1, 2, 3, 4, 5]", run.stderr


def test_a_fork_in_the_middle_of_use_gives_the_child_a_thread_of_its_own(audit):
    audit.append("parent", {})
    child = os.fork()
    if child == 0:
        os._exit(0 if [audit.append("child", {}) for _ in range(3)] == [2, 3, 4] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert audit.append("parent", {}) == 5 and chain(audit).broken_at is None
