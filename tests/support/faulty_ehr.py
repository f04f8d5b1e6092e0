"""An EHR over https on loopback that signs a user in and then holds its answers back, each in its
own way: the faults that a time-out for each wait does not end.
"""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"
GAP_SECONDS, LONGEST_SECONDS = 0.1, 60.0
SCOPE = "launch patient/Patient.r patient/Observation.rs"


class FaultyEhr:
    """One FHIR base at `base`; `fault` is a name of FAULTS, or None for an EHR in order that
    answers with `resources` by the start of a path.
    """

    def __init__(self, tls: ssl.SSLContext, host: str = "127.0.0.1"):
        self.fault: str | None = None
        self.resources: dict[str, dict] = {}
        self.asked: list[str] = []
        # Connections of this moment, with how far each came.
        self.open: dict[socket.socket, str] = {}
        self.reached: set[str] = set()
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self.base = f"https://{host}:{self._server.getsockname()[1]}/fhir"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop to listen, and end what is open."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for sock in list(self.open):
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            self._answer(sock)
        except OSError:
            # The client left, which is what it should do.
            pass
        finally:
            self.open.pop(sock, None)
            sock.close()

    def _answer(self, sock: socket.socket) -> None:
        self._at(sock, "connected")
        if self.fault == "no handshake":
            return _wait(sock)
        line = _Line(sock, self._tls)
        line.handshake(dripping=self.fault == "dripping handshake")
        path = line.request().split()[1]
        self.asked.append(path)
        self._at(sock, "asked")
        return FAULTS[self.fault](line) if self.fault else line.send(self._document(path))

    def _at(self, sock: socket.socket, stage: str) -> None:
        self.open[sock] = stage
        self.reached.add(stage)

    def _document(self, path: str) -> bytes:
        known = {
            "/fhir/.well-known/smart-configuration": {
                "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": f"{self.base}/token",
                "capabilities": ["launch-ehr"],
            },
            "/fhir/token": {
                "access_token": "opaque",
                "token_type": "Bearer",
                "expires_in": 3600,
                "scope": SCOPE,
                "patient": "p1",
            },
        } | self.resources
        found = next((known[start] for start in known if path.startswith(start)), {})
        body = json.dumps(found).encode()
        return HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class _Line:
    """TLS in memory over a socket, so that its records can be sent in any pieces."""

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext):
        self.sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._in, self._out, server_side=True)

    def handshake(self, dripping: bool) -> None:
        send = self.drip if dripping else self.sock.sendall
        self._when_read(self._tls.do_handshake, send)
        send(self._out.read())

    def request(self) -> str:
        """Read one whole request and return its first line."""
        text = b""
        while b"\r\n\r\n" not in text:
            text += self._when_read(lambda: self._tls.read(65536), self.sock.sendall)
        head, _, body = text.partition(b"\r\n\r\n")
        sizes = [
            int(n.split(b":")[1])
            for n in head.split(b"\r\n")
            if n.lower()[:15] == b"content-length:"
        ]
        while sizes and len(body) < sizes[0]:
            body += self._when_read(lambda: self._tls.read(65536), self.sock.sendall)
        return head.split(b"\r\n")[0].decode("ascii")

    def record(self, data: bytes) -> bytes:
        """Return data as TLS records."""
        self._tls.write(data)
        return self._out.read()

    def send(self, data: bytes) -> None:
        self.sock.sendall(self.record(data))

    def drip(self, pieces: Iterable) -> None:
        """Send pieces, or the bytes of a whole, one now and then."""
        until = time.monotonic() + LONGEST_SECONDS
        for piece in pieces:
            if time.monotonic() > until:
                return
            self.sock.sendall(piece if isinstance(piece, bytes) else bytes([piece]))
            time.sleep(GAP_SECONDS)

    def _when_read(self, step, send):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                send(self._out.read())
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionError from None
                self._in.write(data)


def _wait(sock: socket.socket) -> None:
    """Say nothing for as long as the client stays."""
    sock.settimeout(LONGEST_SECONDS)
    while sock.recv(65536):
        pass


def _inside_a_record(line: _Line) -> None:
    line.drip(line.record(HEAD + b"Content-Length: 16000\r\n\r\n" + b" " * 16000))


def _in_the_head(line: _Line) -> None:
    line.send(HEAD + b"X-Long: ")
    line.drip(line.record(b"x") for _ in range(100_000))


def _in_chunks(line: _Line) -> None:
    line.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    line.drip(line.record(b"1\r\n \r\n") for _ in range(100_000))


def _in_empty_answers(line: _Line) -> None:
    line.drip(line.record(b"HTTP/1.1 100 Continue\r\n\r\n") for _ in range(100_000))


# What happens after the handshake, where one came about.
FAULTS = {
    "no handshake": None,
    "dripping handshake": lambda line: _wait(line.sock),
    "no answer": lambda line: _wait(line.sock),
    "dripping record": _inside_a_record,
    "dripping head": _in_the_head,
    "dripping chunks": _in_chunks,
    "endless continue": _in_empty_answers,
}
