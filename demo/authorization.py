"""The demonstration's authorization endpoint: who may have a code, for which patient (SMART App
Launch 2.2, SMART-12..16, 50).

The demo clinician is signed in already, so an EHR launch is granted at once; a standalone launch
first picks a patient.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import werkzeug
from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from demo.config import Client, DemoConfig
from demo.patients.resources import CLINICIAN
from demo.playing.troubles import redirect_of
from demo.records import Records
from demo.scopes import granted
from demo.tokens import Grant, Tokens

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class Launch(NamedTuple):
    """What an opaque launch id stands for."""

    patient: str
    encounter: str | None
    app_context: str | None
    user: str = f"Practitioner/{CLINICIAN}"
    trouble: str | None = None


class NoRedirect(Exception):
    """The request can't be trusted enough to send the browser anywhere (RFC 6749 4.1.2.1)."""


class Denied(Exception):
    """The request is refused by a redirect with an OAuth error code and a sentence."""

    def __init__(self, error: str, description: str):
        super().__init__(description)
        self.error, self.description = error, description


def create_blueprint(config: DemoConfig, records: Records, tokens: Tokens) -> Blueprint:
    """Return the pages at /authorize."""
    blueprint = Blueprint("authorization", __name__)
    clients = config.registered()

    @blueprint.route("/authorize", methods=["GET", "POST"])
    def authorize() -> ResponseReturnValue:
        wanted = request.form if request.method == "POST" else request.args
        try:
            client = _client(clients, wanted)
        except NoRedirect as error:
            return render_template("refused.html", text=str(error)), 400
        try:
            return _answer(
                config, tokens, client, wanted, lambda pending: _picker(config, records, pending)
            )
        except Denied as error:
            return _back(wanted, error=error.error, error_description=error.description)

    @blueprint.post("/authorize/patient")
    def choose() -> ResponseReturnValue:
        wanted, patient = (
            tokens.take("pending", request.form.get("request", "")),
            request.form.get("patient", ""),
        )
        if wanted is None:
            return render_template(
                "refused.html", text="This choice has expired. Start the app again."
            ), 400
        if patient not in records.patients:
            return _back(wanted, error="access_denied", error_description="No patient was chosen.")
        encounter = records.resource("Encounter", patient)["id"]
        return _back(wanted, code=_code(tokens, wanted, Launch(patient, encounter, None)))

    return blueprint


def _client(clients: dict[str, Client], wanted: MultiDict[str, str]) -> Client:
    client = clients.get(wanted.get("client_id", ""))
    if client is None:
        raise NoRedirect("The app that asks for access is not registered here.")
    if wanted.get("redirect_uri") not in client.redirect_uris:
        raise NoRedirect("The app asks to be answered at an address that is not registered.")
    return client


def _answer(
    config: DemoConfig,
    tokens: Tokens,
    client: Client,
    wanted: MultiDict[str, str],
    picker: Callable[[str], str],
) -> werkzeug.Response | str:
    scopes = _checked(config, wanted)
    if "launch" in wanted:
        launch = tokens.find("launch", wanted["launch"])
        if launch is None:
            raise Denied("invalid_request", "The launch is unknown or has expired.")
        return _back(wanted, launch.trouble, code=_code(tokens, wanted, launch))
    if "launch/patient" not in scopes:
        raise Denied("invalid_scope", "Without a launch the scope launch/patient is needed.")
    return picker(tokens.issue("pending", wanted.copy()))


def _checked(config: DemoConfig, wanted: MultiDict[str, str]) -> list[str]:
    """Return the scopes that will be granted, once all other parameters are right (SMART-13).
    Raises Denied.
    """
    if wanted.get("response_type") != "code":
        raise Denied("unsupported_response_type", "response_type must be code.")
    if not wanted.get("state"):
        raise Denied("invalid_request", "state is missing.")
    if wanted.get("aud") not in config.audiences:
        raise Denied("invalid_request", "aud is not the address of this FHIR server.")
    if wanted.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(
        wanted.get("code_challenge", "")
    ):
        raise Denied("invalid_request", "A code_challenge of method S256 is required.")
    scopes = granted(wanted.get("scope", "")).split()
    if not scopes:
        raise Denied("invalid_scope", "None of the scopes asked for is supported.")
    return scopes


def _code(tokens: Tokens, wanted: MultiDict[str, str], launch: Launch) -> str:
    return tokens.issue(
        "code",
        Grant(
            patient=launch.patient,
            encounter=launch.encounter,
            app_context=launch.app_context,
            user=f"{wanted['aud'].rstrip('/')}/{launch.user}",
            client_id=wanted["client_id"],
            scope=granted(wanted["scope"], clinician=launch.user.startswith("Practitioner")),
            redirect_uri=wanted["redirect_uri"],
            code_challenge=wanted["code_challenge"],
            nonce=wanted.get("nonce"),
            trouble=launch.trouble,
        ),
    )


def _back(
    wanted: MultiDict[str, str], trouble: str | None = None, **answer: str
) -> werkzeug.Response:
    """Send the browser back to the app, its `state` unchanged and its own query kept, unless a
    trouble is to be played.
    """
    parameters = answer | ({"state": wanted["state"]} if "state" in wanted else {})
    parameters = redirect_of(trouble, parameters)
    joint = "&" if urlsplit(wanted["redirect_uri"]).query else "?"
    return redirect(
        f"{wanted['redirect_uri']}{joint}{urlencode(parameters)}",
        303 if request.method == "POST" else 302,
    )


def _picker(config: DemoConfig, records: Records, pending: str) -> str:
    today = config.clock().date()
    rows = [
        (patient, person(records.resource("Patient", patient.id), today))
        for patient in records.patients.values()
    ]
    return render_template("picker.html", rows=rows, pending=pending)


def person(patient: dict[str, Any], today: date) -> dict[str, str | int | None]:
    """Return what a banner says of a Patient; an age only where the birth date allows one."""
    name, born = patient["name"][0], patient.get("birthDate")
    full, mrn = f"{name['family']}, {' '.join(name['given'])}", patient["identifier"][0]["value"]
    return {
        "name": full,
        "born": born,
        "age": _age(born, today),
        "sex": patient["gender"],
        "mrn": mrn,
    }


def _age(born: str | None, today: date) -> int | None:
    if born is None:
        return None
    if len(born) < 10:
        return today.year - int(born[:4])
    day = datetime.fromisoformat(born)
    return today.year - day.year - ((today.month, today.day) < (day.month, day.day))
