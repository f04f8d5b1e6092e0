"""A body is read in full and within five seconds, under gevent and in a plain server (B1)."""

import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from werkzeug.serving import make_server

from runtime import body
from tests.support import hookcall
from tests.support.hookcall import SERVICE, World
from tests.support.served import Served

OPEN = '[[ehr]]\nid = "open"\nfhir_base = ["https://fhir.example.org/r4"]\nhook_auth = "open"\n'


@pytest.fixture(scope="module")
def gevent(tmp_path_factory):
    """The port of a `vigil serve` with its own five seconds."""
    server = Served(tmp_path_factory.mktemp("served"), OPEN)
    yield urlsplit(server.url).port
    server.stop()


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """The port of a threaded server without gevent, and half a second for a body."""
    monkeypatch.setattr(body, "BODY_SECONDS", 0.5)
    server = make_server("127.0.0.1", 0, World(tmp_path, hook_auth="open").app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@pytest.fixture(params=["gevent", "plain"])
def port(request):
    return request.getfixturevalue(request.param)


def begin(port, length, head="", path=SERVICE):
    """Open a connection and send the headers of a POST."""
    connection = socket.create_connection(("127.0.0.1", port), 60)
    framing = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}\r\n"
        f"{head}\r\n".encode()
    )
    return connection


def status(connection):
    """Return the status of an answer, or "" when the connection was closed without one."""
    with connection, connection.makefile("rb") as answer:
        return answer.readline().decode().partition(" ")[2][:3]


def drip(connection, piece, stop):
    """Send a piece now and then until told to stop, so that no single wait is long."""
    while not stop.wait(0.1):
        try:
            connection.sendall(piece)
        except OSError:
            return


@pytest.mark.rule("B1")
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_drips_is_given_up(port, chunked):
    """In time for all reads together, not for each: 408, or a closed connection."""
    connection, stop = begin(port, None if chunked else 100_000), threading.Event()
    piece = b"1\r\n \r\n" if chunked else b" "
    threading.Thread(target=drip, args=(connection, piece, stop), daemon=True).start()
    assert status(connection) in ("408", "")
    stop.set()


@pytest.mark.rule("B1")
def test_a_body_that_stops_is_given_up_with_408(port):
    connection = begin(port, 100)
    connection.sendall(b"{")
    assert status(connection) == "408"


@pytest.mark.rule("B1")
def test_a_body_in_pieces_is_read_in_full(port):
    text = json.dumps(
        hookcall.request(prefetch={"patient": None, "vitals": None, "labs": None})
    ).encode()
    connection = begin(port, len(text), "Connection: close\r\n")
    for start in range(0, len(text), 200):
        connection.sendall(text[start : start + 200])
        time.sleep(0.02)
    assert status(connection) == "200"


@pytest.mark.rule("B1")
def test_a_refusal_waits_for_the_body_too(port):
    """A client that is still sending would see a reset connection in place of its answer: for its
    token where the record asks for one, for its body where that is open.
    """
    connection = begin(port, 300_000, "Authorization: Bearer a.b.c\r\nConnection: close\r\n")
    for _ in range(30):
        connection.sendall(b" " * 10_000)
    assert status(connection) in ("400", "401")


def test_others_are_answered_meanwhile(port):
    """Forty slow bodies hold up nobody (F1)."""
    slow = [begin(port, 100) for _ in range(40)]
    text = json.dumps(
        hookcall.request(prefetch={"patient": None, "vitals": None, "labs": None})
    ).encode()
    quick = begin(port, len(text), "Connection: close\r\n")
    quick.sendall(text)
    assert status(quick) == "200"
    for connection in slow:
        connection.close()
