"""What was shown of a patient before, and what was asked to be quiet: values that the decision is
handed, in the form in which they are kept.
"""

from datetime import datetime
from typing import Literal

import msgspec

from cdshooks.delivering.seen import Seen, graver
from models.findings.finding import LEVELS

Kind = Literal["known", "limits", "data", "other"]


class Before(msgspec.Struct, frozen=True):
    """How a patient stood when a card was given whole: what is news is news against this."""

    at: datetime
    level: str
    risks: dict[str, tuple[float, str]]
    signs: dict[str, str]
    # The points of NEWS2 that were certain; None in what a version before this member kept.
    news2: int | None = None


class Snooze(msgspec.Struct, frozen=True):
    """A card was dismissed for a reason that lasts until `until` (aware UTC).

    `encounter` is set where it lasts for that one alone; `data_time` where it ends with newer data.
    """

    until: datetime
    before: Before
    encounter: str | None = None
    data_time: datetime | None = None


class History(msgspec.Struct, frozen=True):
    """What is remembered of a patient and a user; `interrupts` counts the unit's cards above
    "info" of this day.
    """

    before: Before | None = None
    snoozes: dict[Kind, Snooze] = {}
    interrupts: int = 0


def standing(found: Seen) -> Before:
    """Return how a patient stands in a call."""
    risks = {risk.outcome: (risk.probability, risk.band) for risk in found.risks}
    return Before(found.at, found.total, risks, found.signs, found.news2.get("low"))


def still_standing(before: Before, found: Seen, points: float) -> Before:
    """Return what of an earlier moment holds on: a sign that went, or became less grave, and a risk
    that fell by `points`, of 1, is news when it comes back.
    """
    now = found.signs
    signs = {
        name: now[name] if graver(level, now[name]) == level else level
        for name, level in before.signs.items()
        if name in now
    }
    least = min(before.news2 or 0, found.news2.get("low") or 0)
    fell = {
        risk.outcome: (risk.probability, risk.band)
        for risk in found.risks
        if before.risks.get(risk.outcome, (0.0, ""))[0] - risk.probability >= points
    }
    return msgspec.structs.replace(
        before,
        signs=signs,
        news2=None if before.news2 is None else least,
        risks=before.risks | fell,
        level=min(before.level, found.total, key=LEVELS.index) if fell else before.level,
    )
