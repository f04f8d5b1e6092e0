"""Turns a ModelCard into JSON and Markdown; the page's template says the same in HTML.

In JSON every figure carries n, events, interval, data set, date, code version and the model's hash;
in Markdown the line above a table does.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from models.card.figures import Figure, Table, counted
from models.card.model_card import ModelCard, Section

SPECIAL = re.compile(r"([\\`*_\[\]<>&|#~])")
COLUMNS = ("Figure", "Value", "95 % interval", "n", "Events", "Place in the file")
NOTICE = "Research software, not a cleared medical device."


def as_json(model_card: ModelCard) -> str:
    """Return the machine file."""
    found = asdict(model_card) | {
        "tables": [_table(table) for table in model_card.tables],
        "leading": model_card.leading and _table(model_card.leading),
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(model_card: ModelCard) -> str:
    """Return the full card with its facts label and its appendix; what is not ours is escaped."""
    return "\n".join(_lines(model_card)).rstrip() + "\n"


def captioned(table: Table) -> str:
    """Return what every figure of a table has in common."""
    return f"{table.title}; n is {table.unit}. {table.origin.in_words}. From {table.origin.file}."


def _table(table: Table) -> dict[str, Any]:
    made = asdict(table.origin)
    figures = [
        asdict(figure) | {"shown": figure.shown, "unit": table.unit} | made
        for figure in table.figures
    ]
    return {"head": table.head, "title": table.title, "figures": figures}


def _lines(model_card: ModelCard) -> Iterator[str]:
    yield from (
        f"# Model card: {_plain(model_card.model.name)} {_plain(model_card.model.version)}",
        "",
        f"**{NOTICE}**",
        "",
    )
    if model_card.refused:
        yield from (f"**{_plain(model_card.refused)}**", "")
    yield from ("## Facts label", "")
    for section in model_card.facts_label:
        yield from _section(section, "###")
        if section.title == "Validation" and model_card.leading:
            yield from _figures(model_card.leading)
    for section in model_card.sections:
        yield from _section(section, "##", f"{section.number} ")
        if section.title == "Key metrics":
            yield from _metrics(model_card)
    yield from ("### Source attributes, 45 CFR 170.315(b)(11)(iv)(B)", "")
    attributes = [
        (row.number, row.group, row.text, row.answer, row.filled) for row in model_card.attributes
    ]
    yield from _grid(("No", "Group", "Attribute", "Answer", "How it was filled"), attributes)
    yield from ("### TRIPOD+AI", "")
    items = [
        (item.item, item.text, f"open: {item.answer}" if item.open else item.answer)
        for item in model_card.tripod
    ]
    yield from _grid(("Item", "What is asked", "Answer"), items)


def _section(section: Section, level: str, number: str = "") -> Iterator[str]:
    yield from (f"{level} {number}{_plain(section.title)}", "")
    for row in section.rows:
        yield f"- **{_plain(row.name)}:** {_plain(row.answer)}" if row.name else _plain(row.answer)
    yield ""


def _metrics(model_card: ModelCard) -> Iterator[str]:
    for metric in model_card.metrics:
        yield from (f"### {_plain(metric.head.capitalize())}", "")
        answers = {
            "Goal": metric.goal,
            "Results": metric.results,
            "Interpretation": metric.interpretation,
            "Test type": metric.test_type,
            "Test data": metric.test_data,
            "Validation process": metric.process,
        }
        yield from (f"- **{name}:** {_plain(text)}" for name, text in answers.items())
        yield ""
        for table in model_card.tables:
            yield from _figures(table) if table.head == metric.head else ()


def _figures(table: Table) -> Iterator[str]:
    yield from (f"{_plain(captioned(table))}", "")
    yield from _grid(COLUMNS, [_figure(figure) for figure in table.figures])


def _figure(figure: Figure) -> tuple[str, ...]:
    return (
        figure.label,
        figure.shown,
        figure.span,
        counted(figure.n),
        counted(figure.events),
        figure.path,
    )


def _grid(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_plain(str(cell)) for cell in row)} |"
    yield ""


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is: on one line, with its signs escaped."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
