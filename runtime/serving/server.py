"""Turns Settings into a running production server: gunicorn with gevent workers, and a Redis if
none is given (F1, F5).

gevent, because sync and threaded workers stop answering with 40 slow clients. Nothing is preloaded:
each worker loads the model after the fork, before which LightGBM must not predict.
"""

import gc
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from gunicorn.app.base import BaseApplication

from runtime import store
from runtime.settings import Settings
from runtime.settings_file import secret

GC_THRESHOLD = (50_000, 20, 20)


class _Server(BaseApplication):
    """gunicorn, told by us and by nothing in its environment."""

    def __init__(self, make_app: Callable[[], WSGIApplication], options: dict[str, Any]):
        self._make_app = make_app
        self._options = options
        super().__init__(prog="vigil")

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        app = self._make_app()
        settle()
        return app


def settle() -> None:
    """Take what start-up made out of garbage collection: looking at it in each request costs
    more than the framework.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)


def serve(create_app: Callable[[Settings, str], WSGIApplication], settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; in-flight requests end within 10 s (G4). Raises
    SettingsError for a client secret.
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
    url, own = settings.redis_url, None
    if url is None:
        own = store.embedded(settings.data_path)
        url = own.url
        say("No redis_url is set: using the embedded server on this host only.")
    port = settings.port or urlsplit(settings.public_url).port or 8000
    say(f"Serving {settings.public_url} on {settings.bind}:{port} with {settings.workers} workers.")
    try:
        _Server(lambda: create_app(settings, url), _options(settings, port)).run()
    finally:
        if own:
            own.stop()


def say(line: str) -> None:
    """Print a line for the person who starts the server."""
    print(line, file=sys.stderr, flush=True)


def _options(settings: Settings, port: int) -> dict[str, Any]:
    return {
        "bind": f"[{settings.bind}]:{port}" if ":" in settings.bind else f"{settings.bind}:{port}",
        "workers": settings.workers,
        "worker_class": "gevent",
        "worker_connections": 1000,
        "timeout": 30,
        "graceful_timeout": 10,
        "keepalive": 5,
        "loglevel": "warning",
        "limit_request_line": 8190,
    }
