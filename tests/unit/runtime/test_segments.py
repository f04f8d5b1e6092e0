"""Sealed months: what is moved stays provable and findable, and goes only by policy."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest

from runtime.audit import segments
from runtime.audit.log import Audit, AuditError
from runtime.audit.proof import archive, checkpoints, notary
from runtime.audit.proof.book import open_book
from runtime.audit.proof.export import lines
from runtime.audit.proof.verify import verify
from tests.support.chained import write_at

NOW = datetime(2026, 11, 20, tzinfo=UTC)


class Bench:
    """A log whose checkpoints are of August, September, October and November, each after twenty
    records.
    """

    def __init__(self, folder, monkeypatch):
        self.folder, self.log, self.kept = folder, folder / "audit.sqlite", folder / "kept"
        for month in (8, 9, 10, 11):
            write_at(monkeypatch, datetime(2026, month, 15, tzinfo=UTC))
            self.write(f"{month}")
            notary.checkpoint(self.log, self.kept)

    def write(self, name):
        rows = [
            ("hook", {"assessment_id": f"{name}-{number}", "chart": {"readings": ["8867-4"] * 50}})
            for number in range(20)
        ]
        Audit(self.log).append_all(rows)

    def book(self):
        return open_book(self.kept, notary.trusted(self.folder))

    def seal(self, now=NOW):
        return [file.name for file in archive.seal_months(self.log, self.book(), now)]

    def report(self):
        return verify(self.log, self.book())


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """The four months."""
    return Bench(tmp_path, monkeypatch)


MONTHS = ["audit-2026-08.sqlite", "audit-2026-09.sqlite", "audit-2026-10.sqlite"]


def test_months_that_are_over_are_sealed_and_nothing_changes(bench):
    """Same records, same hashes, same report; sealed twice is sealed once."""
    before, report = list(Audit(bench.log).records()), bench.report()
    exported = list(lines(bench.log, 1, None))
    assert bench.seal() == MONTHS and bench.seal() == []
    assert list(Audit(bench.log).records()) == before and bench.report() == report
    assert list(lines(bench.log, 1, None)) == exported
    assert Audit(bench.log).find_assessment("9-3") == Audit(bench.log).find_assessment("9-3")
    assert Audit(bench.log).find_assessment("9-3")["assessment_id"] == "9-3"
    assert [r["assessment_id"] for r in Audit(bench.log).records(2, "hook")] == ["11-19", "11-18"]
    with closing(sqlite3.connect(bench.log)) as db:
        assert db.execute("SELECT min(seq) FROM audit").fetchone()[0] == 63
    assert {oct((bench.folder / name).stat().st_mode & 0o777) for name in MONTHS} == {"0o400"}


def test_sealed_records_are_smaller(bench):
    bench.seal()
    with closing(sqlite3.connect(bench.folder / MONTHS[0])) as db:
        packed = db.execute("SELECT sum(length(body)) FROM audit").fetchone()[0]
    plain = sum(len(line) for line in lines(bench.log, 1, 20))
    assert packed < plain / 5


def test_the_last_record_of_all_stays_so_that_the_chain_goes_on(bench):
    """Also when the whole log is of months that are over."""
    bench.seal(datetime(2027, 2, 1, tzinfo=UTC))
    bench.write("later")
    assert bench.report().troubles == [] and bench.report().records == 104
    with closing(sqlite3.connect(bench.log)) as db:
        assert db.execute("SELECT min(seq) FROM audit").fetchone()[0] == 84


def test_the_newest_hour_stays_in_the_live_file(bench):
    """A repeated call is looked for there alone."""
    assert bench.seal(datetime(2026, 12, 1, 0, 30, tzinfo=UTC)) == MONTHS
    assert bench.seal(datetime(2026, 12, 1, 1, 30, tzinfo=UTC)) == ["audit-2026-11.sqlite"]


def test_a_seal_that_was_killed_is_ended_by_the_next(bench, monkeypatch):
    """Before the file had its name, and before the live one was trimmed."""
    (bench.folder / "audit-2026-08.part").write_bytes(b"half")
    with monkeypatch.context() as patch:
        patch.setattr(segments, "trim", lambda log: None)
        assert bench.seal() == MONTHS
    report = bench.report()
    assert report.troubles == [] and len(list(Audit(bench.log).records())) == 84
    bench.seal()
    assert bench.report() == report and len(list(Audit(bench.log).records())) == 84


def test_what_is_done_to_the_live_copy_of_a_sealed_record_is_found(bench, monkeypatch):
    """A page would be shown the live one."""
    monkeypatch.setattr(segments, "trim", lambda log: None)
    bench.seal()
    change(bench.log, "UPDATE audit SET ts = '2020' WHERE seq = 30")
    assert [one.text for one in bench.report().troubles] == ["record 30 was changed."]
    change(bench.log, f"UPDATE audit SET hash = '{'0' * 64}' WHERE seq = 62")
    found = [one.text for one in bench.report().troubles]
    assert "record 62 in audit.sqlite is not the one that was there." in found, found


def test_records_are_written_while_a_month_is_sealed(bench):
    writer = threading.Thread(target=lambda: [bench.write("meanwhile") for _ in range(10)])
    writer.start()
    bench.seal()
    writer.join()
    assert bench.report().troubles == [] and bench.report().records == 284


def change(path, statement):
    path.chmod(0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(statement)


ATTACKS = {
    "a sealed body": (
        lambda b: change(b.folder / MONTHS[1], "UPDATE audit SET body = x'78' WHERE seq = 30"),
        "record 30 was changed.",
    ),
    "the dictionary": (
        lambda b: change(b.folder / MONTHS[1], "DELETE FROM dictionary"),
        "record 22 was changed.",
    ),
    "a sealed record removed": (
        lambda b: change(b.folder / MONTHS[1], "DELETE FROM audit WHERE seq = 30"),
        "record 30 is missing.",
    ),
    "a sealed file removed": (
        lambda b: (b.folder / MONTHS[1]).unlink(),
        "records 21 to 41 are missing.",
    ),
    "the oldest removed without a word": (
        lambda b: (b.folder / MONTHS[0]).unlink(),
        "records 1 to 20 are missing.",
    ),
    "a sealed file of garbage": (
        lambda b: ((b.folder / MONTHS[1]).chmod(0o600), (b.folder / MONTHS[1]).write_text("x" * 9)),
        "audit-2026-09.sqlite can't be read: file is not a database.",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_done_to_a_sealed_month_is_found(bench, attack):
    bench.seal(datetime(2027, 2, 1, tzinfo=UTC))
    spoil, sentence = ATTACKS[attack]
    spoil(bench)
    assert any(sentence in one.text for one in bench.report().troubles), bench.report().troubles


@pytest.mark.parametrize("spoil", ["x'78'", "'text'"])
def test_a_damaged_month_is_a_sentence_to_whoever_reads(bench, spoil):
    """For page, command and export; what is in the live file is still found."""
    bench.seal()
    change(bench.folder / MONTHS[1], f"UPDATE audit SET body = {spoil} WHERE seq = 25")
    assert Audit(bench.log).find_assessment("11-3")
    for read in (
        lambda: Audit(bench.log).find_assessment("9-3"),
        lambda: list(Audit(bench.log).records()),
        lambda: list(lines(bench.log, 1, None)),
    ):
        with pytest.raises(AuditError, match="can't be read"):
            read()


def test_what_is_pruned_is_said_and_the_rest_still_verifies(bench):
    """Whole months, the oldest first; their checkpoints stay."""
    bench.seal()
    removed = archive.prune(bench.log, datetime(2026, 10, 1, tzinfo=UTC))
    assert [one.file for one in removed] == MONTHS[:2]
    report = bench.report()
    assert report.troubles == []
    assert any("records up to 41 were removed" in note for note in report.notes), report.notes
    assert len(list(checkpoints.read(bench.kept))) == 4
    assert not archive.prune(bench.log, datetime(2026, 10, 1, tzinfo=UTC))
    (bench.folder / MONTHS[2]).unlink()
    assert any("are missing" in one.text for one in bench.report().troubles)


def test_a_removal_that_the_policy_never_made_is_found(bench):
    """A record that tells of one has to know what the next record follows."""
    bench.seal()
    for name in MONTHS[:2]:
        (bench.folder / name).unlink()
    told = {"file": MONTHS[1], "last": 41, "head": "0" * 64, "before": "2026-10-01"}
    Audit(bench.log).append("pruned", told)
    found = [one.text for one in bench.report().troubles]
    assert "record 42 does not follow the record before it." in found, found


def test_an_export_proves_itself(bench):
    """Whoever has the lines can compute each hash anew."""
    import json
    from hashlib import sha256

    bench.seal()
    for line in lines(bench.log, 15, 30):
        record = json.loads(line)
        names = ("prev", "seq", "ts", "type", "assessment_id", "hook_instance")
        head = json.dumps([record[name] for name in names], separators=(",", ":"))
        body = line.split('"body":', 1)[1].rsplit(',"prev":', 1)[0]
        assert sha256((head + body).encode()).hexdigest() == record["hash"]
        assert 15 <= record["seq"] <= 30


def test_a_backup_made_while_writing_verifies_after_a_restore(bench, tmp_path):
    """By SQLite's own backup; the checkpoints are copied after it, so it may lack what they saw."""
    writer = threading.Thread(target=lambda: [bench.write("meanwhile") for _ in range(10)])
    writer.start()
    away = tmp_path / "backup"
    away.mkdir()
    with (
        closing(sqlite3.connect(bench.log)) as live,
        closing(sqlite3.connect(away / "audit.sqlite")) as db,
    ):
        live.backup(db)
    writer.join()
    (away / "checkpoint-key").write_bytes((bench.folder / "checkpoint-key").read_bytes())
    (away / "checkpoint-key").chmod(0o600)
    found = verify(away / "audit.sqlite", open_book(bench.kept, notary.trusted(away)))
    assert found.troubles == [] and found.records >= 84
