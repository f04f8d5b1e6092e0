"""Turns audit records into what was answered and done on pages of the SMART app in a range of time:
said apart from feedback on cards, of which a client tells, and nobody knows who gave it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, NamedTuple

from cdshooks.reporting.figures import Rate
from ehr.actions import reasons

Records = Callable[[str], Iterable[dict[str, Any]]]
WORDS = {"agreed": "agree", "disagreed": "see it differently"}


class OnPages(NamedTuple):
    """Answers with their rates, the reasons of those who see it differently, and what was done."""

    answers: tuple[tuple[str, Rate], ...]
    reasons: tuple[tuple[str, Rate], ...]
    acts: tuple[tuple[str, int], ...]


def on_pages(records: Records, since: datetime, until: datetime) -> OnPages:
    """Return what the log tells from `since` to before `until`; of one user's answers about one
    card, or about the pages of one launch, the newest counts. `records` yields those of a type,
    newest first.
    """

    def of(kind: str) -> list[dict[str, Any]]:
        late = takewhile(lambda one: _time(one) >= since, records(kind))
        return [one for one in late if _time(one) < until]

    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in of("answer"):
        newest.setdefault((one.get("user") or one["session"], one["assessment_id"]), one)
    outcomes = Counter(WORDS[one["fb_outcome"]] for one in newest.values())
    why = Counter(one["fb_reason"]["display"] for one in newest.values() if one.get("fb_reason"))
    return OnPages(
        tuple((name, Rate(outcomes[name], outcomes.total())) for name in WORDS.values()),
        tuple((name, Rate(n, why.total())) for name, n in why.most_common()),
        (*_held(of("snooze")), *_done(of("draft-order"), of("risk-assessment"))),
    )


def _held(snoozes: list[dict[str, Any]]) -> list[tuple[str, int]]:
    kinds = Counter(one["kind"] for one in snoozes if not one.get("ended"))
    ended = sum(bool(one.get("ended")) for one in snoozes)
    held = [
        (f"cards held back: {reasons.ROWS[kind]['display']}", n) for kind, n in kinds.most_common()
    ]
    return [*held, *([("cards shown again", ended)] if ended else [])]


def _done(orders: list[dict[str, Any]], estimates: list[dict[str, Any]]) -> list[tuple[str, int]]:
    kinds = Counter(one["kind"] for one in orders if one["status"].startswith("2"))
    written = sum(one["outcome"] == "created" and not one.get("before") for one in estimates)
    drafted = [(f"orders drafted: {kind}", n) for kind, n in kinds.most_common()]
    return [*drafted, *([("estimates written into the chart", written)] if written else [])]


def _time(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["ts"]).astimezone(UTC)
