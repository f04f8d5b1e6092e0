"""Each way to falsify an audit log, against a log with checkpoints: `verify` finds it and names
the place.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from runtime.audit.chain import Row, digest, extend
from runtime.audit.log import Audit
from runtime.audit.proof import notary
from runtime.audit.proof.book import open_book
from runtime.audit.proof.checkpoints import FILE, read, sign
from runtime.audit.proof.verify import verify


class Bench:
    """A log of 22 records: ten, a checkpoint and its record, ten, another."""

    def __init__(self, folder: Path):
        self.folder, self.log, self.checkpoints = folder, folder / "audit.sqlite", folder / "kept"
        self.file = self.checkpoints / FILE
        for _ in range(2):
            self.write(10)
            notary.checkpoint(self.log, self.checkpoints)
        with closing(sqlite3.connect(self.log)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def write(self, count: int) -> None:
        Audit(self.log).append_all([("hook", {"n": number}) for number in range(count)])

    def sql(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.log, isolation_level=None)) as db:
            for statement in statements:
                db.execute(statement)

    def again(self, kept: str) -> None:
        """Make the chain anew of the rows that a condition keeps, as whoever knows the code can."""
        with closing(sqlite3.connect(self.log, isolation_level=None)) as db:
            rows = db.execute(
                f"SELECT ts, type, assessment_id, hook_instance, body FROM audit WHERE {kept} "
                "ORDER BY seq"
            ).fetchall()
            db.execute("DELETE FROM audit")
            extend(db, [Row(*row) for row in rows])

    def link(self, seq: int, prev: str) -> None:
        """Let a record follow another hash, and make its own fit."""
        with closing(sqlite3.connect(self.log, isolation_level=None)) as db:
            query = "SELECT ts, type, assessment_id, hook_instance, body FROM audit WHERE seq = ?"
            row = db.execute(query, (seq,)).fetchone()
            values = (prev, digest(prev, seq, row), seq)
            db.execute("UPDATE audit SET prev = ?, hash = ? WHERE seq = ?", values)

    def sign(self, number: int, **changes) -> None:
        """Change a checkpoint and sign it anew, as whoever has the key can."""
        key, lines = notary.private_key(self.folder), self.lines()
        kept = next(one for one in read(self.checkpoints) if one.signed.checkpoint.number == number)
        changed = msgspec.structs.replace(kept.signed.checkpoint, **changes)
        lines[number - 1] = msgspec.json.encode(sign(changed, key)).decode()
        self.keep(*lines)

    def lines(self) -> list[str]:
        return self.file.read_text("utf-8").splitlines()

    def keep(self, *lines: str) -> None:
        self.file.write_text("".join(f"{line}\n" for line in lines), "utf-8")

    def report(self, *elsewhere: Path):
        trusted = notary.trusted(self.folder)
        return verify(self.log, open_book(self.checkpoints, trusted, elsewhere))

    def found(self, *elsewhere: Path) -> list[str]:
        return [trouble.text for trouble in self.report(*elsewhere).troubles]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def bench(template, tmp_path):
    """A copy of the log for each test to spoil."""
    shutil.copytree(template.folder, tmp_path / "copy")
    copy = object.__new__(Bench)
    copy.folder = tmp_path / "copy"
    copy.log, copy.checkpoints = copy.folder / "audit.sqlite", copy.folder / "kept"
    copy.file = copy.checkpoints / FILE
    return copy


def other_key(bench):
    (bench.folder / "checkpoint-key").unlink()
    notary.private_key(bench.folder)


def garbage(bench, at: int, size: int = 2000):
    raw = bytearray(bench.log.read_bytes())
    raw[at : at + size] = b"\xa5" * size
    bench.log.write_bytes(raw)


def forged(bench, number: int, **changes) -> str:
    line = json.loads(bench.lines()[number - 1])
    return json.dumps(line | {"checkpoint": line["checkpoint"] | changes})


def test_a_whole_log_fits(bench):
    report = bench.report()
    assert report.troubles == [] and report.notes == []
    assert (report.records, report.since) == (22, 1)


IN_THE_LOG = {
    "a changed body": (
        lambda b: b.sql("""UPDATE audit SET body = '{"n":9}' WHERE seq = 3"""),
        ["record 3 was changed."],
    ),
    "a changed time": (
        lambda b: b.sql("UPDATE audit SET ts = '2020' WHERE seq = 13"),
        ["record 13 was changed."],
    ),
    "a changed name": (
        lambda b: b.sql("UPDATE audit SET assessment_id = 'x' WHERE seq = 1"),
        ["record 1 was changed."],
    ),
    "a removed record": (
        lambda b: b.sql("DELETE FROM audit WHERE seq = 5"),
        ["record 5 is missing."],
    ),
    "removed records": (
        lambda b: b.sql("DELETE FROM audit WHERE seq BETWEEN 5 AND 7"),
        ["records 5 to 7 are missing."],
    ),
    "the first one removed": (
        lambda b: b.sql("DELETE FROM audit WHERE seq = 1"),
        ["record 1 is missing."],
    ),
    "the one that a checkpoint saw last": (
        lambda b: b.sql("DELETE FROM audit WHERE seq = 10"),
        ["record 10 is missing."],
    ),
    "swapped records": (
        lambda b: b.sql(
            "UPDATE audit SET seq = -3 WHERE seq = 3",
            "UPDATE audit SET seq = 3 WHERE seq = 4",
            "UPDATE audit SET seq = 4 WHERE seq = -3",
        ),
        ["record 3 does not follow the record before it."],
    ),
    "a record that follows another one, hashed anew": (
        lambda b: b.link(22, "0" * 64),
        ["record 22 does not follow the record before it."],
    ),
    "a record renumbered": (
        lambda b: b.sql("UPDATE audit SET seq = 9000000000000 WHERE seq = 22"),
        ["records 22 to 8999999999999 are missing.", "record 9000000000000 was changed."],
    ),
    "a record with a number below the first": (
        lambda b: b.sql("UPDATE audit SET seq = -1 WHERE seq = 22"),
        ["record -1 of audit.sqlite stands before the first."],
    ),
    "records that pretend to tell of the log": (
        lambda b: Audit(b.log).append_all([("checkpoint", {}), ("pruned", {})]),
        ["checkpoint None, of which record 23 tells, is missing."],
    ),
    "a cut end": (
        lambda b: b.sql("DELETE FROM audit WHERE seq > 15"),
        ["saw 21 records; afterwards the log ended at 15: 6 were cut off."],
    ),
    "a cut end, and written on": (
        lambda b: (b.sql("DELETE FROM audit WHERE seq > 15"), b.write(20)),
        ["checkpoint 2 of", "another log: something from record 11 to 21 was made anew."],
    ),
    "an emptied table": (
        lambda b: b.sql("DELETE FROM audit"),
        ["afterwards the log ended at 0: 21 were cut off."],
    ),
    "a dropped table": (
        lambda b: b.sql("DROP TABLE audit"),
        ["audit.sqlite can't be read: no such table: audit.", "21 were cut off."],
    ),
    "a deleted file": (
        lambda b: b.log.unlink(),
        ["audit.sqlite is not there.", "21 were cut off."],
    ),
    "another file in its place": (
        lambda b: b.log.write_bytes(b"no database" * 1000),
        ["audit.sqlite can't be read: file is not a database.", "21 were cut off."],
    ),
    "everything hashed anew after a change": (
        lambda b: (b.sql("""UPDATE audit SET body = '{"n":9}' WHERE seq = 13"""), b.again("1")),
        ["something from record 11 to 21 was made anew."],
    ),
    "everything hashed anew after a removal": (
        lambda b: (b.again("seq != 3"), b.write(5)),
        ["something from record 1 to 10 was made anew."],
    ),
}


@pytest.mark.rule("G3")
@pytest.mark.parametrize("attack", IN_THE_LOG)
def test_what_is_done_to_the_log_is_found(bench, attack):
    spoil, sentences = IN_THE_LOG[attack]
    spoil(bench)
    found = bench.found()
    for sentence in sentences:
        assert any(sentence in text for text in found), found


TO_THE_CHECKPOINTS = {
    "forged": (lambda b: b.keep(b.lines()[0], forged(b, 2, records=15)), "checkpoint 2 (checkpoi"),
    "forged in what comes before a genuine one": (
        lambda b: b.keep(forged(b, 1, head="0" * 64), b.lines()[1]),
        "checkpoint 1 (checkpoints.jsonl line 1) is forged, or signed by another key",
    ),
    "signed anew with another head": (lambda b: b.sign(2, head="0" * 64), "record 11 to 21 was"),
    "signed anew with another root": (lambda b: b.sign(2, root="0" * 64), "record 11 to 21 was"),
    "signed anew with another time": (
        lambda b: b.sign(1, at="2026-01-01T00:00:00+00:00"),
        "checkpoint 2 follows another one.",
    ),
    "signed by another key": (other_key, "signed by another key"),
    "the first removed": (lambda b: b.keep(b.lines()[1]), "checkpoint 1 is missing."),
    "the last removed": (lambda b: b.keep(b.lines()[0]), "checkpoint 2, of which record 22 tells"),
    "all removed": (lambda b: b.file.unlink(), "checkpoint 1, of which record 11 tells"),
}


@pytest.mark.parametrize("attack", TO_THE_CHECKPOINTS)
def test_what_is_done_to_the_checkpoints_is_found(bench, attack):
    spoil, sentence = TO_THE_CHECKPOINTS[attack]
    spoil(bench)
    assert any(sentence in text for text in bench.found()), bench.found()


def test_a_log_made_anew_with_its_key_and_checkpoints_is_found_by_shipped_ones(bench, tmp_path):
    """Whoever owns the host can sign as the host; not what left it before."""
    shipped = tmp_path / "shipped.log"
    events = [{"event": "audit_checkpoint", "ts": "x"} | json.loads(one) for one in bench.lines()]
    shipped.write_text("".join(f"{json.dumps(one)}\n" for one in events), "utf-8")
    assert bench.found(shipped) == []
    bench.file.unlink()
    bench.again("type != 'checkpoint' AND seq != 3")
    for _ in range(2):
        notary.checkpoint(bench.log, bench.checkpoints)
    assert bench.found() == []
    found = bench.found(shipped)
    assert any("checkpoint 1 in" in one and "not the one that was shipped" in one for one in found)
    assert any("checkpoint 1 of" in one and "saw another log" in one for one in found)
    bench.log.unlink()
    bench.file.unlink()
    assert any("21 were cut off" in one for one in bench.found(shipped))
    assert any("checkpoint 2 is missing from" in one for one in bench.found(shipped))


def test_a_page_of_garbage_is_a_sentence(bench):
    """Wherever it lies: of each page in turn."""
    whole = bench.log.read_bytes()
    for at in range(0, len(whole), 4096):
        bench.log.write_bytes(whole)
        garbage(bench, at + 200)
        bench.found()
    bench.log.write_bytes(whole)
    Audit(bench.log).append_all([("hook", {"x": "y" * 3000}) for _ in range(100)])
    with closing(sqlite3.connect(bench.log)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    garbage(bench, bench.log.stat().st_size - 40 * 4096, 4096)
    assert any("record" in text for text in bench.found()), bench.found()


def test_a_torn_line_is_passed_over_and_the_next_stands_below_it(bench):
    """A crash within the writing of a checkpoint costs that one alone."""
    whole = bench.file.read_bytes()
    bench.file.write_bytes(whole + whole[:100])
    notary.checkpoint(bench.log, bench.checkpoints)
    report = bench.report()
    assert report.troubles == [] and report.notes == ["Lines that are no checkpoint: 1."]
    assert json.loads(bench.lines()[-1])["checkpoint"]["number"] == 3


def test_the_last_record_that_a_checkpoint_saw_is_looked_at_when_a_service_starts(bench):
    """Although what came since then is all that is read."""
    bench.sql("DELETE FROM audit WHERE seq > 21")
    bench.link(21, "0" * 64)
    with pytest.raises(notary.Broken, match="record 21 in audit.sqlite is not the one"):
        notary.checkpoint(bench.log, bench.checkpoints)


def test_a_long_log_is_read_by_several_processes(bench, monkeypatch):
    """Their parts make up the same tree and the same chain."""
    one = bench.report()
    monkeypatch.setattr("runtime.audit.proof.scan.ALONE", 1)
    monkeypatch.setattr("runtime.audit.proof.merkle.CHUNK", 4)
    assert bench.report() == one
    bench.sql(
        """UPDATE audit SET body = '{"n":9}' WHERE seq = 13""", "DELETE FROM audit WHERE seq=5"
    )
    assert bench.found() == ["record 5 is missing.", "record 13 was changed."]


def test_a_break_that_a_person_takes_note_of_is_told_and_passes(bench):
    """After a restore the log goes on; what is lost stays said, and what breaks later is found."""
    bench.sql("DELETE FROM audit WHERE seq > 15")
    with pytest.raises(notary.Broken, match="6 were cut off"):
        notary.checkpoint(bench.log, bench.checkpoints)
    signed = notary.checkpoint(bench.log, bench.checkpoints, reason="restored from Tuesday")
    assert signed.checkpoint.excused == ("checkpoint 2",) and signed.checkpoint.since == 5
    bench.write(10)
    notary.checkpoint(bench.log, bench.checkpoints)
    report = bench.report()
    assert report.troubles == []
    assert any("restored from Tuesday" in note for note in report.notes)
    assert any("6 were cut off" in note for note in report.notes)
    bench.sql("UPDATE audit SET ts = '2020' WHERE seq = 3")
    assert bench.found() == ["record 3 was changed."]


def test_the_record_of_a_checkpoint_is_of_this_moment(bench):
    at = json.loads(bench.lines()[0])["checkpoint"]["at"]
    assert datetime.fromisoformat(at).tzinfo == UTC
