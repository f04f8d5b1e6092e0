"""The charts opened last, by unguessable name: the hook calls that a card's buttons refer to."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from demo.hooks import Call
from demo.playing.clients import Played
from demo.playing.users import User

MOST = 50


@dataclass(slots=True, kw_only=True)
class Opening:
    """One opening of a chart: as which client, by whom, what came, and what was done then.

    `problem` says why nobody was called; `before` what was charted for it; `note` what became of
    the last button pressed.
    """

    patient: str
    played: Played
    user: User
    at: datetime
    calls: list[Call]
    problem: str | None = None
    before: str | None = None
    note: str | None = None
    dismissed: set[str] = field(default_factory=set)
    applied: dict[str, set[int]] = field(default_factory=dict)
    name: str = field(default_factory=lambda: secrets.token_urlsafe(16))


class Openings:
    """The last of them; the oldest is forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Opening] = OrderedDict()

    def keep(self, opening: Opening) -> Opening:
        """Keep an opening and return it."""
        self._kept[opening.name] = opening
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return opening

    def find(self, name: str, patient_id: str) -> Opening | None:
        """Return an opening, None when it is unknown or of another patient."""
        found = self._kept.get(name)
        return found if found and found.patient == patient_id else None

    def of(self, patient_id: str) -> list[Opening]:
        """Return what is known of a chart, the newest first."""
        return [one for one in reversed(self._kept.values()) if one.patient == patient_id]
