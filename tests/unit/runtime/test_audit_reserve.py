"""When the database can't take a record: a full, small tmpfs, and a database that is held."""

import os
import sqlite3

import pytest

from runtime.audit import ledger
from runtime.audit.chain import Row
from runtime.audit.log import Audit, AuditError
from runtime.audit.reserve import SIZE, Reserve
from tests.support.chained import chain
from tests.support.small_disk import fill


def until_refused(audit, size=5000):
    """Append until nothing takes a record any more; return how many were told to be durable."""
    for count in range(5000):
        try:
            audit.append("hook", {"n": count, "x": "y" * size})
        except AuditError:
            return count
    raise AssertionError("the disk never was full")


def numbers(audit, type="hook"):
    return [record["n"] for record in audit.records(type=type)][::-1]


def retry_at_once(monkeypatch):
    monkeypatch.setattr(ledger, "RETRY_SECONDS", 0)


@pytest.mark.rule("G5")
def test_a_full_disk_takes_records_still_and_they_come_into_the_chain_in_order(small, monkeypatch):
    """Each record that was told to be durable is there, once, and nothing else; `reserve` says
    what had waited.
    """
    monkeypatch.setattr(ledger, "RETRY_SECONDS", 1000)
    audit = Audit(small / "audit.sqlite")
    audit.append("hook", {"n": -1})
    fill(small)
    told = until_refused(audit)
    assert told > 500 and audit.state().status == "failed"
    assert audit.state().error == "ENOSPC"
    (small / "ballast").unlink()
    audit._process.ledger._next_try = 0
    audit.append("hook", {"n": told})
    assert numbers(audit) == [*range(-1, told + 1)] and audit.state().status == "ok"
    assert chain(audit).broken_at is None
    mark = next(audit.records(type="reserve"))
    assert mark["records"] > 500 and mark["from"] <= mark["to"]


@pytest.mark.rule("G5")
def test_a_start_on_a_full_disk_answers_from_the_reserve(small, monkeypatch):
    """The database can't even be opened then: SQLite has no room for the files beside it."""
    retry_at_once(monkeypatch)
    first = Audit(small / "audit.sqlite")
    first.append("hook", {"n": 0})
    first._process.ledger._leave_database()
    fill(small)
    audit = Audit(small / "audit.sqlite")
    assert audit.append("hook", {"n": 1}) == 0 and audit.state().status == "reserve"
    (small / "ballast").unlink()
    assert numbers(Audit(small / "audit.sqlite")) == [0, 1]


@pytest.mark.rule("G5")
def test_a_database_that_is_held_sends_records_to_the_reserve(tmp_path, monkeypatch):
    retry_at_once(monkeypatch)
    audit = Audit(tmp_path / "audit.sqlite")
    audit.append("hook", {"n": 0})
    with sqlite3.connect(audit.path, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert audit.append("hook", {"n": 1}) == 0
        assert audit.state().status == "reserve" and audit.state().error == "SQLITE_BUSY"
        holder.execute("ROLLBACK")
    holder.close()
    assert audit.append("hook", {"n": 2}) == 4 and numbers(audit) == [0, 1, 2]


@pytest.mark.rule("G5")
def test_a_restart_finds_what_the_reserve_holds(tmp_path):
    audit = Audit(tmp_path / "audit.sqlite")
    held = [
        Row("2026-01-01T00:00:00.000+00:00", "hook", "a", None, b'{"n":%d}' % n) for n in (1, 2)
    ]
    audit._of_process().ledger.reserve.append(held[:1])
    audit._of_process().ledger.reserve.append(held[1:])
    assert audit.state().status == "reserve"
    again = Audit(audit.path)
    assert numbers(again) == [1, 2] and again.find_assessment("a") == {"n": 1}
    assert again.state().status == "ok" and chain(again).broken_at is None


@pytest.mark.rule("G3")
def test_a_kill_between_moving_and_emptying_doubles_nothing(tmp_path, monkeypatch):
    """Whatever was added to the reserve since is moved, and only that."""
    audit = Audit(tmp_path / "audit.sqlite")
    reserve = audit._of_process().ledger.reserve
    row = Row("2026-01-01T00:00:00.000+00:00", "hook", None, None, b'{"n":1}')
    reserve.append([row])
    with monkeypatch.context() as patch:
        patch.setattr(Reserve, "empty", lambda self: None)
        Audit(audit.path)
        assert reserve.held() and numbers(audit) == [1]
        reserve.append([row._replace(body=b'{"n":2}')])
        Audit(audit.path)
    Audit(audit.path)
    assert not reserve.held() and numbers(audit) == [1, 2]


def test_half_a_batch_at_the_end_is_not_read_and_written_over(tmp_path):
    reserve = Reserve(tmp_path / "reserve")
    row = Row("2026", "hook", None, None, b"{}")
    reserve.append([row])
    end = len((tmp_path / "reserve").read_bytes().rstrip(b"\0"))
    reserve.append([row, row])
    with (tmp_path / "reserve").open("r+b") as file:
        file.seek(end + 40)
        file.write(b"garbage")
    assert [rows for _, rows in reserve.read()] == [[row]]
    reserve.append([row._replace(type="page")])
    assert [len(rows) for _, rows in reserve.read()] == [1, 1]


def test_what_an_earlier_use_left_behind_is_not_read(tmp_path):
    reserve = Reserve(tmp_path / "reserve")
    rows = [Row("2026", kind, None, None, b"{}") for kind in ("one1", "two2", "tri3")]
    reserve.append(rows[:1])
    reserve.append(rows[1:2])
    reserve.empty()
    assert not reserve.held() and not list(reserve.read())
    reserve.append(rows[2:])
    assert [batch for _, batch in reserve.read()] == [rows[2:]]


def test_the_room_is_really_taken_and_never_passed(tmp_path):
    reserve = Reserve(tmp_path / "reserve")
    stat = (tmp_path / "reserve").stat()
    assert stat.st_size == SIZE and stat.st_blocks * 512 >= SIZE and stat.st_mode & 0o77 == 0
    row = Row("2026", "hook", None, None, os.urandom(100_000))
    count = 0
    with pytest.raises(OSError, match="full"):
        while reserve.append([row]) is None:
            count += 1
    assert count == SIZE // 100_100
    assert sum(len(rows) for _, rows in reserve.read()) == count
    assert (tmp_path / "reserve").stat().st_size == SIZE
