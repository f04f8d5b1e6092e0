"""Turns a list of hashes into one root from which each can be proved alone (RFC 6962, section 2.1).

Pairing level by level, with an odd last node taken along as it is, gives the tree of the RFC. So
does pairing the roots of whole chunks of CHUNK leaves, the last of them shorter: a long list can be
worked on in parts.
"""

from collections.abc import Sequence
from hashlib import sha256

CHUNK = 2**16
EMPTY = sha256().digest()


def leaf(data: bytes) -> bytes:
    """Return the hash of a leaf, which can never be taken for that of two nodes."""
    return sha256(b"\x00" + data).digest()


def root(nodes: Sequence[bytes]) -> bytes:
    """Return the root above leaves, or above the roots of chunks; that of nothing is EMPTY."""
    level = list(nodes) or [EMPTY]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]
