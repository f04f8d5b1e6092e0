"""Turns a JWK Set (RFC 7517) into the public keys that may verify signatures, and says why it
passed over the others (A3, R105).
"""

import json
from typing import Any, NamedTuple

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

SMALLEST_RSA_BITS = 2048
CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# The public members of each type. Nothing else of a JWK makes a key: no private half that was
# published by mistake, no x5c, no x5u (A4).
TYPES: dict[str, tuple[type[ECKey | OKPKey | RSAKey], tuple[str, ...]]] = {
    "EC": (ECKey, ("kty", "crv", "x", "y")),
    "OKP": (OKPKey, ("kty", "crv", "x")),
    "RSA": (RSAKey, ("kty", "n", "e")),
}


class JwkError(Exception):
    """This is no key set, or no key that may verify; the message is a few fixed words."""


class VerifyingKey(NamedTuple):
    """A public key, its `kid` if it has one, and the algorithms that it may verify."""

    kid: str | None
    algorithms: tuple[str, ...]
    key: Key


class PassedOver(NamedTuple):
    """A key that may not verify: its place in the set, from 1, its `kid` if that is text, why."""

    place: int
    kid: str | None
    why: str


class KeySet(NamedTuple):
    """The keys of a set that may verify, and those that may not."""

    keys: tuple[VerifyingKey, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    def fitting(self, alg: str, kid: str | None) -> list[VerifyingKey]:
        """Return the keys that may have made a signature by `alg`.

        `kid` is a hint (RFC 7515 4.1.4), and optional in token and key alike: keys of another
        `kid` are left out, those without one are not.
        """
        return [
            key
            for key in self.keys
            if alg in key.algorithms and (kid is None or key.kid in (None, kid))
        ]

    def names(self, kid: str | None) -> bool:
        """Return whether a token's `kid` may mean a key of this set."""
        return any(kid is None or key.kid in (None, kid) for key in self.keys)


def read(document: bytes) -> KeySet:
    """Read a JWK Set; an empty one is a set too. Raises JwkError for what is none."""
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise JwkError("no key set") from None
    if not isinstance(entries, list):
        raise JwkError("no key set")
    keys, passed_over = [], []
    for place, entry in enumerate(entries, 1):
        try:
            keys.append(_import(entry))
        except JwkError as error:
            kid = entry.get("kid") if isinstance(entry, dict) else None
            passed_over.append(PassedOver(place, kid if isinstance(kid, str) else None, str(error)))
    return KeySet(tuple(keys), tuple(passed_over))


def _import(entry: object) -> VerifyingKey:
    """Read one JWK; a member of null is taken as absent. Raises JwkError."""
    if not isinstance(entry, dict):
        raise JwkError("no object")
    entry = {name: value for name, value in entry.items() if value is not None}
    kid, kty, operations = entry.get("kid"), entry.get("kty"), entry.get("key_ops", ["verify"])
    if not isinstance(kid, str | None):
        raise JwkError("kid is no text")
    if not isinstance(kty, str) or kty not in TYPES:
        raise JwkError("kty is none of EC, OKP, RSA")
    if entry.get("use", "sig") != "sig":
        raise JwkError("use is not sig")
    if not isinstance(operations, list) or "verify" not in operations:
        raise JwkError("key_ops is without verify")
    if kty != "RSA" and str(entry.get("crv")) not in CURVES:
        raise JwkError("its curve is none of " + ", ".join(CURVES))
    kind, members = TYPES[kty]
    try:
        key = kind.import_key({name: entry[name] for name in members})
    except (JoseError, ValueError, KeyError, TypeError):
        raise JwkError("not a readable key of its type") from None
    return VerifyingKey(kid, _declared(entry, _able(key)), key)


def _able(key: ECKey | OKPKey | RSAKey) -> tuple[str, ...]:
    if not isinstance(key, RSAKey):
        return (CURVES[key.curve_name],)
    if key.public_key.key_size < SMALLEST_RSA_BITS:
        raise JwkError(f"RSA of fewer than {SMALLEST_RSA_BITS} bits")
    return RSA_ALGORITHMS


def _declared(entry: dict[str, Any], able: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a key may verify: the `alg` of its JWK, which is optional (RFC 7517 4.4), else
    all that its type can.
    """
    if "alg" not in entry:
        return able
    if entry["alg"] not in able:
        raise JwkError("its alg is not for keys of its type")
    return (entry["alg"],)
