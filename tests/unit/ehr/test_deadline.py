"""What of a connection ends at the deadline although nothing of it can be stopped: names and
addresses.
"""

import socket
import threading
import time

import pytest

from ehr import deadline
from ehr.deadline import Names, connect, left

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]
SOON, LATE = 0.05, 30.0


class Lookups:
    """Stands for the name server: answers when told to, and counts."""

    def __init__(self):
        self.asked, self.answer, self.go = [], FOUND, threading.Event()

    def __call__(self, host, port, **more):
        self.asked.append((host, port))
        assert self.go.wait(LATE)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def lookups(monkeypatch):
    made = Lookups()
    monkeypatch.setattr(deadline.socket, "getaddrinfo", made)
    yield made
    made.go.set()


def ended(before: int) -> bool:
    """Tell whether no more threads run than before, within some seconds."""
    until = time.monotonic() + LATE
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    return threading.active_count() <= before


@pytest.mark.rule("C3")
def test_nobody_waits_for_a_name_beyond_the_deadline(lookups):
    """The look-up goes on by itself, in one thread for all who asked, and is gone when it ends."""
    names, before = Names(), threading.active_count()
    for _ in range(5):
        with pytest.raises(TimeoutError):
            names.addresses("slow.example", 443, time.monotonic() + SOON)
    assert lookups.asked == [("slow.example", 443)] and threading.active_count() == before + 1
    lookups.go.set()
    assert ended(before)


def test_who_still_waits_gets_the_answer(lookups):
    """It is not kept: a name may move, and the next call looks it up again."""
    names = Names()
    with pytest.raises(TimeoutError):
        names.addresses("slow.example", 443, time.monotonic() + SOON)
    threading.Timer(SOON, lookups.go.set).start()
    assert names.addresses("slow.example", 443, time.monotonic() + LATE) == FOUND
    assert names.addresses("slow.example", 443, time.monotonic() + LATE) == FOUND
    assert len(lookups.asked) == 2


def test_one_name_does_not_hold_up_another(lookups):
    """Each name and port has a look-up of its own."""
    names = Names()
    for host, port in (("a", 80), ("b", 80), ("a", 443), ("a", 80)):
        with pytest.raises(TimeoutError):
            names.addresses(host, port, time.monotonic() + SOON)
    assert lookups.asked == [("a", 80), ("b", 80), ("a", 443)]


@pytest.mark.parametrize("fault", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_a_failed_look_up_is_the_callers_error(lookups, fault):
    """And is not kept either."""
    names, lookups.answer = Names(), fault
    lookups.go.set()
    for _ in range(2):
        with pytest.raises(type(fault)):
            names.addresses("gone.example", 443, time.monotonic() + LATE)
    assert len(lookups.asked) == 2


def test_after_the_deadline_nothing_is_begun(lookups):
    """A late read looks no name up."""
    with pytest.raises(TimeoutError):
        Names().addresses("slow.example", 443, time.monotonic() - 1)
    assert lookups.asked == []


class Network:
    """Stands for DeadlineSocket and the clock: silent addresses take all of their time."""

    def __init__(self, monkeypatch, addresses, silent=(), refusing=()):
        self.now, self.tried, self.open = 100.0, [], []
        self.addresses = lambda host, port, deadline: [(0, 0, 0, "", a) for a in addresses]
        outer = self

        class Socket:
            deadline = 0.0

            def __init__(self, *kind):
                outer.open.append(self)

            def connect(self, address):
                outer.tried.append((address, round(self.deadline - outer.now, 6)))
                if address in silent:
                    outer.now = self.deadline
                    raise TimeoutError
                if address in refusing:
                    raise ConnectionRefusedError

            def setsockopt(self, *option):
                pass

            def close(self):
                outer.open.remove(self)

        monkeypatch.setattr(deadline, "DeadlineSocket", Socket)
        monkeypatch.setattr(deadline.time, "monotonic", lambda: self.now)


@pytest.mark.rule("C3")
def test_a_silent_address_leaves_time_for_the_next(monkeypatch):
    """The first of two may take half of what is left; the socket then has all of the rest."""
    network = Network(monkeypatch, ["v6", "v4"], silent={"v6"})
    sock = connect(network, "fhir.example.org", 443, 100.8)
    assert network.tried == [("v6", 0.4), ("v4", 0.4)]
    assert network.open == [sock] and sock.deadline == 100.8


def test_a_refusing_address_takes_nothing_from_the_next(monkeypatch):
    """As `localhost` does, where a server listens on IPv4 only."""
    network = Network(monkeypatch, ["v6", "v4"], refusing={"v6"})
    connect(network, "localhost", 443, 100.8)
    assert network.tried[1] == ("v4", 0.8)


@pytest.mark.parametrize(
    ("silent", "refusing", "error"),
    [({"b"}, {"a"}, TimeoutError), ({"a"}, {"b"}, ConnectionRefusedError)],
)
def test_where_no_address_answers_nothing_stays_open(monkeypatch, silent, refusing, error):
    """The last one's fault is told."""
    network = Network(monkeypatch, ["a", "b"], silent, refusing)
    with pytest.raises(error):
        connect(network, "fhir.example.org", 443, 100.8)
    assert network.open == []


def test_a_name_without_an_address_is_a_fault(monkeypatch):
    """Never a success with nothing."""
    with pytest.raises(OSError):
        connect(Network(monkeypatch, []), "fhir.example.org", 443, 100.8)


def test_time_left(monkeypatch):
    """None is left at the deadline itself."""
    monkeypatch.setattr(deadline.time, "monotonic", lambda: 100.0)
    assert left(100.25) == 0.25
    for late in (100.0, 99.0):
        with pytest.raises(TimeoutError):
            left(late)
