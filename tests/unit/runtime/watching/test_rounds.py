"""The rounds that look whether what is served makes sense (G11)."""

import threading

import pytest

from runtime.watching import parts, rounds
from runtime.watching.parts import DEGRADED, DOWN, OK
from runtime.watching.rounds import Rounds


@pytest.fixture
def now(monkeypatch):
    """A monotonic clock that stands still."""
    now = [1000.0]
    for module in (rounds, parts):
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.rule("G11")
def test_a_round_tells_what_it_found(now):
    """What is wrong is down until a round finds nothing; each round shows how the parts are."""
    said, shown = ["no risk", ""], []
    walk = Rounds(lambda: said.pop(0), lambda: shown.append(1))
    assert (walk.state().state, walk.state().since) == (OK, None)
    walk.once()
    assert (walk.state().state, walk.state().why, walk.state().since) == (DOWN, "no risk", 1000.0)
    walk.once()
    assert (walk.state().state, walk.state().why, len(shown)) == (OK, "", 2)


def test_a_fault_in_a_round_is_a_finding_and_ends_nothing(now):
    """Neither scoring nor showing may end the thread; the exception's text is not told."""

    def fails():
        raise ValueError("secret")

    walk = Rounds(fails, fails)
    walk.once()
    assert (walk.state().state, walk.state().why) == (DOWN, "could not be scored")


def test_rounds_that_are_left_out_are_seen(now):
    """After three minutes without one the last finding is no longer believed."""
    walk = Rounds(lambda: "", lambda: None)
    walk.once()
    now[0] += 181
    assert (walk.state().state, walk.state().since) == (DEGRADED, 1000.0)


def test_started_rounds_begin_at_once():
    """A worker that has just started is examined, not a minute later."""
    examined = threading.Event()
    Rounds(lambda: examined.set() or "", lambda: None).start()
    assert examined.wait(60)
