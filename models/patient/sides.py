"""Turns a row of features into what a model of distances sees: how far below or above normal a
value lies, and how much farther than before.

A tree that splits on the value itself learns that a pressure of 220 is fine from those whose
pressure was held up by drugs. Each side on its own can be bound: the farther from normal, the
higher the risk, or as high. What is missing is missing on both sides.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from models.patient.features import FeatureRow, names, variable_of

BELOW, ABOVE, WORSE = "below", "above", "worse"
SIDES = (BELOW, ABOVE, WORSE)


class Look(NamedTuple):
    """How a model looks at a row in one of its features: the feature of a row that it is made of,
    and where it is a side of that, which one, of which variable, and the middle.
    """

    base: str
    side: Callable[[Any, Any, float], Any] | None
    variable: str
    middle: float


@cache
def base(feature: str) -> str:
    """Return the feature of a row that a side is made of; a feature without a side is its own."""
    before, _, side = feature.rpartition(".")
    return before if side in SIDES else feature


def known(feature: str) -> bool:
    """Tell whether a row of ours gives a feature."""
    return base(feature) in names()


def look(feature: str, normal: Mapping[str, float]) -> Look:
    """Return how a model looks at a feature; `normal` holds the middle that its sides are measured
    from, by variable.
    """
    name = variable_of(feature)
    if base(feature) == feature:
        return Look(feature, None, name, 0.0)
    return Look(base(feature), _WAYS[feature.rpartition(".")[2]], name, normal[name])


def seen(looks: Iterable[Look], row: FeatureRow) -> list[float | None]:
    """Return what a model sees of a row."""
    found: list[float | None] = []
    for name, way, variable, middle in looks:
        value = row[name]
        if way is not None and value is not None:
            value = way(value, row[variable] or 0.0, middle)
        found.append(value)
    return found


def side(feature: str, value: Any, last: Any, middle: float) -> Any:
    """Return the side of a value, or of a column of them: the distance below or above the middle,
    or for a change how much farther from it `last` is than it was.
    """
    return _WAYS[feature.rpartition(".")[2]](value, last, middle)


def _below(value: Any, last: Any, middle: float) -> Any:
    distance = middle - value
    return (distance + abs(distance)) / 2


def _above(value: Any, last: Any, middle: float) -> Any:
    distance = value - middle
    return (distance + abs(distance)) / 2


def _worse(value: Any, last: Any, middle: float) -> Any:
    return abs(last - middle) - abs(last - value - middle)


_WAYS = {BELOW: _below, ABOVE: _above, WORSE: _worse}
