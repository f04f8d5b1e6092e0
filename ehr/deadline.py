"""Turns a host and a port into a connected socket on which all waits together end at a deadline
(C3).

A socket's own time-out is for one wait, in Python as under gevent: a server that drips starts it
anew with each byte, inside a TLS record as well, and a name's look-up has none at all.
"""

import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

Addresses = Sequence[tuple[int, int, int, str, tuple[Any, ...]]]


class DeadlineSocket(socket.socket):
    """A TCP socket that raises TimeoutError in any wait at `deadline`, in monotonic seconds."""

    deadline = 0.0

    def settimeout(self, value: float | None) -> None:
        """Keep to the deadline, whatever a library would set for its next wait."""

    def connect(self, address: Any) -> None:
        """Connect, until the deadline."""
        self._wait_no_longer()
        super().connect(address)

    def recv(self, *args: Any) -> bytes:
        """Receive what has come, until the deadline."""
        self._wait_no_longer()
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        """Receive into a buffer, until the deadline."""
        self._wait_no_longer()
        return super().recv_into(*args)

    def sendall(self, *args: Any) -> None:
        """Send all, until the deadline; its time-out is for the whole in both worlds."""
        self._wait_no_longer()
        super().sendall(*args)

    def _wait_no_longer(self) -> None:
        super().settimeout(left(self.deadline))


class Names:
    """Looks host names up aside: whoever waits stops at the deadline, the look-up itself can't be
    stopped.

    So there is one at a time for a name, which all who ask meanwhile share: a dead name server
    costs as many threads as there are names, however many calls come.
    """

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], Future[Addresses]] = {}
        self._lock = threading.Lock()

    def addresses(self, host: str, port: int, deadline: float) -> Addresses:
        """Return the addresses of a host. Raises OSError, TimeoutError, or ValueError for a name
        that is none.
        """
        seconds = left(deadline)
        with self._lock:
            lookup = self._lookups.get((host, port)) or self._begin(host, port)
        return lookup.result(seconds)

    def _begin(self, host: str, port: int) -> Future[Addresses]:
        lookup: Future[Addresses] = Future()
        # A daemon, so that a look-up that hangs does not keep the process from ending.
        threading.Thread(target=self._look_up, args=(host, port), daemon=True).start()
        self._lookups[host, port] = lookup
        return lookup

    def _look_up(self, host: str, port: int) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as error:
            self._end(host, port).set_exception(error)
        else:
            self._end(host, port).set_result(found)

    def _end(self, host: str, port: int) -> Future[Addresses]:
        with self._lock:
            return self._lookups.pop((host, port))


def connect(names: Names, host: str, port: int, deadline: float) -> DeadlineSocket:
    """Return a socket that is connected to the first address of a host that answers.

    Raises OSError (TimeoutError included), or ValueError for a host that is none.
    """
    addresses = names.addresses(host, port, deadline)
    for place, (family, kind, protocol, _, address) in enumerate(addresses, 1):
        sock = DeadlineSocket(family, kind, protocol)
        try:
            # An address that is silent, as IPv6 often is, leaves their share to those after it.
            sock.deadline = time.monotonic() + left(deadline) / (len(addresses) + 1 - place)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.deadline = deadline
            return sock
        except OSError:
            sock.close()
            if place == len(addresses):
                raise
    raise OSError("a host without an address")


def left(deadline: float) -> float:
    """Return the seconds until a deadline, in monotonic seconds; raises TimeoutError after it."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
