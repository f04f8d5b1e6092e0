"""Turns the tables of a report into text for a terminal, and into one HTML page without script or
outside file.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cdshooks.reporting.figures import Rate, Row, Table, reasons, tables
from cdshooks.reporting.gathered import Gathered
from cdshooks.reporting.on_pages import OnPages

HEAD = ("cards", "accepted", "overridden", "response rate", "override rate", "time to response")
LEFT, RIGHT = 12, 348
FIRST, STEP, GAP = 46, 20, 62


class Report(NamedTuple):
    """All that page and terminal say."""

    since: str
    until: str
    tables: tuple[Table, ...]
    reasons: tuple[tuple[str, Rate], ...]
    apart: tuple[tuple[str, int], ...]
    pages: OnPages


def report(
    found: Gathered, pages: OnPages, since: datetime, until: datetime, comments: int
) -> Report:
    """Return a report; `comments` are how many there are, which stand elsewhere."""
    apart = (
        ("sent again", found.repeats),
        ("on a card that is not ours", found.unknown),
        ("on a card from outside this range", found.outside),
        ("comments, kept apart", comments),
    )
    days = (f"{since:%Y-%m-%d}", f"{until:%Y-%m-%d}")
    return Report(*days, tables(found), reasons(found), apart, pages)


def text(made: Report) -> str:
    """Return a report for a terminal."""
    parts = [f"Cards from {made.since} to before {made.until} (UTC)"]
    for kind, rows in made.tables:
        parts.append(_columns([(kind, *HEAD), *((row.name, *cells(row)) for row in rows)]))
    named = [(name, str(rate.part), str(rate)) for name, rate in made.reasons]
    parts.append(_columns([("Override reason", "cards", "of overridden"), *named]))
    said = [(name, str(rate.part), str(rate)) for name, rate in made.pages.answers]
    parts.append(_columns([("Answers on pages, not on cards", "answers", "of answers"), *said]))
    if made.pages.reasons:
        why = [(name, str(rate.part), str(rate)) for name, rate in made.pages.reasons]
        parts.append(_columns([("Reason on pages", "answers", "of those"), *why]))
    if made.pages.acts:
        done = [(words, str(count)) for words, count in made.pages.acts]
        parts.append(_columns([("Done on pages", "times"), *done]))
    counted = [(words, str(count)) for words, count in made.apart]
    parts.append(_columns([("Feedback counted apart", "items"), *counted]))
    return "\n\n".join(parts)


def page(made: Report) -> str:
    """Return a report as an HTML page."""
    return _pages().get_template("report.html.jinja").render(made=made, head=HEAD)


def cells(row: Row) -> tuple[str, ...]:
    """Return the columns of a row behind its name."""
    counts = (row.cards, row.accepted, row.overridden)
    return (*map(str, counts), str(row.response), str(row.override), row.time)


class Span(NamedTuple):
    """One rate of a plot: where its line begins and ends, and its mark; all None if it is not
    estimable.
    """

    style: str
    y: int
    x: float | None
    ends: tuple[float, float] | None
    told: str


class Band(NamedTuple):
    """The rates of one group of a plot, below its name."""

    name: str
    y: int
    spans: tuple[Span, ...]


def bands(table: Table) -> tuple[Band, ...]:
    """Return where the plot of a table draws each group."""
    return tuple(
        Band(
            row.name,
            FIRST + place * GAP,
            tuple(
                _span(style, FIRST + place * GAP + STEP * line, rate)
                for line, (style, rate) in enumerate(
                    (("response", row.response), ("override", row.override)), 1
                )
            ),
        )
        for place, row in enumerate(table.rows)
    )


def _span(style: str, y: int, rate: Rate) -> Span:
    if rate.interval is None:
        return Span(style, y, None, None, str(rate))
    low, high = map(_x, rate.interval)
    return Span(style, y, _x(rate.part / rate.whole), (low, high), str(rate))


def _x(share: float) -> float:
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _columns(lines: Sequence[Sequence[str]]) -> str:
    # A reason's words are the client's: nothing of them may steer the terminal.
    lines = [[re.sub(r"[^ -~\u00a0-\uffff]", "?", cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


@cache
def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals |= {"bands": bands, "cells": cells, "gap": GAP, "x": _x}
    return pages
