"""The troubles that the demonstration's servers can play at a launch, to see what the app makes of
them.
"""

import json
import time
from typing import Any

from flask import Response

# What /authorize sends back in place of a code.
REFUSALS = {
    "access_denied": "The user or the EHR says no",
    "login_required": "The EHR wants the user to sign in again",
    "interaction_required": "The EHR has to ask the user something",
    "consent_required": "The user has to agree first",
    "account_selection_required": "The user has to choose an account",
    "invalid_request": "The request is not as the EHR wants it",
    "invalid_scope": "The scopes are not granted",
    "unauthorized_client": "The app may not ask this way",
    "unsupported_response_type": "The EHR knows no codes",
    "server_error": "The sign-in server fails",
    "temporarily_unavailable": "The sign-in server is busy",
    "other_state": "The answer has another state",
    "no_code": "The answer has no code",
}
# What /token answers a code with.
TOKENS = {
    "invalid_grant": "The code has expired",
    "invalid_client": "The app's key is not known",
    "token_html": "The token answer is a page",
    "token_empty": "The token answer has no token",
    "token_slow": "The token answer takes twenty seconds",
    "no_patient": "No patient is in context",
}
# What the launch gets differently, and what comes later.
GRANTS = {
    "no_stay": "No stay is in context",
    "vitals_only": "Vital signs alone are granted",
    "patient_only": "Patient details alone are granted",
    "own_banner": "The EHR shows a banner of its own, and its own style",
    "short": "A token lives twenty seconds; refresh tokens rotate",
    "refresh_refused": "The same, and the refresh is refused",
    "refresh_other": "The same, and the refresh is of another patient",
    "fhir_slow": "Each FHIR answer takes four seconds",
    "fhir_partial": "Laboratory results can't be read",
    "fhir_refused": "The FHIR server takes no token",
}
TROUBLES = {**REFUSALS, **TOKENS, **GRANTS}
SCOPES = {
    "vitals_only": "patient/Patient.r patient/Observation.rs?category=vital-signs",
    "patient_only": "patient/Patient.r",
}
SHORT = {"short", "refresh_refused", "refresh_other"}
SHORT_SECONDS, SLOW_TOKEN_SECONDS, SLOW_FHIR_SECONDS = 20, 20, 4
LACTATE = "2524-7"
STYLE = {
    "color_background": "#f4f7f2",
    "color_text": "#1d2b1f",
    "font_family_body": "Georgia, serif",
    "font_family_heading": "Georgia, serif",
    "dim_border_radius": "12px",
    "dim_font_size": "16px",
}


def redirect_of(trouble: str | None, answer: dict[str, str]) -> dict[str, str]:
    """Return what the browser brings back to the app; `answer` where nothing is to go wrong."""
    if trouble == "other_state":
        return answer | {"state": "of-another-launch"}
    if trouble == "no_code":
        return {name: value for name, value in answer.items() if name != "code"}
    if trouble in REFUSALS:
        said = {"error": trouble, "error_description": f"Played: {REFUSALS[trouble]}."}
        return said | {name: value for name, value in answer.items() if name == "state"}
    return answer


def token_answer(trouble: str | None) -> Response | None:
    """Return what a token endpoint in trouble says to a code; None where it answers."""
    if trouble == "token_slow":
        time.sleep(SLOW_TOKEN_SECONDS)
    if trouble in {"invalid_grant", "invalid_client"}:
        said = {"error": trouble, "error_description": f"Played: {TOKENS[trouble]}."}
        status = 400 if trouble == "invalid_grant" else 401
        return Response(json.dumps(said), status, content_type="application/json")
    if trouble == "token_html":
        return Response("<html><h1>Down for maintenance</h1></html>", 503)
    if trouble == "token_empty":
        return Response("{}", 200, content_type="application/json")
    return None


def token_response(
    trouble: str | None, response: dict[str, Any], style_url: str, refreshed: bool
) -> dict[str, Any]:
    """Return a token response as a trouble changes it."""
    changes: dict[str, Any] = {}
    if trouble in SHORT:
        changes["expires_in"] = SHORT_SECONDS
    if trouble == "refresh_other" and refreshed:
        changes["patient"] = "somebody-else"
    if trouble in SCOPES:
        changes["scope"] = SCOPES[trouble]
    if trouble == "own_banner":
        changes |= {"need_patient_banner": False, "smart_style_url": style_url}
    dropped = {"no_patient": "patient", "no_stay": "encounter"}.get(trouble or "")
    return {name: value for name, value in (response | changes).items() if name != dropped}


def fhir_status(trouble: str | None, query: str) -> int:
    """Return with what status FHIR answers a request, after the time that it takes."""
    if trouble == "fhir_slow":
        time.sleep(SLOW_FHIR_SECONDS)
    if trouble == "fhir_partial" and LACTATE in query:
        return 500
    return 401 if trouble == "fhir_refused" else 200
