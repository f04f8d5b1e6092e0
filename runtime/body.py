"""Reads the body of a request: JSON without compression, in full, and within five seconds (B1)."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from flask import Request, Response
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException

from runtime.web import PLAIN, BadRequest, RequestTimeout, UnsupportedMedia, VigilError

BODY_SECONDS = 5.0
POLL_SECONDS = 0.1
# Of a body that nobody will look at, so much at a time; between two pieces others have their turn.
PIECE, PAUSE_SECONDS = 64 * 1024, 0.001
# DSTU2's name of what FHIR JSON is called since; no standard names one for CDS Hooks (R6).
OLD_FHIR = "application/json+fhir"
# How gunicorn and Werkzeug's own server hand the connection on; a test client has none.
SOCKETS = ("gunicorn.socket", "werkzeug.socket")


def read_json_body(incoming: Request) -> bytes:
    """Return the body of a POST whose media type is one of JSON or not given.

    Raises UnsupportedMedia, RequestTimeout, or Werkzeug's 413 and 400.
    """
    if incoming.mimetype and not incoming.is_json and incoming.mimetype != OLD_FHIR:
        raise UnsupportedMedia(PLAIN[415][1])
    if incoming.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia(PLAIN[415][1])
    return _read(incoming)


def drain(incoming: Request) -> None:
    """Read what is left of a body and keep none of it, so that a client that still sends gets its
    answer.
    """
    try:
        with _in_time(incoming):
            while incoming.stream.read(PIECE):
                time.sleep(PAUSE_SECONDS)
    except (VigilError, HTTPException):
        return


def drain_after(answer: Response, incoming: Request) -> None:
    """Have what is left of a body read once its answer has left."""
    # The limit is the application's, of which nothing is known by then.
    incoming.max_content_length = incoming.max_content_length
    answer.call_on_close(partial(drain, incoming))


def _read(incoming: Request) -> bytes:
    with _in_time(incoming):
        return incoming.get_data(cache=False)


@contextmanager
def _in_time(incoming: Request) -> Iterator[None]:
    found = (incoming.environ.get(name) for name in SOCKETS)
    with _watch.over(next(filter(None, found), None)) as late:
        try:
            yield
        except HTTPException:
            if not late.is_set():
                raise
        except (ParseException, OSError):
            # Chunks that are none, or an end before the end.
            if not late.is_set():
                raise BadRequest(PLAIN[400][1]) from None
    if late.is_set():
        raise RequestTimeout(PLAIN[408][1])


class _Watch:
    """Ends the reading side of connections whose bodies are late; one thread, or greenlet, a
    process.

    A socket's own time-out is per wait, which a client that drips outlives.
    """

    def __init__(self) -> None:
        self._reading: dict[threading.Event, tuple[float, socket.socket]] = {}
        self._some = threading.Event()
        self._owner = 0

    @contextmanager
    def over(self, connection: socket.socket | None) -> Iterator[threading.Event]:
        """Watch a connection; the event given is set once it was late."""
        late = threading.Event()
        if connection is None:
            yield late
            return
        self._reading[late] = time.monotonic() + BODY_SECONDS, connection
        self._begin()
        try:
            yield late
        finally:
            del self._reading[late]

    def _begin(self) -> None:
        # Threads do not live through a fork.
        if self._owner != os.getpid():
            self._owner, self._some = os.getpid(), threading.Event()
            threading.Thread(target=self._run, name="bodies", daemon=True).start()
        self._some.set()

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._end_late()
            if self._reading:
                time.sleep(POLL_SECONDS)
            else:
                self._some.clear()
                # One may have come between the look and the clearing.
                if self._reading:
                    self._some.set()

    def _end_late(self) -> None:
        now = time.monotonic()
        for late, (due, connection) in list(self._reading.items()):
            if now > due:
                late.set()
                try:
                    connection.shutdown(socket.SHUT_RD)
                except OSError:
                    continue


_watch = _Watch()
