"""Turns the form of "what if" into values to try; what can't be used is said, and costs nothing
else.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.patient.printing import number, printed_unit
from models.patient.vocabulary import Variable
from smartapp.door import TOKEN
from smartapp.what_if.fields import Field

# As browsers send what a field of numbers holds, and as people write it.
NUMBER = re.compile(r"[+-]?[0-9]{1,9}([.,][0-9]{0,9})?", re.ASCII)
LONGEST = 12
# Beside the session's token the form's one field that is no variable.
RESET = "reset"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A field that can't be used: it is no number, no whole one, or out of the plausible range."""

    field: Field
    why: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be tried, by variable (None takes a value away), and what could not be.

    `typed` is the text of each field that is not as it began, `strange` how many fields there were
    that this form does not have.
    """

    values: dict[str, float | None]
    wrong: tuple[Wrong, ...]
    typed: dict[str, str]
    strange: int


def wishes(form: Mapping[str, str], known: Iterable[Field]) -> Wishes:
    """Read a form; a field that is as it began, or is not there, wishes nothing."""
    by_name = {field.name: field for field in known}
    values: dict[str, float | None] = {}
    wrong: list[Wrong] = []
    typed: dict[str, str] = {}
    for name, field in by_name.items():
        text = form.get(name, field.shown).strip()
        if text == field.shown or name == form.get(RESET):
            continue
        typed[name] = text[:LONGEST]
        value = _value(field, text) if text else None
        if isinstance(value, str):
            variable = field.variable
            low, high = (_edge(variable, edge) for edge in (variable.low, variable.high))
            wrong.append(Wrong(field, value, low, f"{high} {printed_unit(variable)}".strip()))
        else:
            values[name] = value
    strange = len(form.keys() - by_name.keys() - {RESET, TOKEN})
    return Wishes(values, tuple(wrong), typed, strange)


def _edge(variable: Variable, edge: float) -> str:
    """Return an end of the range: one that its variable's digits would move keeps its own."""
    text = number(variable, edge)
    return text if variable.name == "acvpu" or float(text) == edge else f"{edge:g}"


def _value(field: Field, text: str) -> float | str:
    """Return the value of a text, or why it is none: "number", "whole" or "range"."""
    if not NUMBER.fullmatch(text):
        return "number"
    value, variable = float(text.replace(",", ".")), field.variable
    if not variable.low <= value <= variable.high:
        return "range"
    return "whole" if variable.unit == "{score}" and value % 1 else value
