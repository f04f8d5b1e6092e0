"""gunicorn's own messages as JSON lines like all others (F9)."""

import os
import sys
from typing import Any

from gunicorn.glogging import Logger

from runtime.logs import get_logger

log = get_logger("server")


class ServerLog(Logger):
    """Writes warnings and worse; there is no access log, since a path can hold a patient.

    Only the first process fills words into a message: it never meets a request. A worker's may be
    of one, so numbers alone are filled in there.
    """

    def __init__(self, cfg: Any):
        super().__init__(cfg)
        self._first = os.getpid()

    def critical(self, msg: Any, *args: Any, **_: Any) -> None:
        """Write an error."""
        log.error("server", message=self._filled(msg, args))

    def error(self, msg: Any, *args: Any, exc_info: Any = None, **_: Any) -> None:
        """Write an error, without the words of its exception."""
        more = {"error": sys.exc_info()[1]} if exc_info else {}
        log.error("server", message=self._filled(msg, args), **more)

    def exception(self, msg: Any, *args: Any, **_: Any) -> None:
        """Write an error, without the words of its exception."""
        self.error(msg, *args, exc_info=True)

    def warning(self, msg: Any, *args: Any, **_: Any) -> None:
        """Write a warning."""
        log.warning("server", message=self._filled(msg, args))

    def info(self, msg: Any, *args: Any, **_: Any) -> None:
        """Write nothing."""

    def debug(self, msg: Any, *args: Any, **_: Any) -> None:
        """Write nothing."""

    def _filled(self, msg: Any, args: tuple[Any, ...]) -> str:
        if os.getpid() == self._first:
            return str(msg) % args if args else str(msg)
        known = tuple(one if isinstance(one, int) else "..." for one in args)
        return str(msg) % known if args else str(msg)
