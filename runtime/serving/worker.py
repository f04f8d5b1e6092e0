"""A gevent worker whose failure is its own: it can't end the others, and it quotes no request
(F1, B8).
"""

import socket
import time
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

from runtime.logs import get_logger
from runtime.serving import refused, slate

log = get_logger("server")


class Worker(GeventWorker):
    """Starts the application; where that fails it ends after a few seconds, and the next one tries
    again.

    Meanwhile it answers 503 if it is `alone`, and leaves the calls to the others if it is not. The
    `first` one of a server fails as gunicorn's do: the person who started it is still there.
    """

    first = alone = True
    lame = False

    def __init__(self, *given: Any, **more: Any):
        super().__init__(*given, **more)
        self.since = time.monotonic()

    def load_wsgi(self) -> None:
        """Start the application, or what stands in for it."""
        try:
            super().load_wsgi()
        except Exception as error:
            if self.first:
                raise
            log.error("worker_start", error=error, alone=self.alone)
            self.wsgi: Any = refused.away
            self.lame = True

    def run(self) -> None:
        """Say how the start went, and serve."""
        slate.write(self, slate.FAILED if self.lame else slate.READY)
        if self.lame:
            gevent.spawn_later(refused.RETRY_SECONDS, self._end)
            self.sockets = self.sockets if self.alone else []
        super().run()

    def _end(self) -> None:
        self.alive = False

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what is no HTTP, or what broke outside of the application, in fixed words."""
        status = refused.status_of(exc)
        if status == 500:
            log.error("unhandled", error=exc)
        else:
            log.warning("malformed", kind=type(exc).__name__, status=status)
        refused.send(client, status)
