"""Reads JSON that is not quite JSON, so that one bad item costs only itself: half an emoji, NaN, a
number beyond all bounds, a control character in a text; and finds members that are written twice.

msgspec refuses the first whole and keeps the last of the second in silence, so the standard
library's decoder reads them.
"""

import json
from typing import Any

import msgspec

# Longer than any number that means something, and far below the digits that Python refuses.
LONGEST_INTEGER = 19
ESCAPED_COLONS = (rb"\u003a", rb"\u003A")


class Twice(dict[str, Any]):
    """An object of which members are written twice; `names` says which. What it holds of them is
    not to be trusted.
    """

    names: frozenset[str]


def loaded(document: bytes) -> Any:
    """Return the value of a JSON text; objects with a member written twice become Twice.

    Numbers beyond all bounds are infinite, half a character is U+FFFD, a byte order mark is passed
    over (RFC 8259 8.1). Raises ValueError or RecursionError when it is no JSON at all.
    """
    text = document.decode("utf-8-sig", "replace")
    return json.loads(text, object_pairs_hook=_members, parse_int=_integer, strict=False)


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of an array; what else stands in it, or in its place, is nothing."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def plain(document: bytes) -> Any:
    """Return the value of a JSON text in which each member is surely written once, else None: then
    `names_twice` knows.

    Each member has one colon, and one that is written twice is gone when the value is written
    again. Colons inside of texts stay, unless they are escaped.
    """
    if any(colon in document for colon in ESCAPED_COLONS):
        return None
    try:
        value = msgspec.json.decode(document)
        once = msgspec.json.encode(value).count(b":") == document.count(b":")
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None
    return value if once else None


def names_twice(document: bytes) -> bool:
    """Tell whether any object of a JSON text has a member written twice, or it is no JSON.

    It costs about 8 ms a megabyte; nothing is kept of it.
    """
    try:
        json.loads(document, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return True
    return False


def twice(value: Any) -> bool:
    """Tell whether a member is written twice in what `loaded` returned, at any depth."""
    if isinstance(value, dict):
        return isinstance(value, Twice) or any(map(twice, value.values()))
    return isinstance(value, list) and any(map(twice, value))


def sound_members(raw: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return what of a JSON object has the shape that `kind` asks for, and is written once."""
    doubled = raw.names if isinstance(raw, Twice) else frozenset()
    found = {}
    for field in msgspec.structs.fields(kind):
        value = raw.get(field.name)
        if value is None or field.name in doubled or twice(value):
            continue
        try:
            found[field.name] = msgspec.convert(value, field.type)
        except (msgspec.ValidationError, RecursionError):
            continue
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {name: _whole(value) for name, value in pairs}
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    doubled = Twice(found)
    doubled.names = frozenset(name for name in found if names.count(name) > 1)
    return doubled


def _whole(value: Any) -> Any:
    """Return a text without halves of characters, which no other program would take from us."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= LONGEST_INTEGER else float(text)


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise ValueError
