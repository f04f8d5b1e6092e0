"""Turns an authorization code into a token response: PKCE, client authentication, tolerant
reading (SMART-26..31).
"""

import base64
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.urls import add_params_to_qs
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import ECKey

from runtime.settings import Ehr
from smartapp.connection import bind
from smartapp.problems import SignInFailed

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 240
ERRORS = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
}
Authenticate = Callable[..., tuple[str, dict, str]]


def exchange(
    ehr: Ehr,
    token_endpoint: str,
    code: str,
    code_verifier: str,
    redirect_uri: str,
    authenticate: Authenticate | None,
) -> dict[str, Any]:
    """Return the token response of one code; it is asked for once, without a retry.

    `authenticate` signs the request, None for a public client. Raises SignInFailed.
    """
    method = ehr.smart_client_auth
    client = OAuth2Session(
        ehr.smart_client_id, token_endpoint_auth_method=method, redirect_uri=redirect_uri
    )
    if authenticate:
        client.register_client_auth_method((method, authenticate))
    bind(client, lambda url: url == token_endpoint)
    try:
        with client:
            answer = client.fetch_token(
                token_endpoint,
                code=code,
                code_verifier=code_verifier,
                grant_type="authorization_code",
            )
    except AuthlibBaseError as error:
        known = error.error if error.error in ERRORS else "other"
        raise SignInFailed(
            f"token error {known}", detail=_short(error.description or error.error)
        ) from None
    except (requests.RequestException, ValueError, TypeError):
        raise SignInFailed("token request failed") from None
    return _checked(dict(answer))


def client_secret_basic(client_id: str, client_secret: str) -> Authenticate:
    """Authenticate by HTTP Basic; both parts are form-urlencoded first, which matters for `:`
    `%` `+` (SMART-27).
    """
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    value = "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")

    def sign(client, method, uri, headers, body):
        headers["Authorization"] = value
        return uri, headers, body

    return sign


def private_key_jwt(key: ECKey, now: float) -> Authenticate:
    """Authenticate by an assertion made new for each request: authlib's own repeats its jti and
    lives an hour (SMART-28).
    """

    def sign(client, method, uri, headers, body):
        signed = assertion(key, client.client_id, uri, now)
        parameters = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", signed)]
        return uri, headers, add_params_to_qs(body or "", parameters)

    return sign


def assertion(key: ECKey, client_id: str, token_endpoint: str, now: float) -> str:
    """Return a signed client assertion; `now` in seconds since 1970."""
    algorithm = key.get("alg")
    header = {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_endpoint,
        "iat": int(now),
        "exp": int(now) + ASSERTION_SECONDS,
        "jti": secrets.token_urlsafe(24),
    }
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    token, kind = answer.get("access_token"), answer.get("token_type")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise SignInFailed("token response without access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise SignInFailed("token_type is not bearer")
    return answer


def _short(text: object) -> str | None:
    return text[:200] if isinstance(text, str) else None


def lifetime(answer: dict[str, Any]) -> float:
    """Return how many seconds a token lives; a missing or odd `expires_in` counts as five
    minutes.
    """
    try:
        return max(min(float(answer["expires_in"]), 86400.0), 1.0)
    except (KeyError, TypeError, ValueError, OverflowError):
        return 300.0
