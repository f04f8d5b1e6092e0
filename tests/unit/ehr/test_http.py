"""One read of an HTTP server: what is asked, what is taken, and what each fault is called. Bytes
stand for the server, so nothing waits.
"""

import gzip
import io
import json
import logging
import socket
import ssl
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ehr import http
from ehr.http import Answer, Outgoing, OutgoingError

LIMIT = 1000
URL = "http://fhir.example.org/r4/Patient/1?a=b&c=d%7Ce#top"
OK = b"HTTP/1.1 200 OK\r\n"


class Wire:
    """Stands for a connected socket: gives the bytes of an answer, keeps those of the request."""

    def __init__(self, answer: bytes | Exception):
        self.answer, self.sent, self.closed = answer, b"", False

    def settimeout(self, seconds):
        pass

    def sendall(self, data):
        self.sent += data

    def makefile(self, mode):
        if isinstance(self.answer, Exception):
            raise self.answer
        self.stream = io.BytesIO(self.answer)
        return self.stream

    def close(self):
        self.closed = True


@pytest.fixture
def wire(monkeypatch):
    """Make the next connection a Wire with this answer, or raise this fault in place of one."""

    def make(answer, fault=None):
        made = Wire(answer)

        def connect(names, host, port, deadline):
            made.place = (host, port, deadline)
            if fault:
                raise fault
            return made

        monkeypatch.setattr(http, "connect", connect)
        return made

    return make


def read(limit: int = LIMIT, url: str = URL, **headers) -> Answer:
    return Outgoing().get(url, headers, 7.0, limit)


def fault(limit: int = LIMIT, url: str = URL) -> str:
    with pytest.raises(OutgoingError) as caught:
        read(limit, url)
    return str(caught.value)


def sized(body: bytes, *lines: bytes) -> bytes:
    return (
        OK
        + b"".join(line + b"\r\n" for line in lines)
        + b"Content-Length: %d\r\n\r\n%b"
        % (
            len(body),
            body,
        )
    )


def test_a_read_is_one_plain_get(wire):
    """Path and query as given, no fragment, and a connection for this read alone, closed after."""
    server = wire(sized(b"{}"))
    assert read(Authorization="Bearer t")[:2] == (200, b"{}")
    first, *lines = server.sent.decode("ascii").split("\r\n")
    assert first == "GET /r4/Patient/1?a=b&c=d%7Ce HTTP/1.1"
    assert {*filter(None, lines)} == {
        "Host: fhir.example.org",
        "Authorization: Bearer t",
        "Accept-Encoding: gzip",
        "Connection: close",
        "User-Agent: vigil",
    }
    assert server.place == ("fhir.example.org", 80, 7.0)
    assert server.closed and server.stream.closed


@pytest.mark.parametrize(
    ("url", "place", "host"),
    [
        ("http://localhost:8001/x", ("localhost", 8001), "localhost:8001"),
        ("http://[::1]:8001/x", ("::1", 8001), "[::1]:8001"),
        ("http://[::1]/x", ("::1", 80), "[::1]"),
        ("http://LOCALHOST", ("localhost", 80), "localhost"),
    ],
)
def test_host_and_port_are_the_urls(wire, url, place, host):
    """RFC 9110, 7.2: the port is left out where it is the scheme's own."""
    server = wire(sized(b""))
    read(url=url)
    assert server.place[:2] == place and f"\r\nHost: {host}\r\n".encode() in server.sent


@pytest.mark.rule("C2")
def test_no_proxy_and_no_netrc_of_the_environment(wire, monkeypatch, tmp_path):
    """Only our own configuration says where a token goes."""
    (tmp_path / ".netrc").write_text("machine fhir.example.org login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example.org:3128")
    server = wire(sized(b"{}"))
    read()
    assert server.place[:2] == ("fhir.example.org", 80) and b"Authorization" not in server.sent


def test_a_body_is_sent_with_its_length(wire):
    """The token request is the only one with a body."""
    server = wire(sized(b"{}"))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "br"}
    assert Outgoing().request("POST", URL, headers, "a=b&c=d", 7.0, LIMIT).status == 200
    head, _, body = server.sent.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /r4") and b"\r\nContent-Length: 7" in head and body == b"a=b&c=d"
    assert b"Accept-Encoding: gzip" in head and b"br" not in head


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.rule("C2")
def test_a_redirect_is_an_answer_and_is_not_followed(wire, status):
    """C2: the token would go along."""
    server = wire(
        b"HTTP/1.1 %d Go\r\nLocation: http://evil.example.org/\r\nContent-Length: 0\r\n\r\n"
        % status
    )
    assert read()[:2] == (status, b"") and server.sent.count(b"HTTP/1.1\r\n") == 1


