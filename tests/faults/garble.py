"""Makes a request worse, by a seeded chance: its bytes, its JSON, its headers (B1-B4)."""

import json
import random
from typing import Any

DEEP = "[" * 200 + "]" * 200
# Written as they stand into the place of a member: each is JSON as somebody's parser takes it.
NASTY = (
    "null", "true", "[]", "{}", '""', "0", "-0.0", "1e400", "-1e999", "NaN", "Infinity",
    "9" * 500, '"' + "a" * 5000 + '"', '"\\ud800"', '"\\u0000"', '"\\u202e<script>"', DEEP,
    '[null]', '{"resourceType":"OperationOutcome"}', '{"resourceType":"Bundle","entry":[7]}',
    '"2026-02-30T25:61:00Z"', '"9999-12-31T23:59:59+14:00"', '"0001-01-01"', "[[[[{}]]]]",
    '{"a":1,"a":2}', "1.7976931348623157e308", '"{{7*7}}"', '"../../etc/passwd"', '"😀"',
)  # fmt: skip
MARK = "\ue000"
Place = tuple[Any, Any]


def garbled(chance: random.Random, call: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return a body and headers that are wrong somewhere, or only strange."""
    kind = chance.choice(("bytes", "json", "json", "json", "headers"))
    raw = json.dumps(call).encode()
    if kind == "bytes":
        return _bytes(chance, raw), {}
    if kind == "json":
        return _members(chance, call), {}
    return raw, _headers(chance)


def mutated(chance: random.Random, resource: dict[str, Any]) -> str:
    """Return a resource as JSON text in which one member is replaced, removed, renamed or moved
    into a list.
    """
    copy = json.loads(json.dumps(resource))
    return _change(chance, copy)


def _members(chance: random.Random, call: dict[str, Any]) -> bytes:
    return _change(chance, json.loads(json.dumps(call))).encode("utf-8", "surrogatepass")


def _change(chance: random.Random, document: dict[str, Any]) -> str:
    holder, key = chance.choice(_places(document))
    kind, text = chance.choice(("replace", "replace", "remove", "rename", "wrap", "double")), ""
    if kind == "replace":
        holder[key], text = MARK, chance.choice(NASTY)
    elif kind == "remove":
        del holder[key]
    elif kind == "wrap":
        holder[key] = [holder[key], holder[key]]
    elif kind == "rename" and isinstance(holder, dict):
        holder[f"{key}{chance.choice(('', ' ', '_', 'X'))}"] = holder.pop(key)
    elif kind == "double" and isinstance(holder, dict):
        # The same name twice, which no parser shows afterwards.
        value = json.dumps(holder[key])
        holder[key], text = MARK, f"{value},{json.dumps(key)}:{chance.choice(NASTY)}"
    return json.dumps(document, ensure_ascii=False).replace(f'"{MARK}"', text)


def _places(value: Any) -> list[Place]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    found: list[Place] = []
    for key in keys:
        found += [(value, key), *_places(value[key])]
    return found


def _bytes(chance: random.Random, raw: bytes) -> bytes:
    at, other = sorted(chance.sample(range(len(raw)), 2))
    kind = chance.randrange(5)
    if kind == 0:
        return raw[:at]
    if kind == 1:
        return raw[:at] + bytes([raw[at] ^ (1 << chance.randrange(8))]) + raw[at + 1 :]
    if kind == 2:
        return raw[:at] + chance.randbytes(chance.randrange(1, 20)) + raw[at:]
    if kind == 3:
        return raw[:at] + raw[other:]
    return raw.decode().encode(chance.choice(("utf-16", "utf-32", "utf-8-sig")))


def _headers(chance: random.Random) -> dict[str, str]:
    strange = "".join(chance.choice("aA0.-_= /\"'<>{}%\t") for _ in range(chance.randrange(60)))
    name = chance.choice(
        ("Content-Type", "Content-Encoding", "Authorization", "Accept", "Origin", "X-Forwarded-For")
    )
    value = chance.choice(
        (strange, f"Bearer {strange}", "Bearer a.b.c", f"Basic {strange}", "gzip")
    )
    return {name: value.strip()}
