"""Turns an id_token into the user, or refuses it: OpenID Connect Core 3.1.3.7 as SMART-33 and E4
bind it.
"""

import hmac
from typing import Any

from ehr import jws
from ehr.keys import KeySets
from smartapp.discovery import Discovery, Endpoints
from smartapp.problems import SignInFailed

ALGORITHMS = ["RS256", "RS384", "ES256", "ES384"]
LEEWAY = 60


def user(
    id_token: object,
    endpoints: Endpoints,
    discovery: Discovery,
    keysets: KeySets,
    client_id: str,
    nonce: str | None,
    now: float,
) -> str:
    """Return who signed in as "issuer|sub", the key for the audit. Raises SignInFailed."""
    if not isinstance(id_token, str):
        raise SignInFailed("id_token is no text")
    issuer, jwks_uri = _source(endpoints, discovery)
    try:
        token = jws.read(id_token)
        jws.signer(token, jwks_uri, keysets, ALGORITHMS)
    except jws.TokenRefused as error:
        raise SignInFailed(f"id_token {error}") from None
    claims = token.claims
    fault = _fault(claims, issuer, client_id, nonce, now)
    if fault:
        raise SignInFailed(f"id_token {fault}")
    return f"{issuer}|{claims['sub']}"


def _source(endpoints: Endpoints, discovery: Discovery) -> tuple[str, str]:
    """Return the issuer and the URL of its keys; some servers name the keys in
    openid-configuration only.
    """
    if not endpoints.issuer:
        raise SignInFailed("smart-configuration without issuer")
    jwks_uri = endpoints.jwks_uri or discovery.openid(endpoints.issuer).jwks_uri
    if not jwks_uri:
        raise SignInFailed("no jwks_uri")
    return endpoints.issuer, jwks_uri


def _fault(
    claims: dict[str, Any], issuer: str, client_id: str, nonce: str | None, now: float
) -> str | None:
    audience = claims.get("aud") if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    times = {name: claims.get(name) for name in ("exp", "iat")}
    if claims.get("iss") != issuer:
        return "iss"
    if (
        client_id not in audience
        or (len(audience) > 1 or "azp" in claims)
        and claims.get("azp") != client_id
    ):
        return "aud"
    if any(isinstance(t, bool) or not isinstance(t, int | float) for t in times.values()):
        return "times"
    if times["exp"] <= now - LEEWAY or times["iat"] > now + LEEWAY:
        return "expired or of the future"
    if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
        return "sub"
    # SMART does not oblige a server to echo the nonce, but a wrong one is a replay.
    return "nonce" if "nonce" in claims and not _same(claims["nonce"], nonce) else None


def _same(answered: object, sent: str | None) -> bool:
    return (
        isinstance(answered, str)
        and bool(sent)
        and hmac.compare_digest(answered.encode(), sent.encode())
    )
