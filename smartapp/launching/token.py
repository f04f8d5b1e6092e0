"""Turns an authorization code into a token response: PKCE, client authentication, tolerant
reading (SMART-26..31).
"""

import base64
import json
import math
import secrets
from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import requests
from authlib.common.urls import add_params_to_qs
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import ECKey

from ehr.http import Outgoing
from runtime.settings import Ehr, Settings
from runtime.settings_file import secret
from smartapp.launching.connection import Refused, bind
from smartapp.launching.discovery import Endpoints
from smartapp.launching.oauth_error import said, word
from smartapp.problems import SignInFailed

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 240
UNKNOWN_SECONDS = 300.0
# Authlib's way to authenticate: client, method, uri, headers and body give the last three.
Headers = MutableMapping[str, str]
Authenticate = Callable[[Any, str, str, Headers, str], tuple[str, Headers, str]]


class _Session(OAuth2Session):
    """Authlib's client that hands the answer on: its own reading turns `expires_in` "3600.0" and
    `error` null into failures, and loses the status.
    """

    def parse_response_token(self, resp: requests.Response) -> requests.Response:
        return resp


class Client(NamedTuple):
    """How one EHR's token endpoint is told who we are: what signs the request (None: nothing
    does), and what else stands in its body.
    """

    id: str
    authenticate: Authenticate | None = None
    form: dict[str, str] = {}


def exchange(
    http: Outgoing,
    client: Client,
    endpoints: Endpoints,
    code: str,
    code_verifier: str,
    redirect_uri: str,
) -> dict[str, Any]:
    """Return the token response of one code, without its null members; it is asked for once,
    without a retry. Raises SignInFailed.
    """
    session = _Session(
        client.id,
        token_endpoint_auth_method=client.authenticate or "none",
        redirect_uri=redirect_uri,
    )
    try:
        # requests writes the host in small letters.
        address = requests.Request("POST", endpoints.token_endpoint).prepare().url
        bind(session, http, lambda url: url == address)
        with session:
            answer = session.fetch_token(
                endpoints.token_endpoint,
                code=code,
                code_verifier=code_verifier,
                grant_type="authorization_code",
                **client.form,
            )
    except Refused as error:
        raise SignInFailed(f"token request failed: {error}") from None
    except (requests.RequestException, ValueError, TypeError) as error:
        raise SignInFailed(f"token request failed: {type(error).__name__}") from None
    return _checked(answer, endpoints)


def client_of(ehr: Ehr, endpoints: Endpoints, settings: Settings, key: ECKey, now: float) -> Client:
    """Return who we are at an EHR, as its record says; the secret goes into the body only where
    the server takes it nowhere else (SMART-26..28). Raises SettingsError without the secret.
    """
    name, method = ehr.smart_client_id or "", ehr.smart_client_auth
    # RFC 6749 3.2.1 lets a client that authenticates name itself too, and some servers insist.
    form = {"client_id": name} if ehr.smart_client_id_in_body else {}
    if method == "private_key_jwt":
        return Client(name, private_key_jwt(key, name, endpoints.token_endpoint, now), form)
    if method == "none":
        return Client(name)
    client_secret = secret(ehr, settings) or ""
    offered = endpoints.token_endpoint_auth_methods_supported
    if "client_secret_post" in offered and "client_secret_basic" not in offered:
        return Client(name, None, {"client_secret": client_secret})
    return Client(name, client_secret_basic(name, client_secret), form)


def client_secret_basic(client_id: str, client_secret: str) -> Authenticate:
    """Authenticate by HTTP Basic; both parts are form-urlencoded first, which matters for `:`
    `%` `+` (SMART-27).
    """
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    value = "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")

    def sign(
        client: Any, method: str, uri: str, headers: Headers, body: str
    ) -> tuple[str, Headers, str]:
        headers["Authorization"] = value
        return uri, headers, body

    return sign


def private_key_jwt(key: ECKey, client_id: str, token_endpoint: str, now: float) -> Authenticate:
    """Authenticate by an assertion made new for each request: authlib's own repeats its jti and
    lives an hour (SMART-28).
    """
    signed = assertion(key, client_id, token_endpoint, now)
    parameters = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", signed)]

    def sign(
        client: Any, method: str, uri: str, headers: Headers, body: str
    ) -> tuple[str, Headers, str]:
        return uri, headers, add_params_to_qs(body or "", parameters)

    return sign


def assertion(key: ECKey, client_id: str, token_endpoint: str, now: float) -> str:
    """Return a signed client assertion; `now` in seconds since 1970."""
    algorithm = str(key.get("alg"))
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


def _checked(response: requests.Response, endpoints: Endpoints) -> dict[str, Any]:
    """Return a token response (RFC 6749 5.1), whatever its media type and with a byte order mark
    or none; raises SignInFailed.
    """
    try:
        answer = {
            name: value for name, value in json.loads(response.content).items() if value is not None
        }
    except (ValueError, AttributeError, RecursionError):
        raise SignInFailed(f"token answer unreadable, status {response.status_code}") from None
    if "error" in answer:
        raise SignInFailed(f"token error {word(answer)}", detail=said(answer, endpoints))
    if not response.ok:
        raise SignInFailed(f"token status {response.status_code}")
    token, kind = answer.get("access_token"), answer.get("token_type")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise SignInFailed("token response without access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise SignInFailed("token_type is not bearer")
    return answer


def lifetime(answer: dict[str, Any]) -> float:
    """Return how many seconds a token lives; a missing or odd `expires_in` counts as five
    minutes.
    """
    given = answer.get("expires_in")
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return UNKNOWN_SECONDS
    try:
        seconds = float(given)
    except (ValueError, OverflowError):
        return UNKNOWN_SECONDS
    return max(seconds, 1.0) if math.isfinite(seconds) else UNKNOWN_SECONDS
