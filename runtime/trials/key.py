"""Reads the key of a trial's allocation: 32 bytes in base64, in a file for its owner alone."""

import base64
import binascii
from pathlib import Path

from runtime.secretfile import SecretFileError

BYTES = 32


def trial_key(path: Path) -> bytes:
    """Return the key. Raises SecretFileError that says what is wrong with its file."""
    try:
        readable = path.stat().st_mode & 0o077
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except OSError as error:
        raise SecretFileError(f"{path} can't be read: {error.strerror}.") from None
    except binascii.Error:
        raise SecretFileError(f"{path} holds no base64.") from None
    if readable:
        raise SecretFileError(f"{path} is readable by others: chmod 600 it.")
    if len(key) != BYTES:
        raise SecretFileError(f"{path} holds {len(key)} bytes; it needs {BYTES}, in base64.")
    return key
