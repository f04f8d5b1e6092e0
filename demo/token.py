"""The demonstration's token endpoint: a code or a refresh token into tokens with launch context
(SMART-26..35).
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from demo.clients import Clients, InvalidClient
from demo.config import Client, DemoConfig
from demo.fhir import answer
from demo.keys import Keys
from demo.playing import troubles
from demo.scopes import MESSAGES
from demo.tokens import LIFETIMES, Grant, Tokens, narrowed

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class TokenError(Exception):
    """A token request is refused with an OAuth error code (RFC 6749 5.2)."""

    def __init__(self, error: str, description: str):
        super().__init__(description)
        self.error, self.description = error, description


def create_blueprint(config: DemoConfig, tokens: Tokens, keys: Keys) -> Blueprint:
    """Return the endpoints /token and /jwks.json."""
    blueprint = Blueprint("token", __name__)
    clients = Clients(config.registered(), f"{config.base_url}/token", config.clock)

    @blueprint.post("/token")
    def token() -> Response:
        try:
            client = clients.authenticate(request.headers, request.form)
            grant = _redeem(tokens, clients, client, request.form)
            refreshed = "refresh_token" in request.form
            if not refreshed and (played := troubles.token_answer(grant.trouble)):
                return played
            return _json(_token_response(config, tokens, keys, grant, refreshed))
        except InvalidClient as error:
            challenge = {"WWW-Authenticate": "Basic"} if "Authorization" in request.headers else {}
            return _json(
                {"error": "invalid_client", "error_description": str(error)}, 401, challenge
            )
        except TokenError as error:
            return _json({"error": error.error, "error_description": error.description}, 400)

    @blueprint.post("/revoke")
    def revoke() -> Response:
        """End all that came of a token (RFC 7009); one that is not known is as ended."""
        try:
            clients.authenticate(request.headers, request.form)
        except InvalidClient as error:
            return _json({"error": "invalid_client", "error_description": str(error)}, 401)
        name = request.form.get("token", "")
        grant = tokens.find("refresh", name) or tokens.find("access", name)
        if grant is not None:
            tokens.revoke(grant.family)
        return _json({})

    @blueprint.get("/smart-style.json")
    def style() -> Response:
        return _json(troubles.STYLE)

    @blueprint.get("/jwks.json")
    def jwks() -> Response:
        return _json(keys.public(), headers={"Cache-Control": "max-age=300"})

    return blueprint


def _json(
    body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return answer(body, status, {"Pragma": "no-cache"} | (headers or {}), "application/json")


def _redeem(
    tokens: Tokens, clients: Clients, client: Client | None, form: MultiDict[str, str]
) -> Grant:
    kind = form.get("grant_type")
    if kind == "refresh_token":
        return _by_refresh(tokens, clients, client, form)
    if kind == "authorization_code" and client is not None:
        return _by_code(tokens, client, form)
    raise TokenError(
        "unsupported_grant_type", "grant_type must be authorization_code or refresh_token."
    )


def _by_code(tokens: Tokens, client: Client, form: MultiDict[str, str]) -> Grant:
    """Return what a code stands for; a wrong try ends the code all the same (SMART-26, RFC 7636
    4.6).
    """
    grant: Grant | None = tokens.take("code", form.get("code", ""))
    if grant is None:
        raise TokenError("invalid_grant", "The code is unknown, used or expired.")
    if grant.client_id != client.client_id or grant.redirect_uri != form.get("redirect_uri"):
        raise TokenError("invalid_grant", "The code belongs to another client or redirect_uri.")
    verifier = form.get("code_verifier", "")
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    if not VERIFIER.fullmatch(verifier) or not hmac.compare_digest(
        challenge, (grant.code_challenge or "").encode()
    ):
        raise TokenError("invalid_grant", "The code_verifier does not fit the code_challenge.")
    return grant


def _by_refresh(
    tokens: Tokens, clients: Clients, client: Client | None, form: MultiDict[str, str]
) -> Grant:
    grant: Grant | None = tokens.find("refresh", form.get("refresh_token", ""))
    if (
        grant is not None
        and grant.client_id != (client or clients.public(grant.client_id)).client_id
    ):
        raise TokenError("invalid_grant", "The refresh token belongs to another client.")
    if grant is not None and grant.trouble == "refresh_refused":
        raise TokenError("invalid_grant", "Played: the refresh token is not taken.")
    # A refresh token is used once; taken a second time it ends the whole family.
    if tokens.take("refresh", form.get("refresh_token", "")) is None or grant is None:
        raise TokenError("invalid_grant", "The refresh token is unknown, used or expired.")
    wanted = form.get("scope")
    if wanted is None:
        return replace(grant, nonce=None)
    if not set(wanted.split()) <= set(grant.scope.split()):
        raise TokenError("invalid_scope", "A refresh can't add scopes.")
    return narrowed(replace(grant, nonce=None), wanted)


def _token_response(
    config: DemoConfig, tokens: Tokens, keys: Keys, grant: Grant, refreshed: bool
) -> dict[str, Any]:
    response = {
        "access_token": tokens.issue("access", grant),
        "token_type": "Bearer",
        "expires_in": int(LIFETIMES["access"].total_seconds()),
        "scope": grant.scope,
        "patient": grant.patient,
        "need_patient_banner": True,
    }
    optional = {"encounter": grant.encounter, "appContext": grant.app_context}
    scopes = grant.scope.split()
    if "openid" in scopes:
        optional["id_token"] = _id_token(config, keys, grant)
    if set(MESSAGES) & set(scopes):
        optional["smart_web_messaging_handle"] = tokens.issue("handle", grant)
        optional["smart_web_messaging_origin"] = config.base_url
    if "online_access" in scopes:
        optional["refresh_token"] = tokens.issue("refresh", grant)
    response |= {name: value for name, value in optional.items() if value is not None}
    style = f"{config.base_url}/smart-style.json"
    return troubles.token_response(grant.trouble, response, style, refreshed)


def _id_token(config: DemoConfig, keys: Keys, grant: Grant) -> str:
    """Return who is signed in, as OpenID Connect Core 2 has it (SMART-33, SMART-34)."""
    now = int(config.clock().timestamp())
    claims = {
        "iss": config.base_url,
        "sub": "demo-clinician-1",
        "aud": grant.client_id,
        "iat": now,
        "exp": now + 300,
    }
    if grant.nonce:
        claims["nonce"] = grant.nonce
    if grant.user and "fhirUser" in grant.scope.split():
        claims["fhirUser"] = grant.user
    return keys.sign("RS256", claims)
