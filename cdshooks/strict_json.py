"""Turns JSON text into values the strict way (RFC 8259 and B2): UTF-8, no duplicate keys, no
NaN, bounded depth and numbers.
"""

import json
import math

DEEPEST = 64
LONGEST_INTEGER = 400


class StrictError(ValueError):
    """The text is not JSON as it must be; the message is one of a few fixed sentences."""


def read(document: bytes) -> object:
    """Return the value of a JSON text. Raises StrictError."""
    try:
        value = _decoder.decode(document.decode("utf-8"))
    except UnicodeDecodeError:
        raise StrictError("The body is not UTF-8.") from None
    except RecursionError:
        raise StrictError("The body is nested too deeply.") from None
    except json.JSONDecodeError:
        raise StrictError("The body is not valid JSON.") from None
    if _depth(value) > DEEPEST:
        raise StrictError("The body is nested too deeply.")
    return value


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level and deepest <= DEEPEST:
        deepest += 1
        inner: list[object] = []
        for item in level:
            inner.extend(
                item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
            )
        level = inner
    return deepest


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictError("The body names one member twice.")
    return members


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise StrictError("The body holds a number that is too long.")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise StrictError("The body holds a number that is too large.")
    return value


def _constant(_: str) -> None:
    raise StrictError("The body holds NaN or Infinity, which is not JSON.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
