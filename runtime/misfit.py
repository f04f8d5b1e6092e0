"""Puts what msgspec says of a configuration that doesn't fit into our words: the key, its place,
what is allowed.
"""

import re
from types import UnionType
from typing import Any, get_args, get_origin

import msgspec

TYPE_NAMES = {
    "str": "text",
    "int": "a whole number",
    "array": "a list",
    "object": "a table",
    "bool": "true or false",
}


def explain(
    message: str,
    top: type[msgspec.Struct],
    ehr: type[msgspec.Struct],
    trial: type[msgspec.Struct],
) -> str:
    """Return msgspec's message about a configuration of `top`, with [[ehr]] records and a [trial],
    in our words.
    """
    text, _, place = message.partition(" - at ")
    where = place.strip("`").replace("$.", "").replace("$", "")
    table = trial if where.startswith("trial") else ehr
    kind = table if where and "." not in where else top
    inside = f" in {'[trial]' if table is trial else '[[ehr]]'}" if where else ""
    if "unknown field" in text:
        return f"unknown key `{text.split('`')[1]}`{inside}. Allowed: {allowed(kind)}."
    if "missing required field" in text:
        return f"the required key `{text.split('`')[1]}` is missing{inside}."
    if "Invalid enum value" in text:
        key = where.rpartition(".")[2].partition("[")[0]
        choice = next(f.type for f in msgspec.structs.fields(table) if f.name == key)
        # What may be left out altogether is a union with None.
        choice = get_args(choice)[0] if isinstance(choice, UnionType) else choice
        words = get_args(get_args(choice)[0]) if get_origin(choice) is tuple else get_args(choice)
        return f"`{where}` has an {text[0].lower()}{text[1:]}; allowed: {', '.join(words)}."
    text = text.replace(" | null`", "`")
    for short, plain in TYPE_NAMES.items():
        text = text.replace(f"`{short}`", plain)
    return f"`{where}`: {text[0].lower()}{text[1:]}."


def allowed(kind: type[msgspec.Struct]) -> str:
    """Return the keys that a table may have."""
    return ", ".join(
        field.name for field in msgspec.structs.fields(kind) if field.name != "base_dir"
    )


def taken_out(raw: dict[str, Any], message: str) -> str | None:
    """Take the key of which msgspec complains out of a configuration, and return its name; None
    where that is not one key, as when a required one is missing.
    """
    text, _, place = message.partition(" - at ")
    found = re.fullmatch(r"\$?(?:\.ehr\[(\d+)\])?(?:\.(\w+).*)?", place.strip("`"))
    if found is None or "missing required field" in text:
        return None
    table = raw if found[1] is None else raw["ehr"][int(found[1])]
    key = text.split("`")[1] if "unknown field" in text else found[2]
    if key not in table:
        return None
    del table[key]
    return str(key)
