"""Our signing key, secrets on disk and what logs may hold."""

import io
import json

import pytest
from click.testing import CliRunner

import vigil
from runtime import logs, signing_key
from runtime.secretfile import SecretFileError, read_or_create


def test_our_key_is_made_once_and_its_public_half_is_published(tmp_path):
    (key,) = signing_key.signing_keys(tmp_path)
    assert signing_key.signing_keys(tmp_path)[0].kid == key.kid
    (published,) = signing_key.public_jwks([key])["keys"]
    assert (published["kid"], published["alg"], published["use"]) == (
        key.kid,
        "ES384",
        "sig",
    ) and "d" not in published


def test_keys_are_made_for_several_hosts_and_kept(tmp_path):
    """`vigil keys` prints the public half only; asked again it changes nothing."""
    runs = [CliRunner().invoke(vigil.main, ["keys", str(tmp_path / "keys")]) for _ in range(2)]
    (published,) = json.loads(runs[0].stdout)["keys"]
    assert runs[0].stdout == runs[1].stdout and "d" not in published
    assert published["kid"] == signing_key.signing_keys(tmp_path / "keys")[0].kid
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}
    assert modes == {"signing-key.json": 0o600, "log-key": 0o600}


def test_secrets_that_others_can_read_are_refused(tmp_path):
    signing_key.signing_keys(tmp_path)
    (tmp_path / "signing-key.json").chmod(0o644)
    with pytest.raises(SecretFileError, match="chmod 600"):
        signing_key.signing_keys(tmp_path)


@pytest.mark.rule("SMART-29")
def test_the_signing_key_changes_in_three_steps(tmp_path):
    """A key is published before it is used and after; a step out of its order changes nothing."""

    def step(name):
        run = CliRunner().invoke(vigil.main, ["keys", str(tmp_path), "--change", name])
        return [key["kid"] for key in json.loads(run.stdout)["keys"]] if not run.exit_code else run

    (old,) = signing_key.signing_keys(tmp_path)
    assert "add another first" in step("use").stderr
    first, new = step("add")
    assert first == old.kid and "already" in step("add").stderr
    assert step("use") == [new, old.kid] and step("drop") == [new]
    assert (tmp_path / "signing-key.json").stat().st_mode & 0o777 == 0o600
    assert [key.kid for key in signing_key.signing_keys(tmp_path)] == [new]


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"keys": []}', b'{"keys": 7}', b'{"kty": "EC"}']
)
def test_a_damaged_key_file_is_none(tmp_path, content):
    read_or_create(tmp_path / "signing-key.json", lambda: content)
    with pytest.raises(SecretFileError, match="damaged"):
        signing_key.signing_keys(tmp_path)


@pytest.fixture
def lines(tmp_path):
    stream = io.StringIO()
    logs.configure(tmp_path, stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_without_an_exceptions_text(lines):
    try:
        raise ValueError("CANARY")
    except ValueError as error:
        logs.get_logger("test").error("failed", error=error, text="a\r\nb")
    (line,) = lines()
    assert (line["error"], line["room"], line["event"]) == ("ValueError", "test", "failed")
    assert "CANARY" not in str(line) and line["ts"].endswith("Z")


def test_hashes_stay_the_same_over_restarts(tmp_path, lines):
    first = logs.keyed_hash("p1")
    logs.configure(None, io.StringIO())
    logs.configure(tmp_path, io.StringIO())
    assert logs.keyed_hash("p1") == first != logs.keyed_hash("p2")


@pytest.mark.rule("G13")
def test_a_log_that_cannot_be_written_costs_nothing_else(tmp_path):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    logs.configure(tmp_path, Full())
    logs.get_logger("test").error("failed")
    logs.configure(None, io.StringIO())


def test_hosts_that_share_the_files_of_their_keys_sign_and_hash_alike(tmp_path):
    """Neither makes a key of its own then."""
    first, second = tmp_path / "first", tmp_path / "second"
    (key,) = signing_key.signing_keys(first)
    logs.configure(first, io.StringIO())
    hashed = logs.keyed_hash("p1")
    assert signing_key.signing_keys(second, first / "signing-key.json")[0].kid == key.kid
    logs.configure(second, io.StringIO(), first / "log-key")
    assert logs.keyed_hash("p1") == hashed and not second.exists()
    logs.configure(None, io.StringIO())
