"""Keys, secrets on disk, key sets and what logs may hold."""

import io
import json

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from ehr import keys
from ehr.http import Answer, OutgoingError
from runtime import logs, signing_key
from runtime.secretfile import SecretFileError, read_or_create

P384 = ECKey.generate_key("P-384", {"kid": "a", "alg": "ES384"})
P256 = ECKey.generate_key("P-256", {"kid": "b"})
RSA = RSAKey.generate_key(2048, {"kid": "c"})


def jwks(*entries):
    return json.dumps(
        {
            "keys": [
                entry if isinstance(entry, dict) else entry.as_dict(private=False)
                for entry in entries
            ]
        }
    ).encode()


def test_each_key_has_one_algorithm():
    assert [keys.algorithm(key) for key in (P384, P256, RSA)] == ["ES384", "ES256", "RS384"]
    assert [
        keys.algorithm(OKPKey.generate_key(curve, {"kid": "d"}))
        for curve in ("Ed25519", "Ed448", "X25519")
    ] == ["EdDSA", None, None]
    assert keys.algorithm(RSAKey.generate_key(2048, {"alg": "RS256"})) == "RS256"
    assert keys.algorithm(RSAKey.generate_key(2048, {"alg": "HS256"})) is None
    assert keys.algorithm(ECKey.generate_key("P-384", {"alg": "ES256"})) is None


@pytest.mark.rule("A3")
@pytest.mark.filterwarnings("ignore")
def test_keys_that_may_not_sign_are_passed_over():
    secret = OctKey.generate_key(256, {"kid": "s"})
    odd = [
        {},
        5,
        {"kty": "EC", "kid": "x"},
        {"kty": "XX", "kid": "x"},
        P384.as_dict(private=False) | {"kid": 5},
    ]
    weak = RSAKey.generate_key(1024, {"kid": "weak"}).as_dict(private=False)
    encryption = P256.as_dict(private=False) | {"use": "enc"}
    assert set(
        keys.usable_keys(
            jwks(P384, weak, encryption, secret.as_dict(), *[o for o in odd if isinstance(o, dict)])
        )
    ) == {"a"}


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"[]", b'{"keys": 5}', b'{"keys": {}}', b"null", b"[" * 100_000, b"\xff"],
)
def test_garbage_holds_no_keys(document):
    assert keys.usable_keys(document) == {}


class Server:
    """Stands for Outgoing and counts."""

    def __init__(self):
        self.body, self.asked = jwks(P384), 0

    def get(self, *_):
        self.asked += 1
        if self.body is None:
            raise OutgoingError("timeout")
        return Answer(200, self.body)


@pytest.mark.rule("A8", "G9")
def test_a_set_is_cached_refreshed_and_kept(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    server = Server()
    sets = keys.KeySets(server)
    for _ in range(5):
        assert sets.find("https://k", "a") is not None
    assert server.asked == 1
    for _ in range(40):
        assert sets.find("https://k", "b") is None
    assert server.asked == 1
    now[0], server.body = 31.0, jwks(P384, P256)
    assert sets.find("https://k", "b") is not None and server.asked == 2
    now[0], server.body = 700.0, None
    assert sets.find("https://k", "a") is not None and server.asked == 3
    assert sets.find("https://k", "a") is not None and server.asked == 3


def test_a_file_is_a_key_set_too(tmp_path):
    (tmp_path / "jwks.json").write_bytes(jwks(RSA))
    assert keys.KeySets(Server()).find(tmp_path / "jwks.json", "c").kid == "c"
    assert keys.KeySets(Server()).find(tmp_path / "none.json", "c") is None


@pytest.mark.rule("SMART-29")
def test_our_key_is_made_once_and_its_public_half_is_published(tmp_path):
    key = signing_key.signing_key(tmp_path)
    assert signing_key.signing_key(tmp_path).kid == key.kid
    (published,) = signing_key.public_jwks(key)["keys"]
    assert (published["kid"], published["alg"], published["use"]) == (
        key.kid,
        "ES384",
        "sig",
    ) and "d" not in published


@pytest.mark.rule("F6")
def test_secrets_that_others_can_read_are_refused(tmp_path):
    signing_key.signing_key(tmp_path)
    (tmp_path / "signing-key.json").chmod(0o644)
    with pytest.raises(SecretFileError, match="chmod 600"):
        signing_key.signing_key(tmp_path)


def test_a_damaged_key_is_said(tmp_path):
    assert read_or_create(tmp_path / "signing-key.json", lambda: b"{") == b"{"
    with pytest.raises(SecretFileError, match="damaged"):
        signing_key.signing_key(tmp_path)


@pytest.fixture
def lines(tmp_path):
    stream = io.StringIO()
    logs.configure(tmp_path, stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.rule("F9")
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
