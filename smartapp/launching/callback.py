"""Turns the EHR's answer at the redirect URI into a session: state, code, token, user, patient
(SMART-22..34, E3..E5).
"""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Request
from joserfc.jwk import ECKey
from werkzeug.datastructures import MultiDict

from ehr.fetch import inside
from ehr.http import Outgoing
from ehr.keys import KeySets
from runtime.settings import Ehr, Settings
from smartapp.cookies import cookie_value
from smartapp.launching.discovery import Discovery, Endpoints
from smartapp.launching.identity import IdTokens, User
from smartapp.launching.launch import redirect_uri
from smartapp.launching.oauth_error import said, word
from smartapp.launching.pending import Launch, Launches
from smartapp.launching.token import client_of, exchange, lifetime
from smartapp.problems import AccessDenied, CallbackRefused, NoPatient, StateRefused
from smartapp.session import ABSOLUTE_SECONDS, Session

# A refresh token may be a JWT with the launch's context in it.
LONGEST_MEMBER = 16 * 1024
FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
ASSESSMENT_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")


class SignIn:
    """Turns the callback of a known launch into a Session."""

    def __init__(
        self,
        settings: Settings,
        http: Outgoing,
        discovery: Discovery,
        keysets: KeySets,
        signing_key: ECKey,
    ):
        self._settings, self._http = settings, http
        self._discovery = discovery
        self._id_tokens = IdTokens(discovery, keysets)
        self._key = signing_key

    def finish(
        self, ehr: Ehr, launch: Launch, arguments: MultiDict[str, str], now: datetime
    ) -> Session:
        """Return the session of a launch whose state was good. Raises a Problem for everything
        else.
        """
        endpoints = self._discovery.endpoints(launch.iss)
        code = _code(arguments, endpoints)
        client = client_of(ehr, endpoints, self._settings, self._key, now.timestamp())
        where = redirect_uri(self._settings)
        answer = exchange(self._http, client, endpoints, code, launch.code_verifier, where)
        who = None
        # An id_token that was not asked for has no nonce of ours and is left alone.
        if launch.nonce and "id_token" in answer:
            who = self._id_tokens.user(
                answer["id_token"], endpoints, client.id, launch.nonce, now.timestamp()
            )
        return _session(ehr, launch, answer, who, now)


def launch_of(launches: Launches, request: Request, now: datetime) -> Launch:
    """Return the launch that a callback belongs to, once. Raises StateRefused (SMART-22, E3)."""
    states = request.args.getlist("state")
    if len(states) != 1 or not states[0]:
        raise StateRefused("callback without a state" if len(states) < 2 else "two states")
    cookie = cookie_value(request, "launch", states[0])
    if not cookie:
        raise StateRefused("no cookie of this launch: another browser, or cookies are blocked")
    launch = launches.take(states[0], cookie, now)
    if launch is None:
        raise StateRefused("state unknown, used before, or older than ten minutes")
    return launch


def _code(arguments: MultiDict[str, str], endpoints: Endpoints) -> str:
    """Return the authorization code; raises AccessDenied or CallbackRefused for what else came."""
    # RFC 9207 2.4: an answer of another authorization server is a mix-up.
    if any(iss != endpoints.issuer for iss in arguments.getlist("iss")):
        raise CallbackRefused("iss of the callback is another server's")
    if "error" in arguments:
        kind = AccessDenied if word(arguments) == "access_denied" else CallbackRefused
        raise kind(f"callback error {word(arguments)}", detail=said(arguments, endpoints))
    code = arguments.get("code")
    if not code:
        raise CallbackRefused("callback without a code")
    return code


def _session(
    ehr: Ehr, launch: Launch, answer: dict[str, Any], who: User | None, now: datetime
) -> Session:
    if "patient" not in answer:
        raise NoPatient("token response without a patient")
    patient = in_context(answer["patient"], "Patient", launch.iss)
    if patient is None:
        raise NoPatient("patient of the token response is no patient of this server")
    scope = answer.get("scope")
    return Session(
        ehr.id,
        launch.iss,
        patient,
        # RFC 6749 5.1: a scope that is left out is the one that was asked for.
        scope if isinstance(scope, str) and scope.strip() else launch.scope,
        answer["access_token"],
        now.timestamp() + min(lifetime(answer), ABSOLUTE_SECONDS),
        user=who.key if who else None,
        encounter=in_context(answer.get("encounter"), "Encounter", launch.iss),
        assessment_id=assessment_named(answer.get("appContext")),
        fhir_user=who.fhir_user if who else None,
        refresh_token=_text(answer.get("refresh_token")),
        # Whose data these are is left unsaid only where the EHR says that it says it.
        need_patient_banner=answer.get("need_patient_banner") is not False,
        smart_style_url=_text(answer.get("smart_style_url")),
        messaging_handle=_text(answer.get("smart_web_messaging_handle")),
        messaging_origin=_text(answer.get("smart_web_messaging_origin")),
        intent=_text(answer.get("intent")),
    )


def _text(value: object) -> str | None:
    """Return a member of the token response that is text of a bearable length, or None."""
    said = isinstance(value, str) and 0 < len(value) <= LONGEST_MEMBER
    return str(value) if said else None


def in_context(value: object, kind: str, iss: str) -> str | None:
    """Return the id in a launch context member: SMART's bare id, or a reference as some servers
    send it, `Patient/123` or a URL in this FHIR base; None for all else.
    """
    if not isinstance(value, str):
        return None
    name = _referenced(value, kind, iss.rstrip("/")) if "/" in value else value
    return name if FHIR_ID.fullmatch(name) else None


def _referenced(reference: str, kind: str, base: str) -> str:
    """Return the id of a FHIR reference to this kind of resource here; empty for every other."""
    if "://" in reference:
        if not inside(reference, base):
            return ""
        path = reference.partition("://")[2].partition("/")[2]
        reference = path.removeprefix(urlsplit(base).path.strip("/")).lstrip("/")
    found, _, name = reference.partition("/")
    return name.partition("/_history/")[0] if found == kind else ""


def assessment_named(app_context: object) -> str | None:
    """Return the assessment id of a card's appContext, given as JSON text or as an object, or
    None (SMART-53..55).
    """
    if isinstance(app_context, str) and len(app_context) <= 1024:
        try:
            app_context = json.loads(app_context)
        except (ValueError, RecursionError):
            return None
    found = app_context.get("assessment") if isinstance(app_context, dict) else None
    return found if isinstance(found, str) and ASSESSMENT_ID.fullmatch(found) else None
