"""Turns an id_token into the user, or refuses it: OpenID Connect Core 3.1.3.7 as SMART-33 and E4
bind it.
"""

import hmac
from typing import Any, NamedTuple, get_args

from ehr import jws
from ehr.fetch import inside
from ehr.keys import KeySets
from runtime.settings import Algorithm
from smartapp.launching.discovery import Discovery, Endpoints
from smartapp.problems import SignInFailed

LEEWAY = 60
# A certificate chain in the header and a user's groups in the claims make a token long.
LONGEST = 64 * 1024
LONGEST_SUBJECT = 255
LONGEST_REFERENCE = 2048


class User(NamedTuple):
    """Who signed in: `key` is "issuer|sub", for the audit; `fhir_user` the reference to the user
    as it was sent, None where it is missing or no text (SMART-34).
    """

    key: str
    fhir_user: str | None = None


class IdTokens:
    """Checks the id_tokens of EHRs that are trusted already."""

    def __init__(self, discovery: Discovery, keysets: KeySets):
        self._discovery = discovery
        self._keysets = keysets

    def user(
        self, id_token: object, endpoints: Endpoints, client_id: str, nonce: str, now: float
    ) -> User:
        """Return who signed in; `now` in seconds since 1970. Raises SignInFailed, whose reason
        names the check.
        """
        if not isinstance(id_token, str):
            raise SignInFailed("id_token: no text")
        try:
            token = jws.read(id_token, LONGEST)
            issuer, jwks_uri = self._source(token.claims.get("iss"), endpoints)
            jws.signer(token, jwks_uri, self._keysets, get_args(Algorithm))
        except jws.TokenRefused as error:
            raise SignInFailed(f"id_token: {error}") from None
        fault = _fault(token.claims, client_id, nonce, now)
        if fault:
            raise SignInFailed(f"id_token: {fault}")
        return User(f"{issuer}|{token.claims['sub']}", _reference(token.claims.get("fhirUser")))

    def _source(self, claimed: object, endpoints: Endpoints) -> tuple[str, str]:
        """Return the issuer and the URL of its keys."""
        if not isinstance(claimed, str) or not _issued_here(claimed, endpoints):
            raise SignInFailed("id_token: iss")
        if claimed == endpoints.issuer and endpoints.jwks_uri:
            return claimed, endpoints.jwks_uri
        found = self._discovery.openid(claimed)
        if found.issuer not in (None, claimed):
            raise SignInFailed("openid-configuration of another issuer")
        if not found.jwks_uri:
            raise SignInFailed("openid-configuration without jwks_uri")
        return claimed, found.jwks_uri


def _reference(claimed: object) -> str | None:
    said = isinstance(claimed, str) and 0 < len(claimed) <= LONGEST_REFERENCE
    return str(claimed) if said else None


def _issued_here(claimed: str, endpoints: Endpoints) -> bool:
    """Tell whether an `iss` is the issuer that the smart-configuration names, as a whole string.

    SMART has the app follow the token's own `iss` to its openid-configuration. That is done for a
    place below the issuer that is named, since Oracle's tokens come from there, and where none is
    named (SMART 1.0) for the token endpoint's own origin; never elsewhere.
    """
    if claimed == endpoints.issuer:
        return True
    same_but_for_a_slash = claimed.rstrip("/") == (endpoints.issuer or "").rstrip("/")
    bare = "?" not in claimed and "#" not in claimed
    return (
        bare and not same_but_for_a_slash and inside(claimed, endpoints.issuer or endpoints.origin)
    )


def _fault(claims: dict[str, Any], client_id: str, nonce: str, now: float) -> str | None:
    """Name the first claim that is not right, in the words of ehr.refusals where it has one;
    `iss` and the signature are known to be right.
    """
    if not _for_us(claims, client_id):
        return "audience"
    issued, expires, starts = (jws.numeric_date(claims.get(name)) for name in ("iat", "exp", "nbf"))
    if issued is None or expires is None or (starts is None and "nbf" in claims):
        return "claims"
    if expires <= now - LEEWAY:
        return "expired"
    if max(issued, issued if starts is None else starts) > now + LEEWAY:
        return "not yet"
    if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= LONGEST_SUBJECT:
        return "sub"
    if not isinstance(claims.get("nonce"), str):
        return "nonce missing"
    same = hmac.compare_digest(claims["nonce"].encode(), nonce.encode())
    return None if same else "nonce of another launch"


def _for_us(claims: dict[str, Any], client_id: str) -> bool:
    """Tell whether the token is for this client; another audience beside it is trusted only if
    `azp` says that the token was issued to us (OIDC Core 3.1.3.7 no. 3 to 5).
    """
    named, party = claims.get("aud"), claims.get("azp")
    audience = named if isinstance(named, list) else [named]
    alone = all(entry == client_id for entry in audience)
    return client_id in audience and (party == client_id or (party is None and alone))
