"""Turns texts, codes and references of a chart into words that are safe to show: on one line, cut,
without marks that are not printed or that turn the way of reading.
"""

from typing import Any

from models.reading.fhir import Component, Concept
from models.reading.values import said
from smartapp.evidence.kept import Coded

LONGEST, LONGEST_CODE, MOST_CODES, MOST_NAMES = 120, 80, 6, 3


def plain(text: object, longest: int = LONGEST) -> str:
    """Return a text of the chart, safe to show; empty for what is no text."""
    if not isinstance(text, str):
        return ""
    if len(text) <= longest and text.isprintable() and "  " not in text:
        return text.strip()
    printed = (c if c.isprintable() else " " if c.isspace() else "" for c in text[: 4 * longest])
    line = " ".join("".join(printed).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def unit_code(part: Component) -> str:
    """Return the code of a part's unit where another word is printed for it."""
    quantity = part.valueQuantity
    if quantity is None or not quantity.unit or quantity.code in (None, quantity.unit):
        return ""
    return plain(quantity.code, LONGEST_CODE)


def called(code: Concept | None) -> str:
    """Return what the chart calls what a code asks for."""
    return plain(said(code)) or "without a code"


def codes(code: Concept | None) -> tuple[Coded, ...]:
    """Return the first codes of a concept."""
    return tuple(
        Coded(plain(one.system, LONGEST_CODE), plain(one.code, LONGEST_CODE), plain(one.display))
        for one in ((code.coding if code else None) or ())[:MOST_CODES]
    )


def around(concepts: list[Concept] | Concept | None) -> str:
    """Return what a body site or a method is called."""
    found = concepts if isinstance(concepts, list) else [concepts]
    return plain(", ".join(filter(None, map(said, found[:MOST_NAMES]))))


def named(references: Any) -> str:
    """Return whom references name, by display or else by address; nothing is ever read there."""
    found = references if isinstance(references, list) else [references]
    names = [
        plain(one.get("display")) or plain(one.get("reference"))
        for one in found
        if isinstance(one, dict)
    ]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(name for name in names[:MOST_NAMES] if name) + more