@pytest.mark.parametrize(
    "answer",
    [
        sized(b"abc"),
        OK + b"\r\nabc",
        b"HTTP/1.0 200\r\n\r\nabc",
        b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"abc"),
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: x\r\n\r\n",
        sized(gzip.compress(b"abc"), b"Content-Encoding: gzip"),
        sized(gzip.compress(b"abc"), b"content-encoding: X-GZIP "),
        sized(gzip.compress(b"a") + gzip.compress(b"bc"), b"Content-Encoding: gzip"),
        sized(b"abc", b"Content-Encoding: identity"),
        sized(b"abc") + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_a_body_in_every_framing(wire, answer):
    """RFC 9112, section 6, and the one encoding that was asked for."""
    wire(answer)
    assert read()[:2] == (200, b"abc")


@pytest.mark.parametrize("framing", ["length", "close", "chunked"])
@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1, 30_000_000])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.rule("C3")
def test_the_size_is_counted_decoded(wire, framing, size, compressed):
    """At most the limit, whatever came over the line (C3)."""
    body = b" " * size
    lines = b""
    if compressed:
        body, lines = gzip.compress(body, 1), b"Content-Encoding: gzip\r\n"
    if framing == "length":
        lines += b"Content-Length: %d\r\n" % len(body)
    if framing == "chunked":
        lines += b"Transfer-Encoding: chunked\r\n"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    server = wire(OK + lines + b"\r\n" + body)
    assert (len(read().body) == size) if size <= LIMIT else (fault() == "too large")
    assert server.stream.closed


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x16\x03\x01\x00\x05hello",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        OK + b"X: " + b"x" * 70_000,
        OK + b"X: y\r\n" * 200 + b"\r\n",
        OK + b"Content-Length: 10\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
        sized(b"abc", b"Content-Encoding: br"),
        sized(zlib.compress(b"abc"), b"Content-Encoding: deflate"),
        sized(b"abc", b"Content-Encoding: gzip"),
        sized(gzip.compress(b"abc"), b"Content-Encoding: gzip, gzip"),
    ],
)
def test_what_is_no_whole_answer_is_a_fault_of_the_protocol(wire, answer):
    """A part of a body is never passed off as the whole; the socket is closed."""
    server = wire(answer)
    assert fault() in {"protocol", "connection"}
    assert server.closed and server.stream.closed


@pytest.mark.parametrize(
    ("happened", "word"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(111, "refused"), "connection"),
        (OSError(113, "no route"), "connection"),
        (socket.gaierror(-2, "unknown"), "name"),
        (ssl.SSLCertVerificationError(1, "self-signed certificate"), "certificate"),
        (ssl.SSLError(1, "wrong version number"), "connection"),
        (UnicodeError("label too long"), "protocol"),
    ],
)
def test_each_fault_has_its_word(wire, happened, word):
    """On the way there and while the answer comes; a word is fit for logs, the error's text is
    not.
    """
    wire(b"", happened)
    assert fault() == word
    server = wire(happened)
    assert fault() == word and server.closed


@pytest.mark.parametrize("happened", [TimeoutError(), ConnectionResetError(104, "reset")])
def test_a_fault_within_the_body_has_the_same_word(wire, monkeypatch, happened):
    """urllib3 wraps it."""

    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise happened

    server = wire(OK + b"Content-Length: 10\r\n\r\nabc")
    monkeypatch.setattr(server, "makefile", lambda mode: Broken(server.answer))
    assert fault() == ("timeout" if isinstance(happened, TimeoutError) else "connection")


@pytest.mark.parametrize("url", ["ftp://a/b", "file:///etc/passwd", "http://", "http://a:b/", "x"])
def test_what_is_no_url_of_the_web_is_not_asked(wire, url):
    """Nor is anything connected."""
    server = wire(b"")
    assert fault(url=url) == "protocol" and not hasattr(server, "place")


@pytest.mark.rule("F9")
def test_an_odd_answer_leaves_no_url_in_the_logs(wire, caplog):
    """The libraries' own warnings name the URL, and with it the patient (F9)."""
    with caplog.at_level(logging.DEBUG):
        wire(OK + b"no colon here\r\nContent-Length: 2\r\n\r\n{}")
        assert read().status == 200
    assert "Patient/1" not in caplog.text and "fhir.example.org" not in caplog.text


PIECES = st.lists(
    st.sampled_from(
        [
            OK,
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"Content-Length: 3\r\n",
            b"Content-Length: -1, 3\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Encoding: gzip\r\n",
            b"Content-Type: \xff;\x00\r\n",
            b"\r\n",
            b"3\r\nabc\r\n",
            b"abc",
            gzip.compress(json.dumps({"a": 1}).encode()),
        ]
    )
    | st.binary(max_size=20),
    max_size=8,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PIECES)
def test_any_bytes_are_an_answer_or_a_fault(wire, pieces):
    """Nothing but OutgoingError comes out of a read."""
    wire(b"".join(pieces))
    try:
        assert len(ASKING.get(URL, {}, 7.0, LIMIT).body) <= LIMIT
    except OutgoingError as error:
        assert str(error) in {*http.FAULTS.values(), "protocol", "too large"}


# Made once: reading the system's certificates takes longer than all of these reads.
ASKING = Outgoing()
