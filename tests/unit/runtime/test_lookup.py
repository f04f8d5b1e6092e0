"""The lookup beside the audit log: what is about whom is found at once, and no hash knows of it."""

import base64
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from runtime.audit import lookup
from runtime.audit.cipher import cipher_of
from runtime.audit.log import Audit, AuditError
from runtime.audit.proof import archive, notary
from runtime.audit.proof.book import open_book
from runtime.audit.proof.verify import verify
from tests.support.chained import chain, write_at

EHR = "north"
BEFORE = datetime.now(UTC) - timedelta(hours=1)


def record(n, patient="p1", user="Practitioner/1", **more):
    return {"ehr": EHR, "patient": patient, "user": user, "n": n, **more}


@pytest.fixture
def audit(tmp_path):
    """A log of two people, two patients, two kinds and two EHRs."""
    audit = Audit(tmp_path / "audit.sqlite")
    audit.append("hook", record(0, unit="3 West"))
    audit.append("page", record(1, user="https://ehr|abc", fhir_user="Practitioner/1"))
    audit.append("hook", record(2, patient="p2"))
    audit.append("hook", record(3, user="Practitioner/2"))
    audit.append("hook", record(4) | {"ehr": "south"})
    audit.append("hook", record(5, user="https://ehr.example.org/fhir/Practitioner/1"))
    return audit


def numbers(found):
    return [one["n"] for one in found]


def test_records_of_a_person_a_patient_or_a_unit_come_newest_first(audit):
    """By the types asked for, whichever form the reference has, and of that EHR alone."""
    assert numbers(audit.of_person(EHR, "Practitioner/1", BEFORE, "hook")) == [5, 2, 0]
    assert numbers(audit.of_person(EHR, "Practitioner/1", BEFORE, "hook", "page")) == [5, 2, 1, 0]
    assert numbers(audit.of_person(EHR, "https://ehr|abc", BEFORE, "page")) == [1]
    assert numbers(audit.of_patient(EHR, "p1", BEFORE, "hook")) == [5, 3, 0]
    assert numbers(audit.of_unit(EHR, "3 West", BEFORE, "hook")) == [0]
    assert numbers(audit.of_patient("south", "p1", BEFORE, "hook")) == [4]
    assert not numbers(audit.of_person(EHR, "Practitioner/3", BEFORE, "hook"))
    first = next(audit.of_patient(EHR, "p2", BEFORE, "hook"))
    assert (first["seq"], first["type"]) == (3, "hook")


def test_only_what_is_newer_is_found(audit):
    after = datetime.now(UTC) + timedelta(seconds=1)
    assert not numbers(audit.of_patient(EHR, "p1", after, "hook"))


def test_no_hash_covers_the_lookup(audit):
    """Whoever empties it breaks no chain, and whoever fills it proves nothing."""
    with closing(sqlite3.connect(audit.path)) as db, db:
        db.execute("DELETE FROM lookup")
    assert chain(audit)[:2] == (6, None)
    assert not numbers(audit.of_patient(EHR, "p1", BEFORE, "hook"))


def test_a_log_from_before_is_read_once(audit):
    """What was written without the table is found after the next start, and the chain is as it
    was.
    """
    head = chain(audit).head
    with closing(sqlite3.connect(audit.path)) as db, db:
        db.execute("DROP TABLE lookup")
    again = Audit(audit.path)
    assert numbers(again.of_person(EHR, "Practitioner/1", BEFORE, "hook")) == [5, 2, 0]
    assert again.whole_since() == datetime.fromtimestamp(0, UTC)
    assert chain(again).head == head
    again.append("hook", record(6))
    assert numbers(again.of_patient(EHR, "p1", BEFORE, "hook")) == [6, 5, 3, 0]


def test_of_a_long_log_the_newest_are_read(audit, monkeypatch):
    """Then it is said since when it is whole."""
    with closing(sqlite3.connect(audit.path)) as db, db:
        db.execute("DROP TABLE lookup")
    monkeypatch.setattr(lookup, "MOST_FILLED", 3)
    again = Audit(audit.path)
    assert numbers(again.of_patient(EHR, "p1", BEFORE, "hook")) == [5]
    # The third of the newest three is the first that is not known for sure.
    ts = next(record["ts"] for record in again.records() if record["seq"] == 4)
    assert again.whole_since() == datetime.fromisoformat(ts)


