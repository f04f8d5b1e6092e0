"""Turns a Model, its validation and model_card.toml into a ModelCard: sections, facts label,
source attributes and TRIPOD+AI items.

CHAI Applied Model Card v0.2, Sendak 2020, 45 CFR 170.315(b)(11)(iv)(B), TRIPOD+AI 2024 (governance
parts 1 and 2). The words of people stand in model_card.toml alone; what neither they nor a run know
is said as "not available".
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from models.card.facts import facts
from models.card.figures import ABSENT, Table
from models.card.results import LEADING
from models.card.tables import tables
from models.fitted.model import Model, ModelId

SOURCE = Path(__file__).with_name("model_card.toml")
OPEN = "open: "


@dataclass(frozen=True, slots=True)
class Row:
    """A name and what is said of it; the name is empty where a text stands alone."""

    name: str
    answer: str


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered or titled part of the card or of the facts label."""

    number: int
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """One head of the key metrics; its results are the card's tables of that head."""

    head: str
    goal: str
    results: str
    interpretation: str
    test_type: str
    test_data: str
    process: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """One of the 31 source attributes; `filled` says how: by a run, by people, at the site, or
    not at all.
    """

    number: int
    group: str
    text: str
    answer: str
    filled: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item of TRIPOD+AI; an open one says why it is."""

    item: str
    text: str
    answer: str
    open: bool


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All that is known of one version, for page, Markdown and JSON; `leading` are the figures
    of the facts label.
    """

    model: ModelId
    label: str
    summary: str
    sections: tuple[Section, ...]
    metrics: tuple[Metric, ...]
    tables: tuple[Table, ...]
    leading: Table | None
    facts_label: tuple[Section, ...]
    attributes: tuple[Attribute, ...]
    tripod: tuple[Item, ...]
    refused: str | None = None


class _Known(dict[str, str]):
    """Words by name; an unknown name is not available."""

    def __missing__(self, name: str) -> str:
        return ABSENT


class _Words(dict[str, str]):
    """Words by name; what is no word keeps its place, so that a fact is never read for places of
    its own.
    """

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


def model_card(
    model: Model, validation: dict[str, Any] | None, refused: str | None = None
) -> ModelCard:
    """Return the model card of one version; without a validation its figures are training's alone.

    `validation` is what `read_validation` returned; `refused` says why one that is there
    is not shown.
    """
    source, shown = _source(), tables(model, validation)
    known = _Known(facts(model, validation))
    words = _words(source, model.id.name)
    for name in words:
        known[name] = _filled(_filled(words[name], _Words(words)), known)
    heads = source["metric"]
    return ModelCard(
        model.id,
        model.manifest["label"],
        known["summary"],
        _sections(source["section"], known),
        tuple(_metric(head, known) for head in heads),
        shown,
        _leading(shown),
        _sections(source["label"], known),
        tuple(_attribute(row, known) for row in source["attribute"]),
        tuple(_item(item, text, answer, known) for item, text, answer in source["tripod"]["rows"]),
        refused,
    )


def is_known(text: str) -> bool:
    """Tell whether an answer holds more than that nothing is known."""
    return bool(text.replace(ABSENT, "").strip(" .;,"))


@cache
def _source() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text("utf-8"))


def _words(source: dict[str, Any], name: str) -> dict[str, str]:
    """Return the words of every model, with those of the shipped ones and with the model's own."""
    ours = (
        {key: text for key, text in source["ours"].items() if key != "models"}
        if name in source["ours"]["models"]
        else {}
    )
    words: dict[str, str] = source["words"] | ours | source["models"].get(name, {})
    return words


def _filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text with its places filled; one full stop where two would meet."""
    parts = []
    for words, name, _, _ in Formatter().parse(text):
        parts.append(words)
        parts.append(str(known[name]) if name else "")
    return "".join(parts).replace("..", ".")


def _sections(rows: list[dict[str, Any]], known: _Known) -> tuple[Section, ...]:
    return tuple(
        Section(
            number,
            row["title"],
            tuple(Row(name, _whole(answer, known)) for name, answer in row["rows"]),
        )
        for number, row in enumerate(rows, 1)
    )


def _whole(text: str, known: _Known) -> str:
    """Return an answer; where none of its places could be filled and they are all there is, just
    "not available".
    """
    answer = _filled(text, known)
    return answer if is_known(answer) else ABSENT


def _metric(row: dict[str, Any], known: _Known) -> Metric:
    name = row["head"].split()[0]
    return Metric(
        row["head"],
        row["goal"],
        known[f"results_{name}"],
        known[f"interpretation_{name}"],
        row["test_type"],
        known["validated"],
        known["validation_process"],
    )


def _attribute(row: dict[str, Any], known: _Known) -> Attribute:
    # Who validated elsewhere, and how, is said only where somebody did.
    answer = (
        _whole(row["answer"], known)
        if row.get("when", "absent") in known
        else known["external_data"]
    )
    missing = not is_known(answer) or answer.startswith(ABSENT)
    filled = f"not filled; due from {row['filled']}" if missing else f"by {row['filled']}"
    return Attribute(row["number"], row["group"], row["text"], answer, filled)


def _item(item: str, text: str, answer: str, known: _Known) -> Item:
    found = _whole(answer.removeprefix(OPEN), known)
    return Item(item, text, found, answer.startswith(OPEN) or not is_known(found))


def _leading(shown: tuple[Table, ...]) -> Table | None:
    """Return the figures that come first: the validation's, or those of training where there is
    none.
    """
    file = (
        "validation.json"
        if any(table.origin.file == "validation.json" for table in shown)
        else "manifest.json"
    )
    found = [table for table in shown if table.origin.file == file and table.unit == "rows"]
    named = {figure.path: figure for table in found for figure in table.figures}
    return (
        replace(
            found[0],
            figures=tuple(named[path] for name in LEADING if (path := f"figures/{name}") in named),
        )
        if found
        else None
    )
