"""Turns the value[x] of a part into a number in its variable's own unit, or into the reason why it
is none, with what stands in the chart and what it proves all the same.
"""

import math
from typing import NamedTuple

from models.patient.chart import DECIMALS
from models.patient.conflicts import gravity
from models.patient.vocabulary import Variable
from models.reading.codes.acvpu import acvpu_points
from models.reading.fhir import Component, Concept, Quantity, Range
from models.reading.units import converted, unit_of, written

LONGEST_WRITTEN = 60
NOTHING = "no value"
# FHIR's comparators, and which side of the number the value lies on.
BELOW, ABOVE = {"<", "<="}, {">", ">=", "ad"}


class Value(NamedTuple):
    """A number in the variable's own unit, or a reason of models.reading.reader.REASONS and what
    the value is from `least` to `greatest` for certain (None is open); `text` is the chart's, or
    the quantity that has none, and `converted` says that it has another unit than the number.
    """

    number: float | None
    reason: str
    text: str | Quantity
    least: float | None = None
    greatest: float | None = None
    converted: bool = False

    @property
    def written(self) -> str:
        """Return what stands in the chart, with its unit; most values are never told as such."""
        return self.text if isinstance(self.text, str) else _as_written(self.text)


def value(variable: Variable, code: str | None, part: Component) -> Value:
    """Return what a part's value[x] says of a variable that `code` asks for."""
    if part.dataAbsentReason is not None:
        return Value(None, "value", _absent(part.dataAbsentReason))
    if variable.name == "acvpu":
        return _level(part)
    if part.valueQuantity is not None:
        return _quantity(variable, code, part.valueQuantity)
    if part.valueInteger is not None:
        number = float(part.valueInteger)
        return _number(variable, code, number, None, f"{number:g}")
    if part.valueRange is not None:
        return _range(variable, code, part.valueRange)
    text = part.valueString or said(part.valueCodeableConcept)
    return _text(variable, code, text) if text else Value(None, "value", _blank(part))


def charted(part: Component) -> str:
    """Return a part's value[x] as it stands in the chart, with its unit; empty where there is none
    of a kind that is ever read.
    """
    if part.dataAbsentReason is not None:
        return _absent(part.dataAbsentReason)
    if part.valueRange is not None:
        ends = (part.valueRange.low, part.valueRange.high)
        return cut(" to ".join(_as_written(end) if end else "…" for end in ends))
    if part.valueInteger is not None and part.valueQuantity is None:
        return f"{part.valueInteger}"
    text = cut(part.valueString or "") or said(part.valueCodeableConcept)
    words = text if text and part.valueQuantity is None else _blank(part)
    return "" if words == NOTHING else words


def said(concept: Concept | None) -> str:
    """Return a concept in the chart's own words, cut to what a card can hold."""
    if concept is None:
        return ""
    words = [concept.text, *(c.display or c.code for c in concept.coding or ())]
    return cut(next((word for word in words if word), ""))


def cut(text: str) -> str:
    """Return a text on one line, cut to what a card can hold."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_WRITTEN else line[: LONGEST_WRITTEN - 1] + "…"


def _absent(why: Concept) -> str:
    reason = said(why)
    return f"{NOTHING} ({reason})" if reason else NOTHING


def _level(part: Component) -> Value:
    concept = part.valueCodeableConcept or Concept(text=part.valueString)
    points = acvpu_points(concept)
    words = said(concept) or _blank(part)
    return Value(points, "" if points is not None else "value", words)


def _blank(part: Component) -> str:
    if part.valueBoolean is not None:
        return "true" if part.valueBoolean else "false"
    quantity = part.valueQuantity
    return _as_written(quantity) if quantity is not None else NOTHING


def _quantity(variable: Variable, code: str | None, quantity: Quantity) -> Value:
    number, unit = quantity.value, unit_of(quantity)
    if number is None or math.isnan(number):
        return Value(None, "value", quantity)
    if math.isinf(number):
        # What overflowed (1e400) is no number that a body could have, so it proves no bound.
        return Value(None, "range", quantity)
    if not quantity.comparator:
        return _number(variable, code, number, unit, quantity)
    return _compared(variable, code, quantity.comparator, number, unit, quantity)


def _as_written(quantity: Quantity) -> str:
    number = "" if quantity.value is None else f"{quantity.value:.15g}"
    if quantity.value is not None and math.isinf(quantity.value):
        number = "a number too large"
    parts = (quantity.comparator or "") + number, quantity.unit or quantity.code or ""
    return cut(" ".join(part for part in parts if part)) or NOTHING


def _text(variable: Variable, code: str | None, text: str) -> Value:
    found = written(text, variable, code)
    if found is None:
        return Value(None, "value", cut(text))
    return _compared(variable, code, found.comparator, found.number, found.unit, cut(text))


def _range(variable: Variable, code: str | None, limits: Range) -> Value:
    ends = [_quantity(variable, code, end) if end else None for end in (limits.low, limits.high)]
    least, greatest = (end.number if end else None for end in ends)
    words = " to ".join(end.written if end else "…" for end in ends)
    return Value(None, "bound", cut(words), least, greatest)


def _compared(
    variable: Variable,
    code: str | None,
    comparator: str,
    number: float,
    unit: str | None,
    text: str | Quantity,
) -> Value:
    if comparator in ("", "="):
        return _number(variable, code, number, unit, text)
    edge = converted(variable, code, number, unit)
    if edge is None:
        return Value(None, "unit", text)
    edge = round(edge, DECIMALS)
    least, greatest = edge if comparator in ABOVE else None, edge if comparator in BELOW else None
    return Value(None, "bound", text, least, greatest)


def _number(
    variable: Variable, code: str | None, number: float, unit: str | None, text: str | Quantity
) -> Value:
    found = converted(variable, code, number, unit)
    if found is None or math.isnan(found):
        return Value(None, "unit", text)
    low, high = variable.possible
    if low <= found <= high:
        return Value(round(found, DECIMALS), "", text, converted=found != number)
    if found < low:
        return Value(None, "range", text, greatest=low if _grave(variable, low) else None)
    return Value(None, "range", text, least=high if _grave(variable, high) else None)


def _grave(variable: Variable, edge: float) -> bool:
    """Tell whether a value beyond what can be is grave for certain; nothing is proved to be normal
    by a saturation of 150 %.
    """
    return any(gravity(variable, edge)[:2])