def test_an_encrypted_log_names_nobody(tmp_path):
    """Its names are made by its key; a second key in front changes nothing, and without any key
    nothing is found.
    """
    keys = tmp_path / "keys"
    first, second = (base64.b64encode(os.urandom(32)) for _ in range(2))
    keys.write_bytes(first)
    keys.chmod(0o600)
    path = tmp_path / "data" / "audit.sqlite"
    Audit(path).append("hook", record(0))
    Audit(path, cipher_of(keys)).append("hook", record(1))
    with closing(sqlite3.connect(path)) as db:
        found = [row[0] for row in db.execute("SELECT name FROM lookup WHERE name <> x''")]
    assert len(set(found)) == 4
    keys.write_bytes(second + b"\n" + first)
    both = Audit(path, cipher_of(keys))
    both.append("hook", record(2))
    assert numbers(both.of_patient(EHR, "p1", BEFORE, "hook")) == [2, 1, 0]
    assert numbers(Audit(path).of_patient(EHR, "p1", BEFORE, "hook")) == [0]


def test_a_log_from_before_is_not_taken_for_read_without_its_key(tmp_path):
    keys = tmp_path / "keys"
    keys.write_bytes(base64.b64encode(os.urandom(32)))
    keys.chmod(0o600)
    path = tmp_path / "data" / "audit.sqlite"
    Audit(path, cipher_of(keys)).append("hook", record(0))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE lookup")
    assert Audit(path).whole_since() is None
    assert numbers(Audit(path, cipher_of(keys)).of_patient(EHR, "p1", BEFORE, "hook")) == [0]


def test_what_went_through_the_reserve_is_found(tmp_path):
    """The names go with a record wherever it waits."""
    audit = Audit(tmp_path / "audit.sqlite")
    audit.append("hook", record(0))
    with closing(sqlite3.connect(audit.path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        assert audit.append("hook", record(1)) == 0
        db.execute("ROLLBACK")
    assert numbers(Audit(audit.path).of_patient(EHR, "p1", BEFORE, "hook")) == [1, 0]


def test_a_sealed_month_is_still_looked_into(tmp_path, monkeypatch):
    """A shift that goes over the turn of a month sees both sides of it; a week later nothing is
    left in the table.
    """
    log, kept = tmp_path / "audit.sqlite", tmp_path / "kept"

    midnight = datetime(2026, 11, 1, tzinfo=UTC)
    for n, hours in enumerate((-3, -2, 1)):
        write_at(monkeypatch, midnight + timedelta(hours=hours))
        Audit(log).append("hook", record(n))
        notary.checkpoint(log, kept)
    book = open_book(kept, notary.trusted(tmp_path))
    assert archive.seal_months(log, book, midnight + timedelta(hours=2))
    since = midnight - timedelta(hours=12)
    assert numbers(Audit(log).of_patient(EHR, "p1", since, "hook")) == [2, 1, 0]
    archive.seal_months(log, book, midnight + timedelta(days=8))
    assert not numbers(Audit(log).of_patient(EHR, "p1", since, "hook"))
    assert not verify(log, book).troubles


def test_forgetting_takes_several_batches_and_leaves_what_is_young(audit, monkeypatch):
    monkeypatch.setattr(lookup, "BATCH", 2)
    assert lookup.forget(audit.path, BEFORE) == 0
    assert lookup.forget(audit.path, datetime.now(UTC) + timedelta(seconds=1)) == 14
    assert not numbers(audit.of_patient(EHR, "p1", BEFORE, "hook"))
    assert audit.whole_since()


def test_a_log_that_is_away_is_said(audit):
    audit.path.unlink()
    with pytest.raises(AuditError):
        next(audit.of_patient(EHR, "p1", BEFORE, "hook"))
    with pytest.raises(AuditError):
        audit.whole_since()
