"""The demonstration's open FHIR base for the CDS Hooks Sandbox, a page that holds no token: reads
without one, the launch service behind its SMART links, CORS for its origin.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Blueprint, Response, request

from demo import fhir
from demo.authorization import Launch
from demo.cards import is_registered
from demo.config import DemoConfig
from demo.fhir import Allowed, Refused
from demo.records import Forbidden, Records
from demo.tokens import Tokens

SLASHES = re.compile("//+")


def create_blueprint(config: DemoConfig, records: Records, tokens: Tokens) -> Blueprint:
    """Return the open FHIR server at the records' base."""
    allowed = _allowed(tokens)
    blueprint = fhir.create_blueprint(config, records, allowed, "sandbox")

    @blueprint.post("/_services/smart/Launch")
    def launch() -> Response:
        patient, app_context = _asked(config, records, request.get_json(silent=True))
        if allowed("Patient", "r") not in (None, patient):
            raise Forbidden
        stay = records.resource("Encounter", patient)["id"]
        name = tokens.issue("launch", Launch(patient, stay, app_context))
        return fhir.answer({"launch_id": name}, media="application/json")

    @blueprint.after_request
    def allow_origin(response: Response) -> Response:
        return _allow_origin(response, config.sandbox)

    return blueprint


def chart_url(config: DemoConfig, patient_id: str) -> str:
    """Return the address at which the Sandbox opens a patient's chart and calls Vigil."""
    query = {
        "fhirServiceUrl": config.open_base,
        "serviceDiscoveryURL": f"{config.vigil_url}/cds-services",
        "patientId": patient_id,
        "hook": "patient-view",
    }
    return f"{config.sandbox}/?{urlencode(query)}"


class SingleSlashes:
    """Reads `//` in a path as `/`, since the Sandbox appends to a base that may end in a slash. A
    redirect, Flask's own way, is no answer to a preflight.
    """

    def __init__(self, application: WSGIApplication):
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = SLASHES.sub("/", environ["PATH_INFO"])
        return self._application(environ, start_response)


def _allowed(tokens: Tokens) -> Allowed:
    """Return the rule that every chart is open, but a token that is sent has to be right."""
    by_token = fhir.by_token(tokens)

    def allowed(kind: str, right: str) -> str | None:
        if "Authorization" in request.headers:
            return by_token(kind, right)
        fhir.check_type(kind)
        return None

    return allowed


def _asked(config: DemoConfig, records: Records, body: Any) -> tuple[str, str | None]:
    """Return patient and appContext of a launch request. Raises Refused."""
    asked = body if isinstance(body, dict) else {}
    parameters = asked["parameters"] if isinstance(asked.get("parameters"), dict) else {}
    patient, app_context = parameters.get("patient"), parameters.get("appContext")
    if not is_registered(asked.get("launchUrl"), config.vigil_url):
        raise Refused(400, "value", "launchUrl is not the address of an app registered here.")
    if not isinstance(patient, str) or patient not in records.patients:
        raise Refused(400, "value", "parameters.patient is not the id of a patient here.")
    return patient, app_context if isinstance(app_context, str) else None


def _allow_origin(response: Response, origin: str | None) -> Response:
    response.headers.add("Vary", "Origin")
    if origin and request.headers.get("Origin") == origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    return response
