"""The audit log: durable, private, chained, shared by threads and processes."""

import multiprocessing
import os
import sqlite3
import threading

import pytest

from runtime.audit.log import Audit, AuditError
from tests.support.chained import chain


@pytest.fixture
def audit(tmp_path):
    return Audit(tmp_path / "new" / "audit.db")


def fill(audit, count=5):
    return [
        audit.append(
            "hook",
            {
                "assessment_id": f"a{number}",
                "hook_instance": f"h{number}",
                "hook": "patient-view",
                "n": number,
            },
        )
        for number in range(count)
    ]


def tamper(audit, statement):
    with sqlite3.connect(audit.path) as db:
        db.execute(statement)
    db.close()


def test_records_come_back_by_name_and_newest_first(audit):
    assert fill(audit) == [1, 2, 3, 4, 5]
    audit.append("page", {"n": 9})
    assert audit.find_assessment("a3")["n"] == 3 and audit.find_hook("h2", "patient-view")["n"] == 2
    assert audit.find_assessment("none") is None
    assert [record["n"] for record in audit.records()] == [9, 4, 3, 2, 1, 0]
    assert [record["seq"] for record in audit.records(2, "hook")] == [5, 4]


def test_the_first_record_of_a_name_is_the_one(audit):
    for n, hook in enumerate(["patient-view", "encounter-start"] * 2):
        audit.append("hook", {"hook_instance": "h", "hook": hook, "n": n})
    assert audit.find_hook("h", "patient-view")["n"] == 0
    assert audit.find_hook("h", "encounter-start")["n"] == 1
    assert audit.find_hook("h", "encounter-discharge") is None


def test_the_files_are_private(audit):
    fill(audit)
    assert {oct(path.stat().st_mode & 0o777) for path in audit.path.parent.iterdir()} == {"0o600"}


def test_a_whole_chain_verifies(audit):
    assert chain(audit) == (0, None, "0" * 64)
    fill(audit)
    assert chain(audit).records == 5 and chain(audit).broken_at is None


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit SET body = '{}' WHERE seq = 3", 3),
        ("UPDATE audit SET ts = '2020-01-01' WHERE seq = 3", 3),
        ("UPDATE audit SET assessment_id = 'x' WHERE seq = 1", 1),
        ("UPDATE audit SET type = 'page' WHERE seq = 5", 5),
        ("DELETE FROM audit WHERE seq = 2", 3),
        ("DELETE FROM audit WHERE seq = 1", 2),
        ("UPDATE audit SET seq = 9 WHERE seq = 5", 9),
    ],
)
def test_every_change_is_found(audit, statement, broken_at):
    fill(audit)
    tamper(audit, statement)
    assert chain(audit).broken_at == broken_at


def _append_many(path, count):
    for number in range(count):
        Audit(path).append("hook", {"n": number})


def test_processes_and_threads_share_one_chain(audit):
    fork = multiprocessing.get_context("fork")
    audit.append("start", {})
    children = [fork.Process(target=_append_many, args=(audit.path, 20)) for _ in range(3)]
    threads = [threading.Thread(target=fill, args=(audit, 20)) for _ in range(3)]
    for worker in (*children, *threads):
        worker.start()
    for worker in (*children, *threads):
        worker.join()
    assert chain(audit).records == 121 and chain(audit).broken_at is None


def test_a_forked_worker_opens_a_connection_of_its_own(audit):
    audit.append("start", {})
    child = os.fork()
    if child == 0:
        os._exit(0 if audit.append("child", {}) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert audit.append("parent", {}) == 3


def test_a_place_that_cannot_be_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditError):
        Audit(tmp_path / "file" / "audit.db")


def _open_first(path, ready, failures):
    ready.wait()
    try:
        Audit(path).append("start", {})
    except AuditError as error:
        failures.put(str(error))


def test_workers_may_all_be_the_first(tmp_path):
    fork = multiprocessing.get_context("fork")
    for number in range(5):
        ready, failures = fork.Barrier(6), fork.Queue()
        workers = [
            fork.Process(target=_open_first, args=(tmp_path / f"{number}.db", ready, failures))
            for _ in range(6)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert failures.empty()
        assert chain(Audit(tmp_path / f"{number}.db")).records == 6
