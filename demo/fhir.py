"""The demonstration's FHIR R4 server: reads and searches of the chart that a request may see, and
one type of resource that an app may create (FHIR R4 "RESTful API", SMART-38).
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, Response, json, request
from werkzeug.exceptions import HTTPException

from demo import capabilities
from demo.config import DemoConfig
from demo.playing.troubles import fhir_status
from demo.records import TYPES, Forbidden, Records, SeveralFound, WrongOrder
from demo.scopes import CREATED, allows
from demo.search import BadSearch
from demo.tokens import Tokens

FHIR_JSON = "application/fhir+json"
# For a type of resource and a right, `r`, `s` or `c`: the patient whose chart may be read, None for
# every chart. Raises Refused.
Allowed = Callable[[str, str], str | None]


class Refused(Exception):
    """An answer other than 200, as an OperationOutcome."""

    def __init__(self, status: int, code: str, text: str, headers: dict[str, str] | None = None):
        super().__init__(text)
        self.status, self.code, self.text, self.headers = status, code, text, headers


def create_blueprint(
    config: DemoConfig, records: Records, allowed: Allowed, name: str = "fhir"
) -> Blueprint:
    """Return the FHIR server at the records' base; `allowed` is asked before each answer."""
    blueprint = Blueprint(name, __name__, url_prefix=urlsplit(records.base).path)

    @blueprint.get("/metadata")
    def metadata() -> Response:
        return answer(capabilities.statement(records.base, config.clock()))

    @blueprint.get("/.well-known/smart-configuration")
    def smart_configuration() -> Response:
        return answer(capabilities.configuration(config), media="application/json")

    @blueprint.get("/<kind>/<resource_id>")
    def read(kind: str, resource_id: str) -> Response:
        resource = records.read(kind, resource_id, allowed(kind, "r"))
        if resource is None:
            raise Refused(404, "not-found", f"There is no {kind} with this id.")
        return answer(resource)

    @blueprint.get("/<kind>")
    def search(kind: str) -> Response:
        patient = allowed(kind, "s")
        return answer(records.search(kind, list(request.args.items(multi=True)), patient))

    @blueprint.post("/<kind>/_search")
    def search_by_post(kind: str) -> Response:
        patient = allowed(kind, "s")
        if request.mimetype != "application/x-www-form-urlencoded":
            raise Refused(
                415,
                "not-supported",
                "A search by POST is a form: application/x-www-form-urlencoded.",
            )
        parameters = [*request.args.items(multi=True), *request.form.items(multi=True)]
        return answer(records.search(kind, parameters, patient))

    @blueprint.post("/<kind>")
    def create(kind: str) -> Response:
        return _created(records, kind, allowed(kind, "c"))

    _handle_errors(blueprint)
    return blueprint


def _created(records: Records, kind: str, patient: str | None) -> Response:
    """Create what the body holds, for the patient of the token, unless it is there. Raises
    Refused.
    """
    resource = request.get_json(force=True, silent=True)
    if kind != CREATED or patient is None:
        raise Refused(405, "not-supported", f"This server creates no {kind} for an app.")
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        raise Refused(400, "structure", f"The body is no {kind}.")
    query = parse_qsl(request.headers.get("If-None-Exist", ""))
    made, new = records.create(patient, resource, query)
    place = f"{records.base}/{kind}/{made['id']}/_history/1"
    return answer(made, 201 if new else 200, {"Location": place})


def answer(
    resource: dict[str, Any],
    status: int = 200,
    headers: dict[str, str] | None = None,
    media: str = FHIR_JSON,
) -> Response:
    """Return a resource or another document as JSON that nothing may keep."""
    return Response(
        json.dumps(resource),
        status,
        {"Cache-Control": "no-store"} | (headers or {}),
        content_type=media,
    )


def outcome(code: str, text: str) -> dict[str, Any]:
    """Return an OperationOutcome."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": code, "diagnostics": text}],
    }


def by_token(tokens: Tokens) -> Allowed:
    """Return the rule that a bearer token opens its patient's chart, or with a scope of its user's
    every chart (RFC 6750).
    """

    def allowed(kind: str, right: str) -> str | None:
        scheme, _, name = request.headers.get("Authorization", "").partition(" ")
        found = tokens.find("access", name) or tokens.find("hook", name)
        if found is None or scheme.lower() != "bearer":
            error = ' error="invalid_token"' if name else ""
            challenge = {"WWW-Authenticate": f"Bearer{error}"}
            raise Refused(401, "login", "An access token is required.", challenge)
        check_type(kind)
        _play(found.trouble)
        if not allows(found.scope, kind, right):
            challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
            text = f"The token's scope does not allow this on {kind}."
            raise Refused(403, "forbidden", text, challenge)
        patient: str | None = found.patient
        return None if allows(found.scope, kind, right, ["user"]) else patient

    return allowed


def _play(trouble: str | None) -> None:
    """Take the time, or refuse, as a trouble has it. Raises Refused."""
    status = fhir_status(trouble, request.query_string.decode("ascii", "replace"))
    if status != 200:
        raise Refused(status, "exception", "Played: the FHIR server does not answer this.")


def check_type(kind: str) -> None:
    """Refuse a type of resource that is not served. Raises Refused."""
    if kind not in TYPES:
        raise Refused(404, "not-supported", "This server has no such type of resource.")


def _handle_errors(blueprint: Blueprint) -> None:
    handlers: dict[type[Exception], Callable[[Any], Response]] = {
        Refused: lambda error: answer(outcome(error.code, error.text), error.status, error.headers),
        Forbidden: lambda error: answer(
            outcome("forbidden", "The token is for another patient."), 403
        ),
        WrongOrder: lambda error: answer(
            outcome("business-rule", "The resource is about another patient."), 422
        ),
        SeveralFound: lambda error: answer(
            outcome("duplicate", "There are several such resources."), 412
        ),
        BadSearch: lambda error: answer(outcome("value", str(error)), 400),
        HTTPException: lambda error: answer(outcome("processing", error.description), error.code),
    }
    for kind, handler in handlers.items():
        blueprint.register_error_handler(kind, handler)
