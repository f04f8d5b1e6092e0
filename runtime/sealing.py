"""Encrypts a content with a key: AES-256-GCM, a nonce of its own in front."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12


def seal(key: bytes, content: bytes, bound: bytes | None = None) -> bytes:
    """Return a content encrypted; it opens with the same key and the same `bound` alone."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, bound)


def opened(key: bytes, sealed: bytes, bound: bytes | None = None) -> bytes | None:
    """Return the content; None of another key, for something else, or where it is damaged."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
    except (InvalidTag, ValueError):
        return None
