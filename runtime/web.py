"""Turns errors into OperationOutcomes and gives every answer its headers and limits (B1, B8, D3-D5,
R29, R30, R112).

Texts are fixed: nothing of a request is ever echoed.
"""

import secrets
import time

import msgspec
from flask import Flask, Response, g, request
from flask.typing import AfterRequestCallable, BeforeRequestCallable, ResponseReturnValue
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from runtime.limits.address import Addresses
from runtime.logs import get_logger
from runtime.publishing import static_files
from runtime.settings import Settings

CORS_PATH = "/cds-services"
HTML_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
    "'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors {}"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
# status -> (issue code of OperationOutcome, text for people); for errors raised by the framework
PLAIN = {
    400: ("invalid", "The request could not be read."),
    404: ("not-found", "There is nothing at this address."),
    405: ("not-supported", "This address does not answer that method; see the Allow header."),
    408: ("timeout", "The body of the request did not come in time."),
    411: ("invalid", "The request must state the length of its body."),
    413: ("too-long", "The request is larger than allowed."),
    414: ("too-long", "The address is longer than allowed."),
    415: (
        "not-supported",
        "The body must be JSON without compression: Content-Type application/json.",
    ),
    500: ("exception", "Something went wrong here. The incident has been recorded."),
    503: ("transient", "The service can't answer at the moment; try again."),
}
log = get_logger("web")


class VigilError(Exception):
    """A refusal with a status, an OperationOutcome issue code and one fixed sentence for the
    caller.
    """

    status, code = 500, "exception"

    def __init__(self, text: str, headers: dict[str, str] | None = None):
        super().__init__(text)
        self.text = text
        self.headers = headers or {}


class BadRequest(VigilError):
    """The request is not what the standard says."""

    status, code = 400, "invalid"


class Unauthorized(VigilError):
    """The caller is not known; the text is the same for every cause (A10)."""

    status, code = 401, "login"


class Forbidden(VigilError):
    """The caller is known but may not do this."""

    status, code = 403, "forbidden"


class RequestTimeout(VigilError):
    """The body did not come in time (B1)."""

    status, code = 408, "timeout"


class PreconditionFailed(VigilError):
    """Data that the answer needs could not be had (R51)."""

    status, code = 412, "incomplete"


class UnsupportedMedia(VigilError):
    """The body is of a type that is not read here."""

    status, code = 415, "not-supported"


class TooManyRefusals(VigilError):
    """An address or an issuer was refused too often (A11)."""

    status, code = 429, "throttled"


class Unavailable(VigilError):
    """A part that must work does not, such as the audit log."""

    status, code = 503, "transient"


def install(app: Flask, settings: Settings) -> None:
    """Give an application the error answers, limits and headers of this module."""
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.register_error_handler(Exception, answer_error)
    app.before_request(_beginner(Addresses(settings)))
    app.after_request(_finisher(settings))
    static_files.install(app)


def outcome(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    """Return an OperationOutcome as an HTTP answer (R30)."""
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return json_response({"resourceType": "OperationOutcome", "issue": [issue]}, status, headers)


def json_response(
    body: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return any value msgspec can encode as application/json (R6)."""
    return Response(msgspec.json.encode(body), status, headers, mimetype="application/json")


def _beginner(addresses: Addresses) -> BeforeRequestCallable:
    def begin() -> Response | None:
        g.request_id = secrets.token_hex(8)
        g.started = time.perf_counter()
        g.address = addresses.of(request)
        # What is known of a call so far, for the record of its refusal.
        g.known = {}
        if request.method == "TRACE":
            return outcome(405, *PLAIN[405])
        return None

    return begin


def answer_error(error: Exception) -> ResponseReturnValue:
    """Answer an error as machines read it; what is not known is a fault with an incident."""
    if isinstance(error, VigilError):
        return outcome(error.status, error.code, error.text, error.headers)
    if isinstance(error, HTTPException) and error.code is not None:
        return _answer_http(error, error.code)
    log.error("unhandled", error=error, incident=g.get("request_id"))
    code, text = PLAIN[500]
    return outcome(500, code, f"{text} Incident {g.get('request_id', 'unknown')}.")


def _answer_http(error: HTTPException, status: int) -> ResponseReturnValue:
    if status < 400:
        return error.get_response()
    allow = getattr(error, "valid_methods", None)
    known = status if status in PLAIN else 400 if status < 500 else 500
    return outcome(status, *PLAIN[known], {"Allow": ", ".join(sorted(allow))} if allow else None)


def _finisher(settings: Settings) -> AfterRequestCallable[Response]:
    origins = frozenset(origin for ehr in settings.ehr for origin in ehr.cors_origins)
    html = HTML_POLICY.format(" ".join(settings.frame_ancestors()) or "'none'")
    transport = settings.public_url.startswith("https://")

    def finish(response: Response) -> Response:
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Content-Security-Policy"] = (
            html if response.mimetype == "text/html" else DATA_POLICY
        )
        headers.setdefault("Cache-Control", "no-store")
        headers["X-Request-Id"] = g.get("request_id", "")
        if transport:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if origins and request.path.startswith(CORS_PATH):
            _allow_origin(headers, origins)
        return response

    return finish


def _allow_origin(headers: Headers, origins: frozenset[str]) -> None:
    """Add the CORS headers for a listed origin; a preflight carries no JWT and needs none (R112,
    D4).
    """
    headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin not in origins:
        return
    headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        # The origin is what is trusted: which headers its client adds says nothing more, and
        # Medplum's adds one of its own.
        asked = request.headers.get("Access-Control-Request-Headers", "")
        allowed = ("Authorization", "Content-Type", asked)
        headers["Access-Control-Allow-Headers"] = ", ".join(filter(None, allowed))
        headers["Access-Control-Max-Age"] = "600"
