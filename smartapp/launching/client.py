"""Tells an EHR's token endpoint who we are: nothing, a secret, or a signed assertion
(SMART-26..28).
"""

import base64
import secrets
from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from authlib.common.urls import add_params_to_qs
from joserfc import jwt
from joserfc.jwk import ECKey

from runtime.settings import Ehr, Settings
from runtime.settings_file import secret
from smartapp.launching.discovery import Endpoints

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 240
# Authlib's way to authenticate: client, method, uri, headers and body give the last three.
Headers = MutableMapping[str, str]
Authenticate = Callable[[Any, str, str, Headers, str], tuple[str, Headers, str]]


class Client(NamedTuple):
    """How one EHR's token endpoint is told who we are: what signs the request (None: nothing
    does), and what else stands in its body.
    """

    id: str
    authenticate: Authenticate | None = None
    form: dict[str, str] = {}


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
