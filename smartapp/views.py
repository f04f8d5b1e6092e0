"""Turns the SMART app's URLs into pages: launch, callback, explanation, standalone, model card
and our key set.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import redis
from flask import (
    Blueprint,
    Response,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from joserfc.jwk import ECKey
from werkzeug.wrappers import Response as BaseResponse

from ehr.actions.quiet import Quiet
from ehr.fetch import Fhir
from ehr.http import Outgoing
from ehr.keys import KeySets
from models.fitted.registry import Model
from runtime.audit.log import Audit
from runtime.logs import keyed_hash
from runtime.publishing.document import Document
from runtime.settings import Ehr, Settings, origin_of
from runtime.signing_key import public_jwks
from runtime.web import HTML_POLICY
from smartapp import problems
from smartapp.acting.acting import Acting
from smartapp.acting.summary import Summary
from smartapp.changing.changing import Changing
from smartapp.closing import Closing
from smartapp.comparing.compared import behind
from smartapp.comparing.part import Compare
from smartapp.cookies import end_cookie, end_oldest, set_cookie
from smartapp.door import Door
from smartapp.evidence.part import EvidencePart
from smartapp.explain import explain
from smartapp.failures import Failures
from smartapp.launching.callback import SignIn, launch_of
from smartapp.launching.discovery import Discovery, Endpoints
from smartapp.launching.launch import authorization_url, by_post, trusted_launch
from smartapp.launching.pending import LAUNCH_SECONDS, Launches
from smartapp.launching.renewal import Renewal
from smartapp.launching.way_out import framed
from smartapp.measurements import Measurements
from smartapp.pages import register_words
from smartapp.patients.views import Charts
from smartapp.public.guide import Guide
from smartapp.public.model_cards import ModelCards
from smartapp.session import ABSOLUTE_SECONDS, Sessions
from smartapp.styling.styles import Styles
from smartapp.what_if.part import WhatIf


def create_blueprint(
    settings: Settings,
    models: Sequence[Model],
    store: redis.Redis,
    audit: Audit,
    http: Outgoing,
    keysets: KeySets,
    fhir: Fhir,
    signing_keys: Sequence[ECKey],
    clock: Callable[[], datetime],
    quiet: Quiet,
    missing: Sequence[str] = (),
) -> Blueprint:
    """Return the SMART app; `clock` gives aware UTC, `quiet` is what delivery does for a page,
    `missing` models could not be loaded. The first of the signing keys signs, all are published.
    """
    discovery, sessions = Discovery(http), Sessions(store)
    renewal = Renewal(settings, http, discovery, signing_keys, sessions, clock)
    door = Door(settings, models, sessions, audit, fhir, clock, missing, renewal)
    sign_in = SignIn(settings, http, discovery, keysets, signing_keys[0])
    views = _Views(door, Launches(store, signing_keys), discovery, sign_in)
    blueprint = Blueprint("smartapp", __name__, template_folder="../templates")
    register_words(blueprint)
    blueprint.add_url_rule("/", "home", lambda: redirect(url_for("smartapp.model_card")))
    blueprint.add_url_rule("/launch", "launch", views.launch)
    blueprint.add_url_rule("/standalone", "standalone", views.standalone)
    blueprint.add_url_rule("/callback", "callback", views.callback)
    blueprint.add_url_rule("/l/<handle>/", "explanation", views.explanation)
    cards = ModelCards(models, settings.models_path)
    peers = {name: behind(one.model, one.validation) for name, one in cards.shown.items()}
    Changing(door).add_to(blueprint)
    WhatIf(door).add_to(blueprint)
    Measurements(door).add_to(blueprint)
    EvidencePart(door).add_to(blueprint)
    Compare(door, peers).add_to(blueprint)
    Acting(door, quiet, store).add_to(blueprint)
    Summary(door).add_to(blueprint)
    Charts(door).add_to(blueprint)
    cards.add_to(blueprint)
    Guide(models).add_to(blueprint)
    Closing(door).add_to(blueprint)
    Styles(door, http, discovery).add_to(blueprint)
    Failures(audit).add_to(blueprint)
    keys = _jwks(signing_keys)
    blueprint.add_url_rule("/.well-known/jwks.json", "jwks", lambda: keys.answer())
    blueprint.record(
        lambda state: state.app.after_request_funcs.setdefault(None, []).insert(0, _narrow_frames)
    )
    return blueprint


class _Views:
    """The pages, with what they need."""

    def __init__(self, door: Door, launches: Launches, discovery: Discovery, sign_in: SignIn):
        self.door, self.settings, self.audit = door, door.settings, door.audit
        self.launches, self.discovery, self.sign_in = launches, discovery, sign_in

    def launch(self) -> BaseResponse | str:
        """Answer the EHR's launch with a redirect to its authorization server (SMART-4,
        SMART-12).
        """
        return self._begin(*trusted_launch(request.args, self.settings))

    def standalone(self) -> BaseResponse | str:
        """List the EHRs, or begin a standalone launch with the one chosen (SMART-50)."""
        g.standalone = True
        if "iss" in request.args:
            return self._begin(*trusted_launch(request.args, self.settings, standalone=True))
        ehrs = [
            (ehr, base)
            for ehr in self.settings.ehr
            if ehr.smart_client_id
            for base in ehr.fhir_base
        ]
        return render_template("pages/standalone.html", ehrs=ehrs)

    def callback(self) -> BaseResponse:
        """Finish a launch and send the browser to a clean address (SMART-22..25)."""
        now = self.door.clock()
        launch = launch_of(self.launches, request, self.settings, now)
        state, g.standalone = request.args["state"], launch.standalone
        ehr = self._ehr(launch.ehr)
        if not ehr:
            raise problems.StateRefused("EHR of this launch is no longer configured")
        g.ehr = ehr
        session = self.sign_in.finish(ehr, launch, request.args, now)
        agent = request.headers.get("User-Agent", "")
        ticket = self.door.sessions.create(session, agent, now)
        handle = ticket.handle
        self.audit.append(
            "launch",
            {
                "ehr": ehr.id,
                "outcome": 0,
                "user": session.user,
                "patient": session.patient,
                "encounter": session.encounter,
                "scope": session.scope,
                "session": keyed_hash(handle),
                "request_id": g.get("request_id"),
            },
        )
        answer = redirect(url_for("smartapp.explanation", handle=handle), 303)
        end_oldest(answer, request, "session")
        set_cookie(answer, "session", handle, ticket.secret, ABSOLUTE_SECONDS, now)
        end_cookie(answer, "launch", state)
        return answer

    def explanation(self, handle: str) -> str:
        """Show why the risk of the session's patient is what it is; recorded before it leaves."""
        opened = self.door.open(handle)
        try:
            view = explain(self.door, opened, request.args.get("view"))
        except (problems.Mismatch, problems.SessionEnded):
            self.door.sessions.end(opened.ticket)
            raise
        page = render_template("pages/explanation.html", **view.values)
        self.door.record(opened, **view.record)
        return page

    def _begin(self, ehr: Ehr, iss: str, launch: str | None) -> BaseResponse:
        g.ehr = ehr
        endpoints = self.discovery.endpoints(iss)
        url, state, begun = authorization_url(
            ehr, iss, launch, endpoints, self.settings, framed(request)
        )
        now, answer = self.door.clock(), _onward(url, endpoints)
        end_oldest(answer, request, "launch")
        set_cookie(
            answer, "launch", state, self.launches.begin(begun, state, now), LAUNCH_SECONDS, now
        )
        return answer

    def _ehr(self, name: str) -> Ehr | None:
        return next((ehr for ehr in self.settings.ehr if ehr.id == name), None)


