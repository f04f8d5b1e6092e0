"""The demonstration's FHIR R4 server: reads and searches for the patient of a bearer token (FHIR
R4 "RESTful API", SMART-38).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, json, request
from werkzeug.exceptions import HTTPException

from demo.config import DemoConfig
from demo.records import TYPES, Forbidden, Records
from demo.scopes import allows
from demo.search import PARAMETERS, BadSearch
from demo.tokens import Grant, Tokens

FHIR_JSON = "application/fhir+json"
CAPABILITIES = (
    "launch-ehr", "launch-standalone", "client-public", "client-confidential-symmetric",
    "client-confidential-asymmetric", "sso-openid-connect", "context-ehr-patient",
    "context-ehr-encounter", "context-standalone-patient", "context-banner", "permission-patient",
    "permission-online", "permission-v1", "permission-v2", "authorize-post",
)  # fmt: skip


class Refused(Exception):
    """An answer other than 200, as an OperationOutcome."""

    def __init__(self, status: int, code: str, text: str, headers: dict[str, str] | None = None):
        super().__init__(text)
        self.status, self.code, self.text, self.headers = status, code, text, headers


def create_blueprint(config: DemoConfig, records: Records, tokens: Tokens) -> Blueprint:
    """Return the FHIR server below /fhir."""
    blueprint = Blueprint("fhir", __name__, url_prefix="/fhir")

    @blueprint.get("/metadata")
    def metadata() -> Response:
        return answer(capability_statement(config, config.clock()))

    @blueprint.get("/.well-known/smart-configuration")
    def smart_configuration() -> Response:
        return answer(configuration(config), media="application/json")

    @blueprint.get("/<kind>/<resource_id>")
    def read(kind: str, resource_id: str) -> Response:
        grant = _granted(tokens, kind, "r")
        resource = records.read(kind, resource_id, grant.patient)
        if resource is None:
            raise Refused(404, "not-found", f"There is no {kind} with this id.")
        return answer(resource)

    @blueprint.get("/<kind>")
    def search(kind: str) -> Response:
        grant = _granted(tokens, kind, "s")
        return answer(records.search(kind, list(request.args.items(multi=True)), grant.patient))

    @blueprint.post("/<kind>/_search")
    def search_by_post(kind: str) -> Response:
        grant = _granted(tokens, kind, "s")
        if request.mimetype != "application/x-www-form-urlencoded":
            raise Refused(
                415,
                "not-supported",
                "A search by POST is a form: application/x-www-form-urlencoded.",
            )
        return answer(
            records.search(
                kind,
                [*request.args.items(multi=True), *request.form.items(multi=True)],
                grant.patient,
            )
        )

    _handle_errors(blueprint)
    return blueprint


def answer(
    resource: dict, status: int = 200, headers: dict[str, str] | None = None, media: str = FHIR_JSON
) -> Response:
    """Return a resource or another document as JSON that nothing may keep."""
    return Response(
        json.dumps(resource),
        status,
        {"Cache-Control": "no-store"} | (headers or {}),
        content_type=media,
    )


def outcome(code: str, text: str) -> dict:
    """Return an OperationOutcome."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": code, "diagnostics": text}],
    }


def configuration(config: DemoConfig) -> dict:
    """Return the smart-configuration, which names the endpoints and what they can do (SMART-9)."""
    return {
        "issuer": config.base_url,
        "jwks_uri": f"{config.base_url}/jwks.json",
        "authorization_endpoint": f"{config.base_url}/authorize",
        "token_endpoint": f"{config.base_url}/token",
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public"],
        "scopes_supported": [
            "launch",
            "launch/patient",
            "openid",
            "fhirUser",
            "online_access",
            "patient/*.rs",
        ],
        "capabilities": list(CAPABILITIES),
    }


def capability_statement(config: DemoConfig, now: datetime) -> dict:
    """Return what this server can do, in FHIR's words."""
    about = [{"name": "patient", "type": "reference"}, {"name": "subject", "type": "reference"}]
    resources: list[dict[str, Any]] = []
    for kind in TYPES:
        own = [
            {"name": name, "type": "date" if "date" in name else "token"}
            for name in ("_id", *PARAMETERS[kind])
        ]
        found = own + about * (kind not in {"Patient", "Practitioner"})
        resources.append(
            {
                "type": kind,
                "interaction": [{"code": "read"}, {"code": "search-type"}],
                "searchParam": found,
            }
        )
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": f"{now:%Y-%m-%d}",
        "kind": "instance",
        "implementation": {
            "description": "Vigil's demonstration EHR: synthetic patients",
            "url": config.fhir_base,
        },
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": {"service": [{"text": "SMART on FHIR"}]},
                "resource": resources,
            }
        ],
    }


def _granted(tokens: Tokens, kind: str, right: str) -> Grant:
    """Return what the bearer token of this request allows. Raises Refused (RFC 6750)."""
    scheme, _, name = request.headers.get("Authorization", "").partition(" ")
    grant = (
        (tokens.find("access", name) or tokens.find("hook", name))
        if scheme.lower() == "bearer"
        else None
    )
    if grant is None:
        error = ' error="invalid_token"' if name else ""
        raise Refused(
            401, "login", "An access token is required.", {"WWW-Authenticate": f"Bearer{error}"}
        )
    if kind not in TYPES:
        raise Refused(404, "not-supported", "This server has no such type of resource.")
    if not allows(grant.scope, kind, right):
        challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        raise Refused(
            403, "forbidden", f"The token's scope does not allow this on {kind}.", challenge
        )
    return grant


def _handle_errors(blueprint: Blueprint) -> None:
    handlers: dict[type[Exception], Callable[[Any], Response]] = {
        Refused: lambda error: answer(outcome(error.code, error.text), error.status, error.headers),
        Forbidden: lambda error: answer(
            outcome("forbidden", "The token is for another patient."), 403
        ),
        BadSearch: lambda error: answer(outcome("value", str(error)), 400),
        HTTPException: lambda error: answer(outcome("processing", error.description), error.code),
    }
    for kind, handler in handlers.items():
        blueprint.register_error_handler(kind, handler)
