"""Turns a feedback body into records, each vendor's form of it included (CDS Hooks 2.0 "Feedback",
R93-R97).

Epic sends batches, names the reason `overrideReasons`, and may give its own extension in place of a
Coding.
"""

from typing import Any

from cdshooks import strict_json
from cdshooks.actions.suggestions import kinds
from ehr.actions import reasons
from runtime.web import BadRequest

OUTCOMES = {"accepted", "overridden"}
MOST_ITEMS = 500
LONGEST_CARD = 256
LONGEST_TEXT = 200
LONGEST_COMMENT = 2000


class Items(list[dict[str, Any]]):
    """The usable items as records for the audit; `bad` holds the positions of the others,
    counted from 1.
    """

    bad: tuple[int, ...] = ()


def read(body: bytes) -> Items:
    """Read a feedback body. Raises BadRequest when it has no list of items at all."""
    try:
        document = strict_json.read(body)
    except strict_json.StrictError as error:
        raise BadRequest(str(error)) from None
    entries = document.get("feedback") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise BadRequest("The body must be an object with the list `feedback`.")
    if len(entries) > MOST_ITEMS:
        raise BadRequest(f"`feedback` may hold {MOST_ITEMS} items at most.")
    records = [_record(entry) for entry in entries]
    items = Items(record for record in records if record)
    items.bad = tuple(position for position, record in enumerate(records, 1) if record is None)
    return items


def _record(entry: object) -> dict[str, Any] | None:
    if not isinstance(entry, dict):
        return None
    card, outcome = entry.get("card"), entry.get("outcome")
    # Any text may name a card: Epic's examples say 123456 where the standard says uuid.
    if not isinstance(card, str) or not 0 < len(card) <= LONGEST_CARD:
        return None
    if not isinstance(outcome, str) or outcome not in OUTCOMES:
        return None
    reason, comment = _override(entry)
    accepted = _suggestions(entry.get("acceptedSuggestions"))
    record = {
        "card": _whole(card),
        "fb_outcome": outcome,
        "fb_time": _text(entry.get("outcomeTimestamp")),
        "fb_reason": reason,
        "fb_published": reasons.published(reason),
        "comment": comment,
        "suggestions": accepted,
        "accepted": kinds(card, accepted),
    }
    return {key: value for key, value in record.items() if value}


def _whole(text: str) -> str:
    """Return a text without halves of surrogate pairs, which no audit log can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _override(entry: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """Return the reason's codes, and what the user wrote, from either spelling and from Epic's
    extension (R96).
    """
    given = entry.get("overrideReason") or entry.get("overrideReasons")
    given = given[0] if isinstance(given, list) and given else given
    if not isinstance(given, dict):
        return None, None
    coding, extension = given.get("reason"), given.get("extension")
    reason = None
    if isinstance(coding, dict):
        reason = {
            name: text
            for name in ("system", "code", "display")
            if (text := _text(coding.get(name)))
        }
    elif isinstance(extension, dict):
        reason = {
            _whole(name[:LONGEST_TEXT]): text
            for name, value in list(extension.items())[:5]
            if (text := _text(value))
        }
    comment = given.get("userComment")
    return reason, _whole(comment[:LONGEST_COMMENT]) if isinstance(comment, str) else None


def _suggestions(value: object) -> list[str]:
    listed = value[:20] if isinstance(value, list) else []
    return [text for item in listed if isinstance(item, dict) and (text := _text(item.get("id")))]


def _text(value: object) -> str | None:
    return _whole(value[:LONGEST_TEXT]) if isinstance(value, str) and value else None
