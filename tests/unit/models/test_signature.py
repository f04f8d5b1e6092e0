"""Signatures of manifests: only what a trusted key signed, to the last character, passes (F4)."""

import base64
import json
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from models.fitted import signature
from models.fitted.booster import ModelError

MANIFEST = {
    "name": "toy",
    "version": "1.0.0",
    "model_sha256": "ab" * 32,
    "calibration": {"intercept": 0.1, "slope": 1.0},
    "label": "Tod ü",
}


@pytest.fixture
def key(tmp_path):
    """A release key and the folder that holds its public half."""
    (tmp_path / "keys").mkdir()
    signature.keygen(tmp_path / "release.key").rename(tmp_path / "keys" / "release.pub")
    return tmp_path / "release.key"


@pytest.fixture
def signed(tmp_path, key):
    """A folder with a signature over MANIFEST, and the trusted keys."""
    signature.sign(tmp_path, MANIFEST, key)
    return tmp_path, signature.trusted_keys(tmp_path / "keys")


def test_what_was_signed_passes_and_says_by_which_key(signed):
    """The order of members and the layout of the file do not matter, the content does."""
    folder, keys = signed
    name = signature.check(folder, json.loads(json.dumps(MANIFEST, indent=4, sort_keys=True)), keys)
    assert name in keys and len(name) == 16


@pytest.mark.rule("F4")
@pytest.mark.parametrize(
    "change",
    [
        {"label": "Tod u"},
        {"calibration": {"intercept": 0.1, "slope": 1.0000000000000002}},
        {"more": None},
        {"version": 1},
    ],
)
def test_any_change_of_the_manifest_is_found(signed, change):
    """A changed, an added, a retyped member: the signature does not fit."""
    folder, keys = signed
    with pytest.raises(ModelError, match="does not fit"):
        signature.check(folder, MANIFEST | change, keys)


@pytest.mark.rule("F4")
@given(st.integers(0, 63), st.integers(0, 7))
def test_any_flipped_bit_of_the_signature_is_found(tmp_path_factory, byte, bit):
    """Not one of 512 bits is free."""
    folder = tmp_path_factory.mktemp("signed")
    (folder / "keys").mkdir()
    signature.keygen(folder / "release.key").rename(folder / "keys" / "release.pub")
    signature.sign(folder, MANIFEST, folder / "release.key")
    kind, name, mark = (folder / signature.FILE).read_text().split()
    raw = bytearray(base64.b64decode(mark))
    raw[byte] ^= 1 << bit
    (folder / signature.FILE).write_text(f"{kind} {name} {base64.b64encode(bytes(raw)).decode()}\n")
    with pytest.raises(ModelError, match="does not fit"):
        signature.check(folder, MANIFEST, signature.trusted_keys(folder / "keys"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ed25519",
        b"ed25519 a b c",
        b"ed25519 a ***",
        b"\xff\xfe",
        b"ed25519 " + b"a" * 16 + b" AAA",
    ],
)
def test_garbage_is_no_signature(signed, content):
    """One sentence, no traceback."""
    folder, keys = signed
    (folder / signature.FILE).write_bytes(content)
    with pytest.raises(ModelError, match="is no signature"):
        signature.check(folder, MANIFEST, keys)


def test_a_missing_signature_and_an_unknown_key_say_how_to_sign(signed, tmp_path):
    """Both are Unsigned, which a development folder may do without; neither passes by itself."""
    folder, keys = signed
    shipped = signature.trusted_keys()
    with pytest.raises(
        signature.Unsigned, match="not trusted.*vigil models sign toy 1.0.0 --key FILE"
    ):
        signature.check(folder, MANIFEST, shipped)
    (folder / signature.FILE).unlink()
    with pytest.raises(signature.Unsigned, match="`vigil models sign toy 1.0.0 --key FILE"):
        signature.check(folder, MANIFEST, keys)


def test_a_trusted_keys_name_over_anothers_signature_does_not_pass(signed, tmp_path):
    """The id only finds the key; the key decides."""
    folder, keys = signed
    other = tmp_path / "other.key"
    signature.keygen(other)
    signature.sign(folder, MANIFEST, other)
    _, _, mark = (folder / signature.FILE).read_text().split()
    (folder / signature.FILE).write_text(
        f"ed25519 {next(iter(set(keys) - set(signature.trusted_keys())))} {mark}\n"
    )
    with pytest.raises(ModelError, match="does not fit"):
        signature.check(folder, MANIFEST, keys)


def test_a_signature_without_our_purpose_does_not_pass(signed, key):
    """Bytes that the same key signed for something else are no release."""
    folder, keys = signed
    bare = serialization.load_pem_private_key(key.read_bytes(), None).sign(
        signature.canonical(MANIFEST)
    )
    kind, name, _ = (folder / signature.FILE).read_text().split()
    (folder / signature.FILE).write_text(f"{kind} {name} {base64.b64encode(bare).decode()}\n")
    with pytest.raises(ModelError, match="does not fit"):
        signature.check(folder, MANIFEST, keys)


def test_a_private_key_is_its_owners_alone_and_never_overwritten(tmp_path):
    """Mode 0600 from the first moment."""
    path = tmp_path / "release.key"
    public = signature.keygen(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and b"PUBLIC" in public.read_bytes()
    with pytest.raises(ModelError, match="no key was written"):
        signature.keygen(path)
    path.chmod(0o640)
    with pytest.raises(ModelError, match="chmod 600"):
        signature.sign(tmp_path, MANIFEST, path)


def test_only_ed25519_keys_are_taken(tmp_path):
    """Another kind of key, or none at all, is named."""
    other = generate_private_key(SECP256R1())
    pem = serialization.Encoding.PEM
    (tmp_path / "ec.pub").write_bytes(
        other.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ModelError, match="ec.pub is no Ed25519"):
        signature.trusted_keys(tmp_path)
    (tmp_path / "ec.pub").write_bytes(b"x")
    with pytest.raises(ModelError, match="ec.pub is no public key"):
        signature.trusted_keys(tmp_path)
    path = tmp_path / "ec.key"
    path.write_bytes(
        other.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o600)
    with pytest.raises(ModelError, match="no Ed25519 key"):
        signature.sign(tmp_path, MANIFEST, path)
    with pytest.raises(ModelError, match="no private key"):
        signature.sign(tmp_path, MANIFEST, tmp_path / "none.key")


def test_what_is_no_json_number_is_not_signed(tmp_path, key):
    """NaN has no canonical form."""
    with pytest.raises(ModelError, match="can't be signed"):
        signature.sign(tmp_path, MANIFEST | {"figure": float("nan")}, key)


@pytest.mark.rule("F6")
def test_no_private_key_is_shipped():
    """Beside the models lies a public key, and nothing that could sign."""
    found = [
        path
        for path in signature.SHIPPED_KEYS.rglob("*")
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
    ]
    assert (signature.SHIPPED_KEYS / "release.pub").exists() and not found
