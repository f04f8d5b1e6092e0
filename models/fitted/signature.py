"""Turns a manifest and a release key into manifest.sig, and checks it against the public keys that
are trusted (Ed25519, F4).

The signature covers the manifest as canonical JSON; the manifest names the SHA-256 of model.txt, so
both are covered. Trusted are the keys in `trained/`, which ship with the code, and the *.pub files
of a folder that the operator names: never a key that lies beside a model.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.fitted.booster import ModelError
from models.fitted.whole import write_whole

# One for each holder of a release key so far: a version that was released stays one.
SHIPPED_KEYS = Path(__file__).parents[1] / "trained"
FILE, KIND = "manifest.sig", "ed25519"
# Signed with the text, so that a signature made for something else never passes for a model's.
PURPOSE = b"vigil model manifest v1\n"
Keys = Mapping[str, Ed25519PublicKey]


class Unsigned(ModelError):
    """There is no signature, or its key is not trusted; a development folder may do without."""


def canonical(manifest: dict[str, Any]) -> bytes:
    """Return the bytes that are signed: JSON with sorted keys, no spaces, UTF-8. Raises
    ModelError for NaN and infinity.
    """
    try:
        return json.dumps(
            manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode("utf-8")
    except ValueError as error:
        raise ModelError(f"The manifest can't be signed: {error}.") from None


def keygen(path: Path) -> Path:
    """Write a new private key to `path` (mode 0600, never over an old one) and its public half
    beside it as .pub; return the latter.
    """
    public = path.with_suffix(".pub")
    if public == path or public.exists():
        raise ModelError(
            f"{path}: no key was written, since its public half, {public}, is there or is the "
            "same file."
        )
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except OSError as error:
        raise ModelError(f"{path}: no key was written ({error.strerror}).") from None
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(encoding, form))
    return public


def sign(folder: Path, manifest: dict[str, Any], private_key: Path) -> str:
    """Sign the manifest of a version into its manifest.sig; return the key's id. The key has to
    be readable by its owner alone.
    """
    key = _private(private_key)
    name = key_id(key.public_key())
    mark = base64.b64encode(key.sign(PURPOSE + canonical(manifest))).decode()
    write_whole(folder / FILE, f"{KIND} {name} {mark}\n")
    return name


def check(folder: Path, manifest: dict[str, Any], keys: Keys) -> str:
    """Return the id of the trusted key that signed this manifest.

    Raises Unsigned when there is no signature or no trusted key made it, ModelError when the
    signature does not fit the manifest.
    """
    remedy = f"Sign it with `vigil models sign {manifest['name']} {manifest['version']} --key FILE`"
    try:
        kind, name, mark = (folder / FILE).read_text("ascii").split()
        signature = base64.b64decode(mark, validate=True)
    except FileNotFoundError:
        raise Unsigned(f"{folder} is not signed. {remedy}.") from None
    except (OSError, ValueError):
        raise ModelError(f"{folder / FILE} is no signature. {remedy}.") from None
    if kind != KIND or name not in keys:
        raise Unsigned(
            f"{folder} is signed by a key that is not trusted ({name[:32]}). {remedy}, or add "
            "its public key."
        )
    try:
        keys[name].verify(signature, PURPOSE + canonical(manifest))
    except InvalidSignature:
        raise ModelError(
            f"{folder / 'manifest.json'} is not what was signed: the signature does not fit."
        ) from None
    return name


def trusted_keys(folder: Path | None = None) -> dict[str, Ed25519PublicKey]:
    """Return the trusted public keys by id: the shipped ones, and every *.pub of the operator's
    folder.
    """
    folders = [SHIPPED_KEYS, *([folder] if folder else [])]
    paths = [path for one in folders for path in sorted(one.glob("*.pub"))]
    return {key_id(key): key for key in map(_public, paths)}


def key_id(key: Ed25519PublicKey) -> str:
    """Return what names a key: 16 hex digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is no public key ({error}).") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ModelError(f"{path} is no Ed25519 key.")
    return key


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        if path.stat().st_mode & 0o077:
            raise ModelError(f"{path} is readable by others: chmod 600 it.")
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        raise ModelError(f"{path} is no private key in PEM without a password.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ModelError(f"{path} is no Ed25519 key.")
    return key
