"""Turns the text of a JWT into the key of a trusted set that signed it, or refuses it (RFC 7515,
RFC 7519, RFC 8725; A3, A4, A9).

What the claims say is checked by whoever asked for the token.
"""

import base64
import math
import re
from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from ehr.jwk import KeySet, VerifyingKey
from ehr.keys import Held, KeySets

LONGEST = 8192
LONGEST_PART = 64 * 1024
MOST_TRIES = 4
COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
# Each changes what is signed or how, or brings a key along. x5u and x5c only name one: no key is
# ever taken from there, and tokens carry them beside `kid`.
FORBIDDEN = ("crit", "zip", "b64", "jwk")


class TokenRefused(Exception):
    """The token is not one that the set's keys signed; the message is a word of ehr.refusals."""


class Token(NamedTuple):
    """A JWT as it came: nothing of it is to be believed before `signer` has returned."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]


def read(text: str, longest: int = LONGEST) -> Token:
    """Read a JWT in compact form. Raises TokenRefused before any parsing for what can be none."""
    parts = COMPACT.fullmatch(text) if len(text) <= longest else None
    if parts is None:
        raise TokenRefused("malformed")
    return Token(text, _members(parts[1]), _members(parts[2]))


def signer(token: Token, source: str, keysets: KeySets, allowed: Collection[str]) -> VerifyingKey:
    """Return the key of a configured set that signed a token by one of the allowed algorithms.

    Raises TokenRefused.
    """
    check_header(token.header, allowed)
    found = signers(token, [source], keysets)[source]
    if isinstance(found, str):
        raise TokenRefused(found)
    return found


def signers(
    token: Token, sources: Collection[str], keysets: KeySets
) -> dict[str, VerifyingKey | str]:
    """Return for each of several key sets the key that signed a token with a checked header, or
    why it has none.

    The sets are read anew, as often as that may be, only if none of those held has signed it.
    """
    before: list[KeySet] = []
    for read_set in (keysets.held, keysets.renewed):
        sets = {source: read_set(source) for source in sources}
        keys = [held.keys for held in sets.values()]
        # The same keys have not signed it at the second look either.
        if before and all(new is old for new, old in zip(keys, before, strict=True)):
            break
        before = keys
        found = {
            source: _verifying(token, held.keys) or _why(token.header, held)
            for source, held in sets.items()
        }
        if not all(isinstance(key, str) for key in found.values()):
            break
    return found


def check_header(header: dict[str, Any], allowed: Collection[str]) -> None:
    """Check what a JOSE header must be for any reader (RFC 7515 4.1). Raises TokenRefused."""
    if not all(isinstance(header.get(name, ""), str) for name in ("kid", "typ", "jku")):
        raise TokenRefused("header")
    if any(name in header for name in FORBIDDEN):
        raise TokenRefused("header")
    if not isinstance(header.get("alg"), str) or header["alg"] not in allowed:
        raise TokenRefused("algorithm")


def _verifying(token: Token, keys: KeySet) -> VerifyingKey | None:
    """Return the key of a set that signed a token; four are tried at most."""
    alg = token.header["alg"]
    for key in keys.fitting(alg, token.header.get("kid"))[:MOST_TRIES]:
        try:
            jws.deserialize_compact(token.text, key.key, registry=_registry(alg))
            return key
        except (JoseError, ValueError, TypeError):
            continue
    return None


def numeric_date(value: object) -> float | None:
    """Return a NumericDate (RFC 7519 2: any JSON number) in seconds of Unix time, else None."""
    # bool is an int in Python, and true is no time.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _members(part: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        raise TokenRefused("malformed") from None
    if not isinstance(found, dict):
        raise TokenRefused("malformed")
    return found


def _why(header: dict[str, Any], held: Held) -> str:
    kid = header.get("kid")
    if not held.keys.names(kid):
        if held.fault:
            return f"key set: {held.fault}"
        return "kid" if held.keys.keys else "key set: no usable key"
    return "signature" if held.keys.fitting(header["alg"], kid) else "algorithm"


def _registry(alg: str) -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=[alg])
    # The header is checked above; joserfc would refuse members that RFC 7515 4 says to ignore, and
    # Epic's jku alone may be longer than its 512 bytes.
    registry.header_registry, registry.strict_check_header = {}, False
    registry.max_header_length = registry.max_payload_length = LONGEST_PART
    return registry
