"""Turns cards and responses into tables of rates by level, unit, user and week (governance part 3).

Override rate: overridden / (accepted + overridden). Response rate: cards with feedback / cards
issued; CDS Hooks sends nothing for a card that is ignored.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import quantiles
from typing import NamedTuple

from cdshooks.reporting.gathered import Card, Gathered, Response

FEWEST = 20
NOT_ESTIMABLE = "not estimable"
# The 97.5th centile of the standard normal distribution.
Z = 1.959964
LEVELS = ("critical", "warning", "info")


class Rate(NamedTuple):
    """So many of so many."""

    part: int
    whole: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return Wilson's 95 % interval, right also near 0 and 1; None under 20 cases."""
        if self.whole < FEWEST:
            return None
        share, n = self.part / self.whole, self.whole
        middle = share + Z * Z / (2 * n)
        half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)

    def __str__(self) -> str:
        if self.interval is None:
            return NOT_ESTIMABLE
        low, high = self.interval
        return f"{self.part / self.whole:.0%} ({low:.0%} to {high:.0%})"


class Row(NamedTuple):
    """One group of cards; `time` is in words."""

    name: str
    cards: int
    accepted: int
    overridden: int
    response: Rate
    override: Rate
    time: str


class Table(NamedTuple):
    """Groups of one kind."""

    kind: str
    rows: tuple[Row, ...]


def tables(found: Gathered) -> tuple[Table, ...]:
    """Return all cards as one row, then each way to part them."""
    parted: tuple[tuple[str, Callable[[Card], str]], ...] = (
        ("All cards", lambda card: "all"),
        ("Level", lambda card: card.level),
        ("Unit", lambda card: card.unit),
        ("User", lambda card: card.user),
        ("Week", lambda card: card.week),
    )
    return tuple(Table(kind, _rows(found, group)) for kind, group in parted)


def reasons(found: Gathered) -> tuple[tuple[str, Rate], ...]:
    """Return each override reason, the most frequent first, of all cards that were overridden."""
    counts = Counter(
        one.reason or "none given"
        for one in found.responses.values()
        if one.outcome == "overridden"
    )
    return tuple((name, Rate(n, counts.total())) for name, n in counts.most_common())


def _rows(found: Gathered, group: Callable[[Card], str]) -> tuple[Row, ...]:
    groups: dict[str, list[str]] = {}
    for uuid, card in found.cards.items():
        groups.setdefault(group(card), []).append(uuid)
    return tuple(
        _row(name, len(groups[name]), [found.responses.get(uuid) for uuid in groups[name]])
        for name in sorted(groups, key=_place)
    )


def _place(name: str) -> tuple[int, str]:
    """Order levels by gravity, all else by name."""
    return (LEVELS.index(name), "") if name in LEVELS else (len(LEVELS), name)


def _row(name: str, cards: int, responses: Sequence[Response | None]) -> Row:
    given = [one for one in responses if one]
    overridden = sum(one.outcome == "overridden" for one in given)
    return Row(
        name,
        cards,
        len(given) - overridden,
        overridden,
        Rate(len(given), cards),
        Rate(overridden, len(given)),
        _spread([one.minutes for one in given]),
    )


def _spread(minutes: list[float]) -> str:
    """Return median and quartiles."""
    if len(minutes) < FEWEST:
        return NOT_ESTIMABLE
    quartiles = quantiles(minutes, n=4, method="inclusive")
    hours = quartiles[2] >= 120
    low, median, high = (f"{one / 60 if hours else one:.1f}" for one in quartiles)
    return f"{median} ({low} to {high}) {'h' if hours else 'min'}"
