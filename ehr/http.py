"""Turns one URL into at most so many bytes until a deadline: the only way Vigil's services read
from others (C2, C3, A8).

No redirects, no retries, no cookies, no proxy or netrc from the environment; compressed answers are
counted decoded. Each read has a connection of its own, so that nothing of one call stays for
another: a kept one would save two round trips, and cost a second try whenever it went stale.
"""

import logging
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from http.client import HTTPException
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.util.ssltransport import SSLTransport

from ehr.deadline import Names, connect

ALWAYS = {"Accept-Encoding": "gzip", "Connection": "close", "User-Agent": "vigil"}
ENCODINGS = {"", "identity", "gzip", "x-gzip"}
# In this order: each is a kind of OSError.
FAULTS = {
    TimeoutError: "timeout",
    ssl.SSLCertVerificationError: "certificate",
    socket.gaierror: "name",
    OSError: "connection",
}
# It warns of odd headers with the URL, and a URL holds the patient's id (F9).
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class OutgoingError(Exception):
    """Nothing usable came; the message is one of a few fixed words, fit for logs and audit."""


class Answer(NamedTuple):
    """The status, the decoded body and the headers of an HTTP answer; names of headers are taken
    in any case.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class Outgoing:
    """Asks servers, each time within a deadline and a size. Certificates are checked against the
    system's store, where a hospital keeps its own authority.
    """

    def __init__(self) -> None:
        self._names = Names()
        self._tls = ssl.create_default_context()

    def get(self, url: str, headers: Mapping[str, str], deadline: float, limit: int) -> Answer:
        """GET a URL until `deadline` (monotonic seconds) and at most `limit` decoded bytes.

        Raises OutgoingError for all that goes wrong, a larger body and a late one included.
        """
        return self.request("GET", url, headers, None, deadline, limit)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | str | None,
        deadline: float,
        limit: int,
    ) -> Answer:
        """Send a request and read its answer, with the limits and the error of `get`."""
        try:
            with closing(self._connection(url, deadline)) as connection:
                connection.request(
                    method, _target(url), body, {**headers, **ALWAYS}, preload_content=False
                )
                with closing(connection.getresponse()) as response:
                    return Answer(response.status, _body(response, limit), response.headers)
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            raise OutgoingError(_word(error)) from None

    def _connection(self, url: str, deadline: float) -> HTTPConnection:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("no URL of the web")
        if parts.scheme == "https":
            return _TlsConnection(
                parts.hostname, parts.port, self._names, deadline, context=self._tls
            )
        return _Connection(parts.hostname, parts.port, self._names, deadline)


class _Connection(HTTPConnection):
    """A connection whose socket ends at a deadline: name, connect, request, answer."""

    def __init__(self, host: str, port: int | None, names: Names, deadline: float):
        super().__init__(host, port or self.default_port)
        self._connected = partial(connect, names, host, self.port, deadline)

    def connect(self) -> None:
        self.sock = self._connected()


class _TlsConnection(_Connection):
    """The same, the handshake included.

    TLS by a transport, not by an SSLSocket: that waits inside itself, anew for each piece of a
    record.
    """

    default_port = 443  # type: ignore[misc]

    def __init__(
        self,
        host: str,
        port: int | None,
        names: Names,
        deadline: float,
        context: ssl.SSLContext,
    ):
        super().__init__(host, port, names, deadline)
        self._context = context

    def connect(self) -> None:
        super().connect()
        self.sock = SSLTransport(self.sock, self._context, server_hostname=self.host)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _body(response: HTTPResponse, limit: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise ValueError("an encoding that was not asked for")
    # urllib3 passes over one with a space behind it.
    response.headers["Content-Encoding"] = encoding
    body = response.read(limit + 1)
    if len(body) > limit:
        raise OutgoingError("too large")
    return body


def _word(error: Exception) -> str:
    """Name a fault; urllib3 wraps what happened while the body came."""
    cause = error.__cause__ or error
    return next((word for kind, word in FAULTS.items() if isinstance(cause, kind)), "protocol")
