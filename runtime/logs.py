"""Turns events into JSON lines on stderr: UTC, one line an event, no PHI, no token (F9, C4, R58,
R110).

Callers log codes, numbers and `keyed_hash` of identifiers; request text and exception texts never
go in.
"""

import hashlib
import hmac
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

import structlog

from runtime.secretfile import read_or_create

_key = secrets.token_bytes(32)


def configure(
    data_dir: Path | None = None, stream: TextIO | None = None, shared_key: Path | None = None
) -> None:
    """Set the form of all log lines; with `data_dir` keyed hashes stay the same over restarts
    and workers, with the file of a key that hosts share over hosts too.
    """
    global _key
    if data_dir is not None:
        path = shared_key or Path(data_dir) / "log-key"
        _key = read_or_create(path, lambda: secrets.token_bytes(32))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _only_type_of_exception,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Soft(stream or sys.stderr))),
        cache_logger_on_first_use=False,
    )


class _Soft:
    """A stream that drops what can't be written: a log on a full disk costs no card (G13), and one
    that was closed before the last line (a ValueError) no trace at exit.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a room."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=name)
    return logger


def keyed_hash(text: str) -> str:
    """Return 16 hex digits that stand for an identifier in logs and Redis keys; without our key
    it can't be guessed.
    """
    return secret_of(text).hex()[:16]


def secret_of(text: str) -> bytes:
    """Return 32 bytes that only our key makes of a text, to encrypt what goes with it."""
    return hmac.new(_key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def _only_type_of_exception(
    logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Keep the place of an exception and drop its text, which may quote a request."""
    error = event.pop("error", None)
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["at"] = _places(error)
    elif error is not None:
        event["error"] = error
    return event


def _places(error: BaseException) -> list[str]:
    places, step = [], error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return places[-6:]
