"""Turns audit records into the cards that were issued in a range of time, and what became of
each.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, NamedTuple

from cdshooks.feedback_record import SAID

Records = Callable[[str], Iterable[dict[str, Any]]]


class Card(NamedTuple):
    """A card that left Vigil; `week` is of ISO 8601, in UTC."""

    at: datetime
    level: str
    unit: str
    user: str
    week: str


@dataclass
class Response:
    """What a card's user did with it: the last thing said, and how long after the card the first
    came.
    """

    outcome: str
    reason: str | None
    minutes: float


@dataclass
class Gathered:
    """Cards by uuid, responses by the same, and the feedback that counts for no card: sent twice,
    of a card that is not ours, of one that was issued outside the range.
    """

    cards: dict[str, Card] = field(default_factory=dict)
    responses: dict[str, Response] = field(default_factory=dict)
    repeats: int = 0
    unknown: int = 0
    outside: int = 0


def gather(records: Records, since: datetime, until: datetime) -> Gathered:
    """Return what the log tells of the cards from `since` to before `until`; feedback on them
    counts whenever it came.

    `records` yields those of a type, newest first.
    """
    found = Gathered()
    late = {one.get("request_id") for one in _from(records("not-delivered"), since)} - {None}
    for record in _from(records("hook"), since):
        if _time(record["ts"]) < until and record.get("request_id") not in late:
            for card in record.get("cards", ()):
                found.cards[card["uuid"]] = _card(record, card)
    said: set[tuple[str, ...]] = set()
    for item in _from(records("feedback"), since):
        words = tuple(str(item.get(name)) for name in SAID)
        card_found = found.cards.get(item["card"]) if item.get("known", True) else None
        if card_found is None:
            inside = _time(item["ts"]) < until
            found.outside += bool(inside and item.get("known"))
            found.unknown += bool(inside and not item.get("known"))
        elif words in said:
            found.repeats += 1
        else:
            _answer(found.responses, item, card_found)
        said.add(words)
    return found


def comments(records: Records, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """Yield what users wrote in a range of time, newest first."""
    for record in _from(records("feedback-comment"), since):
        if _time(record["ts"]) < until:
            told = {name: record.get(name) for name in ("ts", "ehr", "card", "comment")}
            # Of a page's own estimate there is no card.
            yield told | {"on": "page" if "session" in record else "card"}


def _from(records: Iterable[dict[str, Any]], since: datetime) -> Iterable[dict[str, Any]]:
    return takewhile(lambda record: _time(record["ts"]) >= since, records)


def _card(record: dict[str, Any], card: dict[str, Any]) -> Card:
    at = _time(record["ts"])
    year, week, _ = at.isocalendar()
    return Card(
        at,
        card["indicator"],
        record.get("unit") or record["ehr"],
        (record.get("user") or "").partition("/")[0] or "not named",
        f"{year}-W{week:02}",
    )


def _answer(responses: dict[str, Response], item: dict[str, Any], card: Card) -> None:
    """Take an item; the newest come first, so an older one tells only how soon it came."""
    minutes = _minutes(item, card.at)
    response = responses.setdefault(
        item["card"], Response(item["fb_outcome"], _reason(item), minutes)
    )
    response.minutes = min(minutes, response.minutes)


def _minutes(item: dict[str, Any], at: datetime) -> float:
    """Return the minutes from card to response, by the client's clock where what it says is
    between the card and the receipt, else by the receipt.
    """
    received = _time(item["ts"])
    try:
        said = _time(item["fb_time"])
    except (KeyError, ValueError):
        said = received
    if not at <= said <= received:
        said = received
    return max(0.0, (said - at).total_seconds() / 60)


def _reason(item: dict[str, Any]) -> str | None:
    """Return the words of an override reason, whichever form it came in; its code without."""
    reason = item.get("fb_reason")
    if not reason:
        return None
    if "code" in reason or "display" in reason:
        return str(reason.get("display") or reason["code"])
    return str(next(iter(reason.values())))


def _time(text: str) -> datetime:
    """Return a moment; one without a zone is no moment. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no zone")
    return found.astimezone(UTC)
