"""Encrypts the bodies of records at rest, if the operator gives a key: AES-256-GCM, each body with
a nonce of its own, bound to time and type of its record.

The chain is over what is stored, so whoever verifies needs no key. Bodies are compressed before,
since nothing can do that afterwards.
"""

import base64
import binascii
import hmac
import zlib
from collections.abc import Sequence
from pathlib import Path

from runtime.audit.chain import Row
from runtime.sealing import opened, seal
from runtime.secretfile import SecretFileError

# No JSON begins with it.
MARK = b"\x01"


class Hidden(Exception):
    """The body is encrypted, and no key at hand fits."""


class Cipher:
    """The keys of a host; the first one writes, and all read."""

    def __init__(self, keys: Sequence[bytes]):
        self._keys = keys

    def hide(self, row: Row) -> Row:
        """Return a record with its body encrypted."""
        bound = _bound(row.ts, row.type)
        return row._replace(body=MARK + seal(self._keys[0], zlib.compress(row.body, 1), bound))

    def secrets(self, purpose: str) -> list[bytes]:
        """Return 32 bytes by each key for another purpose, that of the first key first."""
        return [hmac.digest(key, purpose.encode(), "sha256") for key in self._keys]

    def show(self, ts: str, type: str, stored: bytes) -> bytes:
        """Return the body of a record that was encrypted. Raises Hidden."""
        for key in self._keys:
            if body := opened(key, stored[len(MARK) :], _bound(ts, type)):
                return zlib.decompress(body)
        raise Hidden(f"no key of `audit_key_file` fits the record of {ts}")


def plain(cipher: Cipher | None, ts: str, type: str, stored: bytes) -> bytes:
    """Return the body of a record, encrypted or not. Raises Hidden."""
    if stored[:1] != MARK:
        return stored
    if cipher is None:
        raise Hidden(f"the record of {ts} is encrypted, and `audit_key_file` is not set")
    return cipher.show(ts, type, stored)


def cipher_of(path: Path | None) -> Cipher | None:
    """Return the cipher by the keys of a file, each 32 bytes in base64 on a line of its own; None
    without a file.

    Raises SecretFileError for a file that others may read, or that holds something else.
    """
    if path is None:
        return None
    try:
        if path.stat().st_mode & 0o077:
            raise SecretFileError(f"{path} is readable by others: chmod 600 it.")
        keys = [base64.b64decode(line, validate=True) for line in path.read_bytes().split()]
    except (OSError, binascii.Error):
        keys = []
    if not keys or any(len(key) != 32 for key in keys):
        raise SecretFileError(f"{path} holds no keys of 32 bytes in base64, one a line.")
    return Cipher(keys)


def _bound(ts: str, type: str) -> bytes:
    return f"{ts}\n{type}".encode()
