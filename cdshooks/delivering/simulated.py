"""Replays the calls of an audit log under another policy, as a stream.

Nobody knows what people would have done with other cards: calls and feedback stay as they were.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import msgspec

from cdshooks.delivering.burden import Burden
from cdshooks.delivering.decision import Decision, decide
from cdshooks.delivering.history import Before, History, Kind, Snooze
from cdshooks.delivering.memory import after, before_name, count_name, snooze_name, snoozes_after
from cdshooks.delivering.seen import Seen
from cdshooks.delivering.snoozes import KINDS, snooze_of
from runtime.settings import Policy

# Feedback on a card that is older is not looked for.
REMEMBERED = timedelta(days=7)


class Row(msgspec.Struct, frozen=True):
    """A line of `vigil audit export`, as far as it is read."""

    ts: datetime
    type: str
    body: msgspec.Raw


class Card(msgspec.Struct, frozen=True):
    """A recorded card."""

    indicator: str


class Call(Seen, frozen=True, kw_only=True):
    """The record of a hook call."""

    assessment_id: str | None = None
    repeat: bool = False
    shown: bool = False
    delivery: str = ""
    form: str | None = None
    cards: tuple[Card, ...] = ()

    @property
    def decided(self) -> Decision:
        """Return what was decided then."""
        level = self.cards[0].indicator if self.cards else self.total
        form: Any = self.form or ("whole" if self.shown else "none")
        return Decision(form, level, self.delivery)


class Feedback(msgspec.Struct, frozen=True):
    """The record of a feedback item."""

    fb_outcome: str
    assessment_id: str | None = None
    fb_reason: dict[str, str] | None = None
    fb_time: str | None = None
    repeat: bool = False


class Snoozing(msgspec.Struct, frozen=True):
    """The record of what was asked for on a page, to hold cards back or, if `ended`, no more."""

    kind: Kind
    seen: tuple[Seen, ...]
    ended: bool = False
    fb_outcome: str = ""
    fb_reason: dict[str, str] | None = None
    fb_time: str | None = None


_row = msgspec.json.Decoder(Row)
_call = msgspec.json.Decoder(Call)
_feedback = msgspec.json.Decoder(Feedback)
_snoozing = msgspec.json.Decoder(Snoozing)


class Simulation:
    """Two burdens of the same calls: as they were answered, and as `policy` would have it."""

    def __init__(self, policy: Policy, zone: tzinfo):
        self.policy, self.zone = policy, zone
        self.then, self.now = Burden(zone), Burden(zone)
        self.unread = 0
        self._before: dict[str, Before] = {}
        self._snoozes: dict[str, Snooze] = {}
        self._interrupts: dict[str, int] = {}
        self._cards: dict[str, tuple[Call, Decision]] = {}
        self._order: deque[tuple[datetime, str]] = deque()

    def read(self, lines: Iterable[str | bytes], since: datetime | None = None) -> None:
        """Replay lines, oldest first, those from `since` on (aware UTC)."""
        for line in lines:
            row = _row.decode(line)
            if since and row.ts < since:
                continue
            try:
                if row.type == "hook":
                    self._answer(_call.decode(row.body))
                elif row.type == "feedback":
                    self._take(_feedback.decode(row.body), row.ts)
                elif row.type == "snooze":
                    self._snooze(_snoozing.decode(row.body), row.ts)
            except msgspec.ValidationError:
                # A repeat holds no assessment; of an old version some members may be others.
                self.unread += 1

    def _answer(self, call: Call) -> None:
        if call.repeat:
            return
        history = self._recall(call)
        made = decide(call, history, self.policy, self.zone)
        self.then.add(call, call.decided)
        self.now.add(call, made)
        for kind, snooze in snoozes_after(call, history, self.policy).items():
            self._snoozes[snooze_name(call, kind)] = snooze
        if before := after(call, history, made, self.policy):
            self._before[before_name(call)] = before
        if made.interrupts:
            name = count_name(call, self.zone)
            self._interrupts[name] = self._interrupts.get(name, 0) + 1
        if call.shown and call.assessment_id:
            self._cards[call.assessment_id] = call, made
            self._order.append((call.at, call.assessment_id))
        while self._order and self._order[0][0] < call.at - REMEMBERED:
            del self._cards[self._order.popleft()[1]]

    def _recall(self, call: Call) -> History:
        snoozes: dict[Kind, Snooze] = {
            kind: found for kind in KINDS if (found := self._snoozes.get(snooze_name(call, kind)))
        }
        interrupts = self._interrupts.get(count_name(call, self.zone), 0)
        return History(self._before.get(before_name(call)), snoozes, interrupts)

    def _take(self, told: Feedback, at: datetime) -> None:
        if told.repeat or told.assessment_id not in self._cards:
            return
        call, made = self._cards[told.assessment_id]
        self.then.told(told.fb_outcome, told.fb_reason, call.decided)
        self.now.told(told.fb_outcome, told.fb_reason, made)
        # A card that would have been held back can't have been dismissed.
        asked = snooze_of(msgspec.structs.asdict(told), call, self.policy, at)
        if asked and made.shown:
            self._snoozes[snooze_name(call, asked[0])] = asked[1]

    def _snooze(self, told: Snoozing, at: datetime) -> None:
        for found in told.seen:
            name = snooze_name(found, told.kind)
            asked = snooze_of(msgspec.structs.asdict(told), found, self.policy, at)
            if told.ended:
                self._snoozes.pop(name, None)
            elif asked:
                self._snoozes[name] = asked[1]


def newest(lines: Iterable[str | bytes]) -> datetime | None:
    """Return the time of the newest of some lines."""
    return max((_row.decode(line).ts for line in lines), default=None)
