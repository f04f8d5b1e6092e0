"""The parts that a running Vigil stands on, each with its state, since when, and why (G1).

A part is a name and a callable that says how it is; whoever has a fact to show adds one in
`create_app`. Names and words are fixed: no patient, no secret, no version of a library.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runtime.logs import get_logger

# From well to worst: the gauge of a part is its place here.
STATES = OK, DEGRADED, DOWN = "ok", "degraded", "down"
WHOLE = "vigil"
log = get_logger("watching")


@dataclass(frozen=True)
class State:
    """How a part is: "ok", "degraded" or "down", and why in fixed words.

    `since` (monotonic seconds) is when that was last learned from the part itself, such as its last
    answer; None is never.
    """

    state: str
    since: float | None = None
    why: str = ""

    @property
    def age(self) -> float | None:
        """Return how many seconds ago `since` was; None is never."""
        return None if self.since is None else time.monotonic() - self.since


class Parts:
    """All parts of one process, in the order in which they were added."""

    def __init__(self) -> None:
        self._parts: dict[str, Callable[[], State]] = {}
        self._vital: set[str] = set()

    def add(self, name: str, ask: Callable[[], State], vital: bool = False) -> None:
        """Add a part; without a `vital` one no card at all can be answered."""
        self._parts[name] = ask
        if vital:
            self._vital.add(name)

    def states(self) -> dict[str, State]:
        """Ask every part how it is, and return that with the whole as the last one: it is "down"
        where no card can be answered, and only there.

        A part that fails to say is degraded, never down: to take the service away for that would
        cost cards.
        """
        states = {name: _asked(name, ask) for name, ask in self._parts.items()}
        return states | {WHOLE: State(self._whole(states))}

    def _whole(self, states: Mapping[str, State]) -> str:
        if any(states[name].state == DOWN for name in self._vital):
            return DOWN
        return OK if all(one.state == OK for one in states.values()) else DEGRADED


def _asked(name: str, ask: Callable[[], State]) -> State:
    try:
        return ask()
    except Exception as error:
        log.error("part", part=name, error=error)
        return State(DEGRADED, None, "could not be asked")


def answering(
    check: Callable[[], object], errors: type[Exception], why: str
) -> Callable[[], State]:
    """Return the asker of a part that is well while `check` raises none of `errors`; `since` is
    its last answer, and `why` says what is lost without it.
    """
    last: float | None = None

    def ask() -> State:
        nonlocal last
        try:
            check()
        except errors:
            return State(DOWN, last, why)
        last = time.monotonic()
        return State(OK, last)

    return ask
