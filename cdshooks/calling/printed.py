"""Turns a card into plain text, as a clinician would read it: for a terminal."""

import html
import re
import textwrap
from collections.abc import Iterator
from typing import Any

WIDTH = 88
ESCAPED = re.compile(r"\\([\\`*_{}\[\]#|~!$^=])")


def printed(card: dict[str, Any]) -> str:
    """Return indicator, summary, detail, links, suggestions and override reasons of a card, a line
    each or wrapped.
    """
    lines = [f"{card['indicator'].upper()}: {card['summary']}", "", *_detail(card.get("detail"))]
    lines += ["", f"From: {card['source']['label']}"]
    lines += [f"Button: {link['label']} ({link['url']})" for link in card.get("links", ())]
    lines += [f"Suggestion: {one['label']}" for one in card.get("suggestions", ())]
    reasons = [reason["display"] for reason in card.get("overrideReasons", ())]
    if reasons:
        lines += [f"Dismiss as: {', '.join(reasons)}"]
    return "\n".join(wrapped for line in lines for wrapped in _wrapped(line))


def _detail(text: str | None) -> Iterator[str]:
    """Yield the lines of Markdown as they read: without signs, a blank line between paragraphs."""
    blank = True
    for line in (text or "").splitlines():
        if not line.strip() and blank:
            continue
        blank = not line.strip()
        yield html.unescape(ESCAPED.sub(r"\1", line.replace("**", "")))


def _wrapped(line: str) -> list[str]:
    beneath = "  " if line.startswith("- ") else ""
    return textwrap.wrap(line, WIDTH, subsequent_indent=beneath) or [""]
