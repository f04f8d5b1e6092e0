"""Answers that the application never sees: what is no HTTP, and a worker without an application
(B8, D5).

gunicorn's own pages quote the request and are HTML.
"""

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from gunicorn.http import errors

from runtime.web import DATA_POLICY, PLAIN

RETRY_SECONDS = 5
LINGER_SECONDS, LINGER_BYTES = 1.0, 1024 * 1024
# What gunicorn answers to these; all else that is no HTTP is 400.
STATUS: dict[type[BaseException], int] = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.ExpectationFailed: 417,
    errors.UnsupportedTransferCoding: 501,
    errors.ConfigurationProblem: 500,
}
HEADERS = [
    ("Content-Type", "application/json"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", DATA_POLICY),
    ("Cache-Control", "no-store"),
]


def status_of(error: BaseException) -> int:
    """Return the status for an error of reading a request, or of answering it."""
    if not isinstance(error, errors.ParseException):
        return 500
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


def send(client: socket.socket, status: int) -> None:
    """Send one answer and end the connection; of what still comes a little is read, as a client
    that is cut off while it sends never sees its answer.
    """
    with suppress(OSError):
        client.settimeout(LINGER_SECONDS)
        client.sendall(_raw(status))
        client.shutdown(socket.SHUT_WR)
        until, left = time.monotonic() + LINGER_SECONDS, LINGER_BYTES
        while left > 0 and time.monotonic() < until and (more := client.recv(65536)):
            left -= len(more)


def away(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer 503 to everything: the application of a worker that has none."""
    body = _body(503)
    length = ("Content-Length", str(len(body)))
    again = ("Retry-After", str(RETRY_SECONDS))
    start_response(_line(503), [*HEADERS, length, again])
    return [body]


def _raw(status: int) -> bytes:
    body = _body(status)
    own = [("Connection", "close"), ("Content-Length", str(len(body)))]
    lines = [f"HTTP/1.1 {_line(status)}", *(f"{name}: {text}" for name, text in [*HEADERS, *own])]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _body(status: int) -> bytes:
    code, text = PLAIN.get(status, PLAIN[400])
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return msgspec.json.encode({"resourceType": "OperationOutcome", "issue": [issue]})
