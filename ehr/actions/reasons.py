"""The reasons for dismissing a card: ours, by which delivery decides, and beside them those of the
published code system (R72).

Published is http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes of CDS Hooks 3.0,
Trial Use, after AHRQ publication 25-0073 (2025). It has no word for wrong data, so ours stay;
`published` in reasons.csv is its code that comes nearest, so that answers can be counted across
hospitals.
"""

import csv
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("reasons.csv")
# Only a card that suggests something can be answered so.
OF_SUGGESTIONS = "action-completed"


def codings(suggests: bool) -> list[dict[str, str]]:
    """Return the Codings that a card offers, each with a display."""
    return [coding(code) for code in ROWS if suggests or code != OF_SUGGESTIONS]


def coding(code: str) -> dict[str, str]:
    """Return the Coding of a reason. Raises KeyError."""
    return {name: ROWS[code][name] for name in ("code", "system", "display")}


def published(reason: dict[str, Any] | None) -> str | None:
    """Return the published code of a reason that came as feedback; None for a client's own."""
    row = ROWS.get((reason or {}).get("code", ""))
    same = row and (reason or {}).get("system", row["system"]) == row["system"]
    return row["published"] or None if row and same else None


def _load() -> dict[str, dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: row for row in csv.DictReader(file)}


ROWS = _load()
