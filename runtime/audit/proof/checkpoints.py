"""What somebody could say of the audit log at a moment, signed, so that no later log can pass for
it (Ed25519).

A line of JSON each in `checkpoints.jsonl`, only ever appended: number, time, how many records, the
hash of the last, the Merkle root of those since the checkpoint before, and that one's hash. The
signature is over the checkpoint as msgspec writes it, so that a line may be shipped in any form of
JSON, a log event among them, and still be checked.
"""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from runtime.audit.chain import FIRST
from runtime.secretfile import SecretFileError, read_or_create

FILE, KEY = "checkpoints.jsonl", "checkpoint-key"
# Signed with the text, so that a signature made for something else never passes for one of these.
PURPOSE = b"vigil audit checkpoint v1\n"


class Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement; `since` of its `records` are new since the checkpoint whose hash is
    `previous`.

    `reason` is a person's, who took the places `excused` as they stand.
    """

    number: int
    at: str
    records: int
    since: int
    head: str
    root: str
    previous: str = FIRST
    reason: str = ""
    excused: tuple[str, ...] = ()


class Signed(msgspec.Struct, frozen=True):
    """A checkpoint with its signature and the id of the key that made it."""

    checkpoint: Checkpoint
    key: str
    signature: str


class Read(NamedTuple):
    """Where a line stands, and its checkpoint, or None if it is none."""

    place: str
    signed: Signed | None


def hash_of(checkpoint: Checkpoint) -> str:
    """Return what the next checkpoint calls this one by."""
    return hashlib.sha256(_bytes(checkpoint)).hexdigest()


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> Signed:
    """Return the checkpoint with its signature."""
    mark = base64.b64encode(key.sign(_bytes(checkpoint))).decode()
    return Signed(checkpoint, key_id(key.public_key()), mark)


def genuine(signed: Signed, keys: Mapping[str, Ed25519PublicKey]) -> bool:
    """Return whether one of these keys made the signature."""
    try:
        keys[signed.key].verify(base64.b64decode(signed.signature), _bytes(signed.checkpoint))
    except (KeyError, ValueError, InvalidSignature):
        return False
    return True


def read(place: Path) -> Iterator[Read]:
    """Yield what stands in a file of lines, or in all such files (.json, .jsonl, .log) of a folder;
    nothing if there is none.

    Other members of a line, as a log adds them, are passed over.
    """
    kinds = {".json", ".jsonl", ".log"}
    inside = sorted(place.iterdir()) if place.is_dir() else [place] if place.exists() else []
    for file in inside:
        if file == place or file.suffix in kinds:
            for number, line in enumerate(file.read_bytes().splitlines(), 1):
                if line.strip():
                    yield Read(f"{file.name} line {number}", _decoded(line))


def append(folder: Path, signed: Signed) -> None:
    """Write a checkpoint behind the others and return once it is on disk."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        # Never write on in a line that a crash left unfinished; nor remove it, since the file may
        # be one that can only be appended to.
        file.seek(max(size - 1, 0))
        torn = b"\n" if size and file.read(1) != b"\n" else b""
        file.write(torn + msgspec.json.encode(signed) + b"\n")
        os.fsync(file.fileno())


def private_key(data_dir: Path) -> Ed25519PrivateKey:
    """Return the key of this host's checkpoints, made at first use in `checkpoint-key`, mode 0600.

    Raises SecretFileError when it is damaged or readable by others.
    """
    path = data_dir / KEY
    try:
        key = serialization.load_pem_private_key(read_or_create(path, _new_key), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SecretFileError(f"{path} is no Ed25519 key in PEM; restore it from a backup.")
    return key


def public_pem(key: Ed25519PublicKey) -> str:
    """Return a public key as text, to be kept where this host can't write."""
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, form).decode()


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key in a PEM file. Raises SecretFileError when there is none."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise SecretFileError(f"{path} is no public Ed25519 key in PEM.")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """Return what names a key: 16 hex digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _bytes(checkpoint: Checkpoint) -> bytes:
    return PURPOSE + msgspec.json.encode(checkpoint)


def _decoded(line: bytes) -> Signed | None:
    try:
        return msgspec.json.decode(line, type=Signed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
