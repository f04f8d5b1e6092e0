"""Puts beside what a client saw of a call what Vigil decided, for whoever watches the
demonstration.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from demo.hooks import Call
from demo.playing.decisions import decided
from demo.playing.openings import Opening

LONGEST_HISTORY = 10


class Decision(NamedTuple):
    """What Vigil recorded of a call, in words."""

    words: str
    level: str


def decision(log: Path | None, call: Call) -> Decision | None:
    """Return what was decided on a call, None where Vigil's log is not at hand."""
    record = decided(log, call.request["hookInstance"])
    if record is None:
        return None
    shown = "shown" if record.get("shown") else "held back"
    form = "one line" if record.get("form") == "line" else shown
    until = f", until {record['until'][:16].replace('T', ' ')} UTC" if record.get("until") else ""
    return Decision(f"{form}: {record.get('delivery')}{until}", str(record.get("level")))


def history(log: Path | None, openings: list[Opening]) -> list[dict[str, Any]]:
    """Return a row for each call of the last openings of a chart, the newest first."""
    return [
        {
            "opening": opening,
            "seen": _seen(call),
            "decision": found.words if (found := decision(log, call)) else "",
            "level": found.level if found else "",
        }
        for opening in openings[:LONGEST_HISTORY]
        for call in opening.calls
    ]


def printed(log: Path | None, call: Call) -> tuple[Call, str, str, str]:
    """Return a call with its request, its response and Vigil's record of it, as text."""
    record = decided(log, call.request["hookInstance"])
    sent, received, recorded = (
        json.dumps(part, indent=2) for part in (call.request, call.response, record)
    )
    return call, sent, received, recorded if record else ""


def _seen(call: Call) -> str:
    """Return what a client saw, in two or three words."""
    if call.error:
        return "an error"
    levels = [str(card.get("indicator")) for card in call.cards if isinstance(card, dict)]
    return ", ".join(f"a card: {level}" for level in levels) or "no card"
