"""Turns Settings into a running production server: gunicorn with gevent workers, and a Redis if
none is given (F1, F5).

gevent, because sync and threaded workers stop answering with 40 slow clients. The first process
holds what workers are started with, so that one that was killed comes back as it was. LightGBM must
not predict before a fork: each worker makes its application after it.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from flask import Flask
from gunicorn.app.base import BaseApplication

from runtime import logs, store
from runtime.audit.proof.keeper import Keeper
from runtime.serving.master import Master, instruct
from runtime.serving.server_log import ServerLog
from runtime.serving.worker import Worker
from runtime.settings import Settings
from runtime.settings_file import redis_url, secret
from runtime.trials.announced import announced
from runtime.watching import watch
from runtime.watching.shared import shared_numbers, worker_ended

GC_THRESHOLD = (50_000, 20, 20)
# A heartbeat must not wait for a slow disk.
MEMORY = "/dev/shm"  # noqa: S108
Stock = TypeVar("Stock")
log = logs.get_logger("server")


class Beside(Protocol):
    """A process that runs beside the workers."""

    def tend(self) -> None:
        """Start it again if it ended; called about once a second."""


class _Server(BaseApplication, Generic[Stock]):
    """gunicorn, told by us and by nothing in its environment."""

    def __init__(
        self,
        stocked: Callable[[Stock | None], Stock],
        create_app: Callable[[Stock], Flask],
        beside: Sequence[Beside],
        options: dict[str, Any],
    ):
        self._stocked, self._create_app, self._beside = stocked, create_app, beside
        self._options = options
        self._stock = stocked(None)
        super().__init__(prog="vigil")

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        app = self._create_app(self._stock)
        watch.begin(app)
        settle()
        return app

    def run(self) -> None:
        settle()
        Master(self, self).run()

    def renew(self) -> None:
        """Read the stock anew; what can't be read leaves it as it is."""
        try:
            self._stock = self._stocked(self._stock)
        except Exception as error:
            log.error("reload", error=error)

    def tend(self) -> None:
        """Start again what ended beside the workers; a failure of that ends nothing else."""
        for beside in self._beside:
            try:
                beside.tend()
            except Exception as error:
                log.error("beside", what=type(beside).__name__, error=error)


def settle() -> None:
    """Take what start-up made out of garbage collection: looking at it in each request costs
    more than the framework, and unshares it between the workers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)


def serve(
    settings: Settings,
    stocked: Callable[[Stock | None], Stock],
    create_app: Callable[[str, Stock], Flask],
) -> None:
    """Serve until SIGTERM or Ctrl-C; in-flight requests end within 10 s (G4). Raises
    SettingsError for a client secret, and what `stocked` does.

    `stocked` gives what each worker's `create_app` gets, at the start and at each SIGHUP; it is
    handed what it gave before.
    """
    settings.data_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for ehr in settings.ehr:
        # A secret that is missing or readable by others stops the start, not the first launch (F6).
        secret(ehr, settings)
        if ehr.hook_auth == "open":
            say(
                f"WARNING: ehr `{ehr.id}` answers hooks without a token. Use this with a sandbox "
                "only, never with real patients."
            )
    for line in announced(settings):
        say(line)
    logs.configure(settings.data_path)
    url, own = redis_url(settings), None
    if url is None:
        own = store.embedded(settings.data_path)
        url = own.url
        say("No redis_url is set: using the embedded server on this host only.")
    port = settings.port or urlsplit(settings.public_url).port or 8000
    say(f"Serving {settings.public_url} on {settings.bind}:{port} with {settings.workers} workers.")
    keeper = Keeper(settings.audit_path, settings.checkpoint_path)
    try:
        with shared_numbers(f"{settings.data_path}:{port}", settings.data_path):
            make = partial(create_app, url)
            beside: list[Beside] = [keeper, *([own] if own else [])]
            _Server(stocked, make, beside, _options(settings, port)).run()
    finally:
        if own:
            own.stop()
        keeper.stop()


def say(line: str) -> None:
    """Print a line for the person who starts the server."""
    print(line, file=sys.stderr, flush=True)


def _options(settings: Settings, port: int) -> dict[str, Any]:
    return {
        "bind": f"[{settings.bind}]:{port}" if ":" in settings.bind else f"{settings.bind}:{port}",
        "workers": settings.workers,
        "worker_class": Worker,
        "worker_connections": 1000,
        "worker_tmp_dir": MEMORY if os.access(MEMORY, os.W_OK) else None,
        "pre_fork": instruct,
        "timeout": 30,
        "graceful_timeout": 10,
        "keepalive": 5,
        "loglevel": "warning",
        "logger_class": ServerLog,
        "limit_request_line": 8190,
        # A door for commands that nothing here uses.
        "control_socket_disable": True,
        "child_exit": lambda server, worker: worker_ended(),
    }
