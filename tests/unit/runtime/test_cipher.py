"""An encrypted audit log: nothing readable on disk, everything readable with the key, provable
without it.
"""

import base64
import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from runtime.audit.chain import Row
from runtime.audit.cipher import Cipher, Hidden, cipher_of
from runtime.audit.log import Audit, AuditError
from runtime.audit.proof import archive, notary
from runtime.audit.proof.book import open_book
from runtime.audit.proof.export import lines
from runtime.audit.proof.verify import verify
from runtime.secretfile import SecretFileError

SECRET = "Okafor, Grace"


@pytest.fixture
def keys(tmp_path):
    """A file with one key."""
    path = tmp_path / "audit-keys"
    path.write_bytes(base64.b64encode(os.urandom(32)) + b"\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def log(tmp_path, keys):
    """A log that was plain first, then encrypted."""
    path = tmp_path / "data" / "audit.sqlite"
    Audit(path).append("hook", {"assessment_id": "a0", "n": 0})
    encrypted = Audit(path, cipher_of(keys))
    encrypted.append(
        "hook",
        {"assessment_id": "a1", "hook_instance": "h1", "hook": "patient-view", "patient": SECRET},
    )
    return path


def test_nothing_is_readable_but_by_the_key(log, keys):
    """Old records stay as they are; names by which records are found are random and stay plain."""
    assert not any(SECRET.encode() in file.read_bytes() for file in log.parent.iterdir())
    audit = Audit(log, cipher_of(keys))
    assert (
        audit.find_assessment("a1")["patient"]
        == audit.find_hook("h1", "patient-view")["patient"]
        == SECRET
    )
    assert [record.get("patient") for record in audit.records()] == [SECRET, None]
    assert Audit(log).find_assessment("a0")["n"] == 0
    with pytest.raises(AuditError, match="`audit_key_file` is not set"):
        Audit(log).find_assessment("a1")
    with pytest.raises(AuditError, match="no key of `audit_key_file` fits"):
        Audit(log, Cipher([os.urandom(32)])).find_assessment("a1")


def test_it_is_proved_sealed_and_exported_as_a_plain_one(log, keys, tmp_path):
    """A verification needs no key, and neither does sealing."""
    notary.checkpoint(log, tmp_path / "kept")
    book = open_book(tmp_path / "kept", notary.trusted(log.parent))
    assert archive.seal_months(log, book, datetime(2999, 1, 1, tzinfo=UTC))
    assert verify(log, book).troubles == []
    audit = Audit(log, cipher_of(keys))
    assert audit.find_assessment("a1")["patient"] == SECRET
    exported = [json.loads(line) for line in lines(log, 1, 2, cipher_of(keys))]
    assert exported[1]["body"]["patient"] == SECRET and "stored" not in exported[0]
    assert base64.b64decode(exported[1]["stored"])[:1] == b"\x01"
    with pytest.raises(AuditError, match="is not set"):
        list(lines(log, 1, 2))


def test_a_body_belongs_to_its_record(log, keys):
    """Moved to another moment or type it is none."""
    cipher = cipher_of(keys)
    hidden = cipher.hide(Row("2026", "hook", None, None, b"{}"))
    assert cipher.show("2026", "hook", hidden.body) == b"{}"
    for moved in (("2027", "hook"), ("2026", "page")):
        with pytest.raises(Hidden):
            cipher.show(*moved, hidden.body)


def test_a_new_key_writes_and_the_old_one_still_reads(log, keys):
    keys.write_bytes(base64.b64encode(os.urandom(32)) + b"\n" + keys.read_bytes())
    audit = Audit(log, cipher_of(keys))
    audit.append("hook", {"assessment_id": "a2", "patient": SECRET})
    assert audit.find_assessment("a1") and audit.find_assessment("a2")
    with closing(sqlite3.connect(log)) as db:
        bodies = [row[0] for row in db.execute("SELECT body FROM audit WHERE seq > 1")]
    assert {body[:1] for body in bodies} == {b"\x01"}


@pytest.mark.rule("F6")
@pytest.mark.parametrize("content", [b"", b"short", b"not base64!", b"AAAA"])
def test_a_file_without_keys_stops_the_start(keys, content):
    keys.write_bytes(content)
    with pytest.raises(SecretFileError, match="32 bytes"):
        cipher_of(keys)


@pytest.mark.rule("F6")
def test_a_key_that_others_may_read_stops_the_start(keys):
    keys.chmod(0o644)
    with pytest.raises(SecretFileError, match="chmod 600"):
        cipher_of(keys)
