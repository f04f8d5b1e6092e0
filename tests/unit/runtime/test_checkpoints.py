"""Checkpoints as they are made and kept, and the process that makes them."""

import json
import os
import subprocess
import sys
import threading
from base64 import b64decode
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from runtime.audit.log import Audit
from runtime.audit.proof import merkle, notary
from runtime.audit.proof.book import open_book
from runtime.audit.proof.checkpoints import FILE, private_key, public_pem, read
from runtime.audit.proof.keeper import look
from runtime.secretfile import SecretFileError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def log(tmp_path):
    """A log of seven records."""
    Audit(tmp_path / "audit.sqlite").append_all([("hook", {"n": number}) for number in range(7)])
    return tmp_path / "audit.sqlite"


def rfc_root(leaves: list[bytes]) -> bytes:
    """Return the tree hash as RFC 6962 defines it, word for word."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + rfc_root(leaves[:k]) + rfc_root(leaves[k:])).digest()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 7, 8, 9, 31, 33])
def test_the_root_is_that_of_the_rfc(count):
    """In one go, and by the roots of chunks of four."""
    data = [bytes([number]) for number in range(count)]
    leaves = [merkle.leaf(one) for one in data]
    chunks = [merkle.root(leaves[at : at + 4]) for at in range(0, count, 4)]
    assert merkle.root(leaves) == merkle.root(chunks) == rfc_root(data)


def test_a_checkpoint_can_be_checked_with_nothing_of_ours(log, tmp_path):
    """By its line and the public key: a signature over the text and the checkpoint's JSON."""
    notary.checkpoint(log, tmp_path / "kept")
    line = json.loads((tmp_path / "kept" / FILE).read_text("utf-8"))
    key = load_pem_public_key(public_pem(private_key(tmp_path).public_key()).encode())
    text = json.dumps(line["checkpoint"], separators=(",", ":")).encode()
    key.verify(b64decode(line["signature"]), b"vigil audit checkpoint v1\n" + text)
    hashes = [one["hash"] for one in Audit(log).records()][::-1][:7]
    assert line["checkpoint"]["records"] == line["checkpoint"]["since"] == 7
    assert line["checkpoint"]["head"] == hashes[-1]
    assert line["checkpoint"]["root"] == rfc_root([one.encode() for one in hashes]).hex()
    assert datetime.fromisoformat(line["checkpoint"]["at"]).tzinfo


def test_many_at_once_make_one_row_of_numbers(log, tmp_path):
    threads = [
        threading.Thread(target=notary.checkpoint, args=(log, tmp_path / "kept")) for _ in range(6)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    book = open_book(tmp_path / "kept", notary.trusted(tmp_path))
    assert [one.number for one in book.checkpoints] == [1, 2, 3, 4, 5, 6] and not book.troubles


def test_nothing_new_needs_no_checkpoint_before_an_hour_is_over(log, tmp_path):
    assert notary.checkpoint(log, tmp_path / "kept", idle=False)
    assert notary.checkpoint(log, tmp_path / "kept", idle=False) is None
    Audit(log).append("hook", {})
    assert notary.checkpoint(log, tmp_path / "kept", idle=False)


def test_the_files_are_private(log, tmp_path):
    notary.checkpoint(log, tmp_path / "kept")
    files = [tmp_path / "checkpoint-key", tmp_path / "kept" / FILE]
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}


def test_a_damaged_key_is_said_and_not_made_anew(log, tmp_path):
    (tmp_path / "checkpoint-key").write_text("no key")
    (tmp_path / "checkpoint-key").chmod(0o600)
    with pytest.raises(SecretFileError, match="restore it"):
        notary.checkpoint(log, tmp_path / "kept")


def test_the_alarm_is_raised_told_and_taken_back(log, tmp_path, capsys):
    """A changed record at the end of the log; nothing is signed on top of it, at no later look
    either.
    """
    from tests.unit.runtime.test_audit import tamper

    folder = tmp_path / "kept"
    assert look(log, folder) and Audit(log).alarm is None
    tamper(Audit(log), "UPDATE audit SET ts = '2020' WHERE seq = 8")
    for _ in range(2):
        assert look(log, folder) and Audit(log).alarm == "record 8 was changed.\n"
    assert len(list(read(folder))) == 1
    notary.checkpoint(log, folder, reason="seen by the night shift")
    assert look(log, folder) and Audit(log).alarm is None


def test_a_folder_that_cannot_be_written_is_a_failure_and_no_alarm(log, tmp_path):
    (tmp_path / "kept").write_text("a file")
    assert not look(log, tmp_path / "kept") and Audit(log).alarm is None


def test_an_alarm_that_cannot_be_kept_ends_nothing(log, tmp_path):
    """The disk may be full just then; the keeper goes on."""
    from tests.unit.runtime.test_audit import tamper

    tamper(Audit(log), "UPDATE audit SET ts = '2020' WHERE seq = 3")
    (tmp_path / "audit-alarm").mkdir()
    assert not look(log, tmp_path / "kept")


def test_the_keeper_ends_with_whoever_holds_its_input(log, tmp_path):
    """A checkpoint at the start, and one of what came since at the end, although it is not told to
    end by a signal.
    """
    command = [sys.executable, "-m", "runtime.audit.proof.keeper", str(log), str(tmp_path / "kept")]
    keeper = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    first = json.loads(keeper.stderr.readline())
    assert first["event"] == "audit_checkpoint" and first["checkpoint"]["records"] == 7
    Audit(log).append("hook", {})
    keeper.terminate()
    os.kill(keeper.pid, 0)
    said = [json.loads(line) for line in keeper.communicate(timeout=60)[1].splitlines()]
    assert keeper.returncode == 0
    assert [one["checkpoint"]["records"] for one in said] == [9]
    kept = [one.signed.checkpoint.number for one in read(tmp_path / "kept")]
    assert kept == [1, 2]
    shipped = tmp_path / "shipped.log"
    shipped.write_text(json.dumps(first) + "\n" + json.dumps(said[0]) + "\n")
    assert [one.signed for one in read(shipped)] == [one.signed for one in read(tmp_path / "kept")]
    assert msgspec.json.encode(next(read(shipped)).signed)
