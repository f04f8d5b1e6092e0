"""Who waits for a turn, and who is turned away (F2)."""

import threading

import pytest

from runtime.limits import overload
from runtime.limits.overload import Overloaded, Queue


class Call(threading.Thread):
    """A call that computes until it is told to end."""

    def __init__(self, queue, order, name):
        super().__init__(daemon=True)
        self.queue, self.order, self.number = queue, order, name
        self.computes, self.end = threading.Event(), threading.Event()
        self.start()

    def run(self):
        with self.queue.turn():
            self.order.append(self.number)
            self.computes.set()
            self.end.wait(20)


@pytest.mark.rule("F2")
def test_one_more_than_can_be_answered_in_time_is_refused_at_once():
    """Of 15 ms each, 26 wait 400 ms."""
    queue, order = Queue(400), []
    calls = [Call(queue, order, number) for number in range(27)]
    assert all(call.computes.wait(20) for call in calls)
    with pytest.raises(Overloaded) as refused:
        queue.admit()
    assert refused.value.status == 503 and refused.value.headers == {"Retry-After": "1"}
    for call in calls[:5]:
        call.end.set()
        call.join(20)
    queue.admit()
    for call in calls:
        call.end.set()


@pytest.mark.rule("F2")
@pytest.mark.parametrize("cost, fits", [(0.1, 4), (0.05, 8), (0.004, 100)])
def test_how_many_fit_is_learnt_from_what_they_take(monkeypatch, cost, fits):
    """A slow host lets fewer wait, but always a few; one stall counts little."""
    clock = [0.0]
    monkeypatch.setattr(overload.time, "monotonic", lambda: clock[0])
    queue = Queue(400)
    queue._waiting.append(threading.Event())
    for _ in range(200):
        clock[0] += cost
        queue._measure()
    queue._inside = fits - 1
    queue.admit()
    queue._inside = fits + 1
    with pytest.raises(Overloaded):
        queue.admit()


def test_a_call_that_fails_gives_its_place_back():
    queue = Queue(400)
    for _ in range(100):
        with pytest.raises(ValueError), queue.turn():
            raise ValueError
        queue.admit()
