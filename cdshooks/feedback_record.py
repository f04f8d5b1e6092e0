"""Writes the items of one feedback call to the audit in one commit, each with whether its card is
known here and whether it was said before (R97).
"""

from typing import Any

from cdshooks.feedback import Items
from runtime.audit.log import Audit

# What makes two items of one card the same.
SAID = ("card", "fb_outcome", "fb_time", "fb_reason", "suggestions")


def write(
    audit: Audit, items: Items, who: dict[str, Any], ehrs: set[str]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Record the items of a caller that may speak for `ehrs`; what the user wrote stands apart.

    Returns what was said of known cards for the first time, each with its card's record. Raises
    AuditError; then none is recorded.
    """
    earlier: dict[str, list[dict[str, Any]]] = {}
    known: dict[str, dict[str, Any] | None] = {}
    records, news = [], []
    for item in items:
        card, comment = item["card"], item.pop("comment", None)
        if card not in known:
            known[card] = _known(audit, card, ehrs)
            earlier[card] = list(audit.of_assessment(card, "feedback")) if known[card] else []
        record, repeat = known[card], any(_same(item, one) for one in earlier[card])
        told = {"known": record is not None, "repeat": repeat}
        link = {"assessment_id": card, **_whose(record)} if record else {}
        if record and not repeat:
            news.append((item, record))
        records.append(("feedback", who | item | told | link))
        if comment:
            records.append(("feedback-comment", who | {"card": card, "comment": comment}))
        earlier[card].append(item)
    if records:
        audit.append_all(records)
    return news


def _whose(record: dict[str, Any]) -> dict[str, Any]:
    """Return by what a card's feedback is found beside the card."""
    return {name: record.get(name) for name in ("ehr", "patient")}


def _known(audit: Audit, card: str, ehrs: set[str]) -> dict[str, Any] | None:
    """Return the record of a card that was shown to one of these EHRs; its uuid names it."""
    found = audit.find_assessment(card)
    return found if found and found.get("ehr") in ehrs and found.get("shown") else None


def _same(item: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(item.get(name) == other.get(name) for name in SAID)
