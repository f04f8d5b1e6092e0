"""Asks Vigil about every patient behind the list, one after the other, and keeps the answers for
a while; the list is there at once, and without Vigil too.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo.config import DemoConfig
from demo.hooks import Call, HookClient, ServiceError
from demo.playing.clients import GENERIC
from demo.playing.decisions import decided
from demo.playing.users import User

# Nobody of the people who open charts: what is shown to them must not depend on a list.
LIST = User("list", "The list of patients", "demo-list")
FRESH_SECONDS = 300.0
NOTHING_KNOWN = (0, 20)
# The demonstration's own pages come first.
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Told:
    """What Vigil found of one patient; None where it did not say, `problem` why nothing came."""

    level: str | None = None
    news2: str | None = None
    problem: str | None = None


@dataclass(slots=True)
class Ward:
    """What is known of all patients; `asked` counts those who were asked about in this round."""

    config: DemoConfig
    hooks: HookClient
    patients: Callable[[], list[str]]
    told: dict[str, Told] = field(default_factory=dict)
    going: bool = False
    asked: int = 0
    problem: str | None = None
    _since: float | None = None

    def begin(self) -> None:
        """Ask about everybody, in a thread, unless that was done a moment ago."""
        fresh = self._since is not None and time.monotonic() - self._since < FRESH_SECONDS
        if self.going or (fresh and not self.problem):
            return
        self.going, self.asked, self.problem = True, 0, None
        threading.Thread(target=self._run, name="ward", daemon=True).start()

    def _run(self) -> None:
        try:
            for patient in self.patients():
                self.told[patient] = self._ask(patient)
                self.asked += 1
                time.sleep(PAUSE_SECONDS)
        except ServiceError as error:
            self.problem = str(error)
        finally:
            self._since, self.going = time.monotonic(), False

    def _ask(self, patient: str) -> Told:
        """Return what one call gave. Raises ServiceError where there is no service to call."""
        calls = self.hooks.view(patient, GENERIC, LIST)
        if not calls:
            return Told(problem="no service")
        return self._said(calls[0])

    def _said(self, call: Call) -> Told:
        """Return level and NEWS2 as Vigil recorded them, where its log is at hand; else the level
        of the card.
        """
        if call.error:
            return Told(problem=call.error)
        record = decided(self.config.audit_log, call.request["hookInstance"])
        if record:
            return Told(str(record.get("level")), _news2(record.get("news2")))
        levels = [card.get("indicator") for card in call.cards if isinstance(card, dict)]
        return Told(str(levels[0])) if levels else Told(problem="no card")


def _news2(score: Any) -> str | None:
    if not isinstance(score, dict):
        return None
    total, low, high = (score.get(name) for name in ("total", "low", "high"))
    if total is not None:
        return str(total)
    return "not known" if (low, high) == NOTHING_KNOWN else f"{low} to {high}"
