"""Turns a token request into the registered client that made it: none, client_secret_basic,
private_key_jwt (SMART-26..29).
"""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import requests
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from werkzeug.datastructures import Headers, MultiDict

from demo.config import Client

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS384", "ES384")
LONGEST_SECONDS, LEEWAY = 300, 30
FRESH_SECONDS, REFRESH_SECONDS = 600, 2


class InvalidClient(Exception):
    """The client is not who it says; the message is for its developer (RFC 6749 5.2)."""


class Clients:
    """Registered clients and the keys that they publish."""

    def __init__(self, registered: dict[str, Client], token_url: str, clock: Callable[..., Any]):
        self.registered = registered
        self._token_url, self._clock = token_url, clock
        self._keys: dict[str, tuple[float, dict[str, Any]]] = {}
        self._seen: dict[tuple[str, str], float] = {}

    def authenticate(self, headers: Headers, form: MultiDict[str, str]) -> Client | None:
        """Return the client of a token request; None where a refresh names none, as a public one
        may (RFC 6749 6). Raises InvalidClient.
        """
        if "client_assertion" in form:
            return self._by_assertion(form)
        if headers.get("Authorization", "").lower().startswith("basic "):
            return self._by_secret(headers["Authorization"][6:])
        if form.get("grant_type") == "refresh_token" and "client_id" not in form:
            return None
        return self.public(form.get("client_id", ""))

    def public(self, client_id: str) -> Client:
        """Return a client that needs no authentication. Raises InvalidClient."""
        return self._known(client_id, "none")

    def _known(self, client_id: str, method: str) -> Client:
        client = self.registered.get(client_id)
        if client is None or client.authentication != method:
            raise InvalidClient(f"This client is not registered for {method}.")
        return client

    def _by_secret(self, encoded: str) -> Client:
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            raise InvalidClient("The Basic credentials are not readable.") from None
        client = self._known(unquote_plus(client_id), "client_secret_basic")
        if not client.secret or not hmac.compare_digest(
            unquote_plus(secret).encode(), client.secret.encode()
        ):
            raise InvalidClient("The client secret is wrong.")
        return client

    def _by_assertion(self, form: MultiDict[str, str]) -> Client:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidClient("client_assertion_type is missing or unknown.")
        token = form["client_assertion"]
        try:
            unsigned = jws.extract_compact(token.encode())
            header, claims = unsigned.headers(), json.loads(unsigned.payload)
            client = self._known(str(claims.get("iss")), "private_key_jwt")
            jws.deserialize_compact(token, self._key(client, header), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError, TypeError, AttributeError) as error:
            raise InvalidClient(
                f"The client assertion can't be verified ({type(error).__name__})."
            ) from None
        fault = self._fault(claims, client, form)
        if fault:
            raise InvalidClient(f"The client assertion is refused: {fault}.")
        self._seen[client.client_id, claims["jti"]] = claims["exp"]
        return client

    def _fault(
        self, claims: dict[str, Any], client: Client, form: MultiDict[str, str]
    ) -> str | None:
        now = self._clock().timestamp()
        expires, jti = claims.get("exp"), claims.get("jti")
        self._seen = {key: until for key, until in self._seen.items() if until + LEEWAY > now}
        if (
            claims.get("sub") != client.client_id
            or form.get("client_id", client.client_id) != client.client_id
        ):
            return "iss, sub and client_id differ"
        audience = claims.get("aud")
        if self._token_url not in (audience if isinstance(audience, list) else [audience]):
            return "aud is not the token endpoint"
        if (
            not isinstance(expires, int | float)
            or isinstance(expires, bool)
            or not now - LEEWAY < expires <= now + LONGEST_SECONDS + LEEWAY
        ):
            return "exp is missing, past, or more than five minutes ahead"
        if not isinstance(jti, str) or not jti or (client.client_id, jti) in self._seen:
            return "jti is missing or was used before"
        return None

    def _key(self, client: Client, header: dict[str, Any]) -> Key:
        """Return the client's public key for this header; the key says which algorithm it is
        for.
        """
        if header.get("typ") != "JWT" or header.get("alg") not in ALGORITHMS:
            raise InvalidClient(
                f"The client assertion needs typ JWT and one of {', '.join(ALGORITHMS)}."
            )
        if header.get("jku", client.jwks_url) != client.jwks_url:
            raise InvalidClient("jku is not the registered JWK Set URL.")
        key = self._published(client, str(header.get("kid"))).get(str(header.get("kid")))
        if key is None or key.get("alg", header["alg"]) != header["alg"]:
            raise InvalidClient("The client's JWK Set has no such key for this algorithm.")
        return JWKRegistry.import_key(key)

    def _published(self, client: Client, kid: str) -> dict[str, Any]:
        """Return the client's keys by kid, read again when they are old, or soon when `kid` is
        new (SMART-29).
        """
        read, keys = self._keys.get(client.client_id, (float("-inf"), {}))
        if time.monotonic() - read > (FRESH_SECONDS if kid in keys else REFRESH_SECONDS):
            try:
                document = requests.get(
                    client.jwks_url or "", timeout=(1, 3), allow_redirects=False
                ).json()
                keys = {key["kid"]: key for key in document["keys"]}
            except (requests.RequestException, ValueError, KeyError, TypeError):
                raise InvalidClient("The client's JWK Set can't be read.") from None
            self._keys[client.client_id] = (time.monotonic(), keys)
        return keys
