"""Turns one URL into at most so many bytes within so much time: the only way Vigil's services read
from others (C2, C3, A8).

No redirects, no retries, no cookies, no proxy from the environment; compressed answers are counted
decoded.
"""

import http.client
import io
import socket
import ssl
import time
import zlib
from typing import NamedTuple
from urllib.parse import urlsplit

CONNECT_SECONDS = 0.2
READ_SECONDS = 0.3
CHUNK = 65536


class OutgoingError(Exception):
    """Nothing usable came; the message is one of a few fixed words, fit for logs and audit."""


class Answer(NamedTuple):
    """The status and the decoded body of an HTTP answer."""

    status: int
    body: bytes


class Outgoing:
    """Reads URLs within a deadline, a size and fixed socket time-outs."""

    def __init__(
        self, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS
    ):
        self.connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        self._tls = ssl.create_default_context()

    def get(self, url: str, headers: dict[str, str], deadline: float, limit: int) -> Answer:
        """GET a URL until `deadline` (monotonic seconds) and at most `limit` decoded bytes.

        Raises OutgoingError for all that goes wrong, a larger body and a late one included.
        """
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        sock = None
        try:
            sock = self._connect(parts.scheme, parts.hostname, parts.port, deadline)
            connection = http.client.HTTPConnection(parts.hostname, parts.port)
            connection.default_port = 443 if parts.scheme == "https" else 80
            connection.sock = _DeadlineSocket(sock, deadline, self.read_seconds)
            connection.request(
                "GET", target, headers={"Accept-Encoding": "gzip", "User-Agent": "vigil"} | headers
            )
            response = connection.getresponse()
            return Answer(response.status, _body(response, limit))
        except TimeoutError:
            raise OutgoingError("timeout") from None
        except OSError:
            raise OutgoingError("connection") from None
        except (http.client.HTTPException, ValueError, zlib.error):
            raise OutgoingError("protocol") from None
        finally:
            if sock:
                sock.close()

    def _connect(self, scheme: str, host: str, port: int | None, deadline: float) -> socket.socket:
        secure = scheme == "https"
        sock = socket.create_connection(
            (host, port or (443 if secure else 80)), min(self.connect_seconds, _left(deadline))
        )
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secure:
                sock.settimeout(min(self.read_seconds, _left(deadline)))
                sock = self._tls.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise
        return sock


class _DeadlineSocket:
    """What http.client needs of a socket, with every wait cut to the time left: a drip can't
    outlive the deadline.
    """

    def __init__(self, sock: socket.socket, deadline: float, seconds: float):
        self.sock, self.deadline, self.seconds = sock, deadline, seconds

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(min(self.seconds, _left(self.deadline)))
        self.sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self), CHUNK)

    def close(self) -> None:
        """Stay open: http.client closes its socket once the headers of a closing answer are
        read, before the body is.
        """


class _DeadlineReader(io.RawIOBase):
    def __init__(self, owner: _DeadlineSocket):
        self.owner = owner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        owner = self.owner
        owner.sock.settimeout(min(owner.seconds, _left(owner.deadline)))
        return owner.sock.recv_into(buffer)


def _body(response: http.client.HTTPResponse, limit: int) -> bytes:
    encoding = response.getheader("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip"}:
        raise ValueError("an encoding that was not asked for")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding == "gzip" else None
    parts, size = [], 0
    while chunk := response.read1(CHUNK):
        part = inflate.decompress(chunk, limit - size + 1) if inflate else chunk
        parts.append(part)
        size += len(part)
        if size > limit:
            raise OutgoingError("too large")
    return b"".join(parts)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
