"""Turns the EHR's answer at the redirect URI into a session: state, code, token, user, patient
(SMART-22..34, E3..E5).
"""

import json
import re
from datetime import datetime
from typing import Any

from joserfc.jwk import ECKey
from werkzeug.datastructures import MultiDict

from ehr.keys import KeySets
from runtime.settings import Ehr, Settings, secret
from smartapp.discovery import Discovery
from smartapp.identity import user
from smartapp.launch import redirect_uri
from smartapp.problems import AccessDenied, CallbackRefused, NoPatient
from smartapp.session import ABSOLUTE_SECONDS, Launch, Session
from smartapp.token import client_secret_basic, exchange, lifetime, private_key_jwt

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
ASSESSMENT_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")


class SignIn:
    """Turns the callback of a known launch into a Session."""

    def __init__(
        self, settings: Settings, discovery: Discovery, keysets: KeySets, signing_key: ECKey
    ):
        self._settings = settings
        self._discovery = discovery
        self._keysets = keysets
        self._key = signing_key

    def finish(self, ehr: Ehr, launch: Launch, arguments: MultiDict, now: datetime) -> Session:
        """Return the session of a launch whose state was good. Raises a Problem for everything
        else.
        """
        endpoints = self._discovery.endpoints(launch.iss)
        if arguments.get("iss") not in (None, endpoints.issuer):
            raise CallbackRefused("iss of the callback is another server's")
        if "error" in arguments or not arguments.get("code"):
            raise _refusal(arguments)
        answer = exchange(
            ehr,
            endpoints.token_endpoint,
            arguments["code"],
            launch.code_verifier,
            redirect_uri(self._settings),
            self._authenticate(ehr, now.timestamp()),
        )
        who = None
        # An id_token that was not asked for has no nonce of ours and is left alone.
        if launch.nonce and "id_token" in answer:
            who = user(
                answer["id_token"],
                endpoints,
                self._discovery,
                self._keysets,
                ehr.smart_client_id,
                launch.nonce,
                now.timestamp(),
            )
        return _session(ehr, launch, answer, who, now)

    def _authenticate(self, ehr: Ehr, now: float):
        if ehr.smart_client_auth == "private_key_jwt":
            return private_key_jwt(self._key, now)
        if ehr.smart_client_auth == "client_secret_basic":
            return client_secret_basic(ehr.smart_client_id, secret(ehr, self._settings))
        return None


def _refusal(arguments: MultiDict) -> AccessDenied | CallbackRefused:
    detail = (arguments.get("error_description") or arguments.get("error") or "")[:200] or None
    if arguments.get("error") == "access_denied":
        return AccessDenied("access_denied", detail=detail)
    return CallbackRefused(
        "callback with an error" if "error" in arguments else "callback without a code",
        detail=detail,
    )


def _session(
    ehr: Ehr, launch: Launch, answer: dict[str, Any], who: str | None, now: datetime
) -> Session:
    patient, encounter, scope = answer.get("patient"), answer.get("encounter"), answer.get("scope")
    if not isinstance(patient, str) or not FHIR_ID.fullmatch(patient):
        raise NoPatient("token response without a patient")
    ends = now.timestamp() + min(lifetime(answer), ABSOLUTE_SECONDS)
    return Session(
        ehr.id,
        launch.iss,
        patient,
        scope if isinstance(scope, str) else launch.scope,
        answer["access_token"],
        ends,
        who,
        encounter if isinstance(encounter, str) and FHIR_ID.fullmatch(encounter) else None,
        assessment_named(answer.get("appContext")),
    )


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
