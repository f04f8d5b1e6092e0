"""Turns the SMART app's URLs into pages: launch, callback, explanation, standalone, model card
and our key set.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import redis
from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from joserfc.jwk import ECKey
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from ehr.fetch import Fhir
from ehr.http import Outgoing
from ehr.keys import KeySets
from models.fitted.booster import ModelError
from models.fitted.registry import Model
from runtime.audit.log import Audit, AuditError
from runtime.limits.refusal_log import RefusalLog
from runtime.logs import get_logger, keyed_hash
from runtime.settings import Ehr, Settings
from runtime.settings_file import SettingsError
from runtime.signing_key import public_jwks
from runtime.web import HTML_POLICY, json_response
from smartapp import problems
from smartapp.cookies import end_cookie, end_oldest, set_cookie
from smartapp.door import Door
from smartapp.explain import explain
from smartapp.launching.callback import SignIn, launch_of
from smartapp.launching.discovery import Discovery
from smartapp.launching.launch import authorization_url, trusted_launch
from smartapp.launching.pending import LAUNCH_SECONDS, Launches
from smartapp.modelcard import ModelCards
from smartapp.pages import register_words
from smartapp.session import ABSOLUTE_SECONDS, Sessions

log = get_logger("smartapp")


def create_blueprint(
    settings: Settings,
    models: Sequence[Model],
    store: redis.Redis,
    audit: Audit,
    http: Outgoing,
    keysets: KeySets,
    fhir: Fhir,
    signing_key: ECKey,
    clock: Callable[[], datetime],
    missing: Sequence[str] = (),
) -> Blueprint:
    """Return the SMART app; `clock` gives aware UTC, `missing` models could not be loaded."""
    discovery = Discovery(http)
    door = Door(settings, models, Sessions(store), audit, fhir, clock, missing)
    sign_in = SignIn(settings, http, discovery, keysets, signing_key)
    views = _Views(door, Launches(store, signing_key), discovery, sign_in)
    blueprint = Blueprint("smartapp", __name__, template_folder="../templates")
    register_words(blueprint)
    blueprint.add_url_rule("/", "home", lambda: redirect(url_for("smartapp.model_card")))
    blueprint.add_url_rule("/launch", "launch", views.launch)
    blueprint.add_url_rule("/standalone", "standalone", views.standalone)
    blueprint.add_url_rule("/callback", "callback", views.callback)
    blueprint.add_url_rule("/l/<handle>/", "explanation", views.explanation)
    ModelCards(models, settings.models_path).add_to(blueprint)
    blueprint.add_url_rule("/.well-known/jwks.json", "jwks", lambda: _jwks(signing_key))
    blueprint.register_error_handler(problems.Problem, views.problem)
    blueprint.register_error_handler(
        AuditError, lambda error: views.problem(problems.StoreDown("audit log unavailable"))
    )
    blueprint.register_error_handler(
        ModelError, lambda error: views.problem(problems.StoreDown("model gave no number"))
    )
    blueprint.register_error_handler(
        SettingsError, lambda error: views.problem(problems.StoreDown("client secret unavailable"))
    )
    blueprint.register_error_handler(Exception, views.unexpected)
    blueprint.record(
        lambda state: state.app.after_request_funcs.setdefault(None, []).insert(0, _narrow_frames)
    )
    return blueprint


class _Views:
    """The pages, with what they need."""

    def __init__(self, door: Door, launches: Launches, discovery: Discovery, sign_in: SignIn):
        self.door, self.settings, self.audit = door, door.settings, door.audit
        self.launches, self.discovery, self.sign_in = launches, discovery, sign_in
        self.refusals = RefusalLog(door.audit)

    def launch(self) -> BaseResponse:
        """Answer the EHR's launch with a redirect to its authorization server (SMART-4,
        SMART-12).
        """
        return self._begin(*trusted_launch(request.args, self.settings))

    def standalone(self) -> BaseResponse | str:
        """List the EHRs, or begin a standalone launch with the one chosen (SMART-50)."""
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
        launch, state = launch_of(self.launches, request, now), request.args["state"]
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

    def problem(self, problem: problems.Problem) -> tuple[str, int]:
        """Show a Problem as a page; the reason goes to the log, and to the audit once the EHR is
        known.
        """
        ehr: Ehr | None = g.get("ehr")
        log.warning(
            "smart_refused",
            reason=problem.reason,
            status=problem.status,
            route=request.endpoint,
            ehr=ehr.id if ehr else None,
            request_id=g.get("request_id"),
        )
        if ehr and problem.recorded:
            self._record_refusal(ehr, problem)
        page = render_template(
            "pages/problem.html", title=problem.title, lines=problem.lines, detail=problem.detail
        )
        return page, problem.status

    def unexpected(self, error: Exception) -> BaseResponse | tuple[str, int]:
        """Show a fault of ours as a page with an incident number (B8)."""
        if isinstance(error, HTTPException):
            return error.get_response()
        log.error("unhandled", error=error, incident=g.get("request_id"))
        return self.problem(problems.Fault(g.get("request_id", "unknown")))

    def _record_refusal(self, ehr: Ehr, problem: problems.Problem) -> None:
        self.refusals.note(
            {
                "route": request.endpoint,
                "ehr": ehr.id,
                "outcome": 8,
                "reason": problem.reason,
                "request_id": g.get("request_id"),
                **g.get("known", {}),
            }
        )

    def _begin(self, ehr: Ehr, iss: str, launch: str | None) -> BaseResponse:
        g.ehr = ehr
        endpoints = self.discovery.endpoints(iss)
        url, state, begun = authorization_url(ehr, iss, launch, endpoints, self.settings)
        now, answer = self.door.clock(), redirect(url, 303)
        end_oldest(answer, request, "launch")
        set_cookie(
            answer, "launch", state, self.launches.begin(begun, state, now), LAUNCH_SECONDS, now
        )
        return answer

    def _ehr(self, name: str) -> Ehr | None:
        return next((ehr for ehr in self.settings.ehr if ehr.id == name), None)


def _jwks(signing_key: ECKey) -> Response:
    """Publish our public key; an hour of caching, so a new key is published that long before it
    is used (SMART-29).
    """
    return json_response(
        public_jwks(signing_key), headers={"Cache-Control": "public, max-age=3600"}
    )


def _narrow_frames(response: Response) -> Response:
    """Let a page of one EHR be framed by that EHR only; it has to run after runtime.web has set
    the policy for all (SMART-44).
    """
    ehr: Ehr | None = g.get("ehr")
    if ehr and response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = HTML_POLICY.format(
            " ".join(ehr.frame_ancestors) or "'none'"
        )
    return response
