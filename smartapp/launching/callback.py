"""Turns the EHR's answer at the redirect URI into a session: state, code, token, user, patient
(SMART-22..34, E3..E5).
"""

from datetime import datetime
from typing import Any

from flask import Request
from joserfc.jwk import ECKey
from werkzeug.datastructures import MultiDict

from ehr.fetch import inside
from ehr.http import Outgoing
from ehr.keys import KeySets
from runtime.settings import Ehr, Settings
from smartapp.cookies import cookie_value
from smartapp.launching.client import client_of
from smartapp.launching.context import assessment_named, in_context
from smartapp.launching.discovery import Discovery, Endpoints
from smartapp.launching.identity import IdTokens, User
from smartapp.launching.launch import redirect_uri
from smartapp.launching.oauth_error import advice, said, word
from smartapp.launching.pending import Launch, Launches
from smartapp.launching.token import lifetime, member, redeem, scope_of
from smartapp.launching.way_out import framed, way_out
from smartapp.problems import AccessDenied, CallbackRefused, NoCookie, NoPatient, StateRefused
from smartapp.session import ABSOLUTE_SECONDS, Session

NO_COOKIE = "no cookie of this launch: another browser, or cookies are blocked"


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
        answer = redeem(self._http, client, endpoints, code, launch.code_verifier, where)
        who = None
        # An id_token that was not asked for has no nonce of ours and is left alone.
        if launch.nonce and "id_token" in answer:
            who = self._id_tokens.user(
                answer["id_token"], endpoints, client.id, launch.nonce, now.timestamp()
            )
        return _session(ehr, launch, answer, who, now)


def launch_of(launches: Launches, request: Request, settings: Settings, now: datetime) -> Launch:
    """Return the launch that a callback belongs to, once. Raises StateRefused (SMART-22, E3), which
    shows a way out of a frame where no cookie came back (SMART-43).
    """
    states = request.args.getlist("state")
    if len(states) != 1 or not states[0]:
        raise StateRefused("callback without a state" if len(states) < 2 else "two states")
    cookie = cookie_value(request, "launch", states[0])
    if not cookie and launches.used(states[0]):
        raise StateRefused("state used before")
    if not cookie:
        ways = way_out(states[0], settings) if framed(request) else ()
        raise NoCookie(NO_COOKIE, ways=ways)
    launch = launches.take(states[0], cookie, now)
    if launch is None:
        raise StateRefused("state unknown, used before, or older than ten minutes")
    return launch


def _code(arguments: MultiDict[str, str], endpoints: Endpoints) -> str:
    """Return the authorization code; raises AccessDenied or CallbackRefused for what else came."""
    # RFC 9207 2.4: an answer of another authorization server is a mix-up.
    if not all(_sent_by(endpoints, iss) for iss in arguments.getlist("iss")):
        raise CallbackRefused("iss of the callback is another server's")
    if "error" in arguments:
        named, detail = word(arguments), said(arguments, endpoints)
        kind = AccessDenied if named == "access_denied" else CallbackRefused
        raise kind(f"callback error {named}", *advice(named), detail=detail)
    code = arguments.get("code")
    if not code:
        raise CallbackRefused("callback without a code")
    return code


def _sent_by(endpoints: Endpoints, iss: str) -> bool:
    """Tell whether an `iss` is the issuer that the server names; SMART has it named only for
    sign-in with OpenID, and where it is not, one of the server's own origin is taken.
    """
    return iss == endpoints.issuer if endpoints.issuer else inside(iss, endpoints.origin)


def _session(
    ehr: Ehr, launch: Launch, answer: dict[str, Any], who: User | None, now: datetime
) -> Session:
    if "patient" not in answer:
        raise NoPatient("token response without a patient")
    patient = in_context(answer["patient"], "Patient", launch.iss)
    if patient is None:
        raise NoPatient("patient of the token response is no patient of this server")
    refresh_token = member(answer, "refresh_token")
    token_ends, longest = now.timestamp() + lifetime(answer), now.timestamp() + ABSOLUTE_SECONDS
    return Session(
        ehr.id,
        launch.iss,
        patient,
        scope_of(answer, launch.scope),
        answer["access_token"],
        longest if refresh_token else min(token_ends, longest),
        token_ends,
        user=who.key if who else None,
        encounter=in_context(answer.get("encounter"), "Encounter", launch.iss),
        assessment_id=assessment_named(answer.get("appContext")),
        fhir_user=who.fhir_user if who else None,
        refresh_token=refresh_token,
        # Whose data these are is left unsaid only where the EHR says that it says it.
        need_patient_banner=answer.get("need_patient_banner") is not False,
        smart_style_url=member(answer, "smart_style_url"),
        messaging_handle=member(answer, "smart_web_messaging_handle"),
        messaging_origin=member(answer, "smart_web_messaging_origin"),
        intent=member(answer, "intent"),
    )
