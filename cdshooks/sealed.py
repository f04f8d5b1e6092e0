"""Encrypts what goes into Redis with a key that only our log key makes of a name, so that neither
a key nor a value there tells of anybody (F10).
"""

from runtime import sealing
from runtime.logs import secret_of


def seal(name: str, content: bytes) -> bytes:
    """Return a content encrypted under a name."""
    return sealing.seal(secret_of(name), content)


def opened(name: str, sealed: bytes) -> bytes | None:
    """Return the content; None of a host with another log key, or where it is damaged."""
    return sealing.opened(secret_of(name), sealed)
