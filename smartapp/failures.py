"""Turns every failure on the way to a page into a page: what happened, what to do, and a reference
that leads to the log.
"""

from typing import Any

from flask import Blueprint, Response, g, make_response, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from models.fitted.booster import ModelError
from runtime import web
from runtime.audit.log import Audit, AuditError
from runtime.limits.refusal_log import RefusalLog
from runtime.logs import get_logger
from runtime.settings import Ehr
from runtime.settings_file import SettingsError
from smartapp import problems
from smartapp.door import PART

# What can be down beside the EHR, by its error.
DOWN = {
    AuditError: "audit log unavailable",
    ModelError: "model gave no number",
    SettingsError: "client secret unavailable",
}
ELSEWHERE: dict[int, type[problems.Problem]] = {404: problems.NoAddress, 405: problems.NotThatWay}
# Answered to machines, also where a browser asks.
MACHINES = "/cds-services"
LAUNCH = "smartapp.launch"
AGAIN, ANOTHER = "Try again", "Choose the EHR again"
log = get_logger("smartapp")


class Failures:
    """The error pages of the app, and of every address that a browser asks for in vain."""

    def __init__(self, audit: Audit):
        self._refusals = RefusalLog(audit)

    def add_to(self, blueprint: Blueprint) -> None:
        """Have the app's errors answered here."""
        blueprint.register_error_handler(problems.Problem, self.problem)
        for error, reason in DOWN.items():
            blueprint.register_error_handler(error, self._down(reason))
        blueprint.register_error_handler(Exception, self.unexpected)
        blueprint.app_errorhandler(HTTPException)(self.elsewhere)

    def problem(self, problem: problems.Problem) -> Response:
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
            self._record(ehr, problem)
        return _page(problem)

    def unexpected(self, error: Exception) -> BaseResponse | Any:
        """Show a fault of ours as a page with a reference (B8)."""
        if isinstance(error, HTTPException):
            return self.elsewhere(error)
        log.error("unhandled", error=error, incident=g.get("request_id"))
        return self.problem(problems.Fault("unexpected"))

    def elsewhere(self, error: HTTPException) -> BaseResponse | Any:
        """Answer what the framework refuses, such as an unknown address: a browser by a page, all
        others as ever.
        """
        status = error.code or 500
        if status < 400 or not _page_wanted():
            return web.answer_error(error)
        kind = ELSEWHERE.get(status, problems.Unreadable if status < 500 else problems.Fault)
        answer = _page(kind(f"status {status}"))
        answer.status_code = status
        answer.headers.update(
            {name: value for name, value in error.get_headers() if name == "Allow"}
        )
        return answer

    def _down(self, reason: str) -> Any:
        return lambda error: self.problem(problems.StoreDown(reason))

    def _record(self, ehr: Ehr, problem: problems.Problem) -> None:
        self._refusals.note(
            {
                "route": request.endpoint,
                "ehr": ehr.id,
                "outcome": 8,
                "reason": problem.reason,
                "request_id": g.get("request_id"),
                **g.get("known", {}),
            }
        )


def _page(problem: problems.Problem) -> Response:
    ways = (*problem.ways, *_ways(problem))
    page = render_template(
        "pages/problem.html", problem=problem, ways=ways, reference=g.get("request_id")
    )
    return make_response(page, problem.status)


def _ways(problem: problems.Problem) -> list[problems.Way]:
    """Return where to try again: the session's page, the same launch before the EHR was asked
    anything, or the choice of an EHR.
    """
    handle = (request.view_args or {}).get("handle")
    if problem.again and handle:
        return [problems.Way(AGAIN, url_for("smartapp.explanation", handle=handle))]
    if isinstance(problem, problems.SignInFailed) and request.endpoint == LAUNCH:
        return [problems.Way(AGAIN, request.full_path)]
    if g.get("standalone"):
        return [problems.Way(ANOTHER, url_for("smartapp.standalone"))]
    return []


def _page_wanted() -> bool:
    """Tell whether a request would rather have HTML than JSON: a browser's, or one of parts.js."""
    if request.path.startswith(MACHINES):
        return False
    liked = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return liked == "text/html" or PART in request.headers
