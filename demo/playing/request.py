"""Shapes a call and its token as the client that is played does (CDS Hooks 2.0, R23-R60, R101-R103;
what vendors do differently is a row of clients.toml).
"""

import uuid
from typing import Any

from demo.playing.clients import Played

NO_MATCH = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "warning", "code": "not-found", "details": {"text": "No results."}}],
}
UUIDS = {1: uuid.uuid1, 4: uuid.uuid4}


def body(
    played: Played,
    home: str,
    hook: str,
    context: dict[str, str],
    authorization: dict[str, Any],
    prefetch: dict[str, dict[str, Any] | None],
) -> dict[str, Any]:
    """Return the request: of the access token and the prefetch of a whole 2.0 request what this
    client sends, and as it does.
    """
    base = played.base(home)
    made: dict[str, Any] = {
        "hook": hook,
        "hookInstance": str(UUIDS[played.uuid_version]()),
        "fhirServer": base,
        "context": context,
    }
    if played.authorization:
        made["fhirAuthorization"] = {
            name: value
            for name, value in authorization.items()
            if played.subject or name != "patient"
        }
    if prefetch:
        made["prefetch"] = {
            played.renamed.get(key, key): _answer(played, base, value)
            for key, value in prefetch.items()
        }
    return made | ({"extension": played.extension} if played.extension else {})


def claims(played: Played, home: str, url: str, now: int) -> dict[str, Any]:
    """Return what the token of one call says: for this endpoint only, with a new jti (R102,
    R103). `now` is Unix time.
    """
    issuer = played.named(home)
    made = {
        "iss": issuer,
        "aud": url,
        "iat": now,
        "exp": now + played.seconds,
        "jti": str(uuid.uuid4()),
    }
    return made | ({"sub": issuer, "nbf": now - played.backdated} if played.backdated else {})


def override(played: Played, item: dict[str, Any]) -> dict[str, Any]:
    """Return a feedback item with the override under this client's name for it."""
    return {played.override if n == "overrideReason" else n: value for n, value in item.items()}


def _answer(played: Played, base: str, value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    if played.no_match and value.get("resourceType") == "Bundle" and not value.get("entry"):
        value = value | {"entry": [{"search": {"mode": "outcome"}, "resource": NO_MATCH}]}
    return _absolute(value, base) if played.absolute else value


def _absolute(value: Any, base: str) -> Any:
    """Return JSON whose relative references are whole addresses."""
    if isinstance(value, list):
        return [_absolute(one, base) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: _absolute(one, base) for name, one in value.items()}
    reference = made.get("reference")
    if isinstance(reference, str) and ":" not in reference and not reference.startswith("#"):
        made["reference"] = f"{base}/{reference}"
    return made
