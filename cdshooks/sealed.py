"""Encrypts what goes into Redis with a key that only our log key makes of a name, so that neither
a key nor a value there tells of anybody (F10).
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runtime.logs import secret_of

NONCE = 12


def seal(name: str, content: bytes) -> bytes:
    """Return a content encrypted under a name."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(secret_of(name)).encrypt(nonce, content, None)


def opened(name: str, sealed: bytes) -> bytes | None:
    """Return the content; None of a host with another log key, or where it is damaged."""
    try:
        return AESGCM(secret_of(name)).decrypt(sealed[:NONCE], sealed[NONCE:], None)
    except (InvalidTag, ValueError):
        return None