def _onward(url: str, endpoints: Endpoints) -> BaseResponse:
    """Send the browser to the EHR: by a redirect, or a form where the address would be too long.

    Servers send a form's sender on to sign in elsewhere, and Chromium asks `form-action` there too.
    """
    parameters, address = by_post(url, endpoints), endpoints.authorization_endpoint
    if not parameters:
        return redirect(url, 303)
    g.form_action = f"{origin_of(address)} https:"
    return make_response(
        render_template("pages/sign_in.html", address=address, parameters=parameters)
    )


def _jwks(signing_keys: Sequence[ECKey]) -> Document:
    """Return our public keys; an hour of caching, so a new key is published that long before it
    is used (SMART-29).
    """
    keys = msgspec.json.encode(public_jwks(signing_keys))
    return Document(keys, "application/json", "public, max-age=3600")


def _narrow_frames(response: Response) -> Response:
    """Let a page of one EHR be framed by that EHR only; it has to run after runtime.web has set
    the policy for all (SMART-44).
    """
    ehr: Ehr | None = g.get("ehr")
    if ehr and response.mimetype == "text/html":
        policy = HTML_POLICY.format(" ".join(ehr.frame_ancestors) or "'none'")
        onward = g.get("form_action")
        usual = "form-action 'self'"
        response.headers["Content-Security-Policy"] = (
            policy.replace(usual, f"{usual} {onward}") if onward else policy
        )
    return response
