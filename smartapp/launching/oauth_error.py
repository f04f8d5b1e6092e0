"""Turns an OAuth error answer into a fixed word for the log, what it means for the person who
waits, and a short text of the server's own (SMART-23, SMART-31).
"""

from collections.abc import Mapping

from ehr.fetch import inside
from smartapp.launching.discovery import Endpoints

REGISTERED = (
    "The EHR does not know Vigil as it is registered there, or refuses how it asks.",
    "Trying again does not help. Tell your administrator, with the reference below.",
)
SIGN_IN = (
    "The EHR could not tell who you are without asking you.",
    "Sign in to the EHR again, then open Vigil from the patient's chart.",
)
TROUBLE = (
    "The EHR's sign-in server has a problem of its own at the moment.",
    "Try again in a minute from the patient's chart; if it stays, tell your administrator.",
)
# What each word means and what helps; a word that no standard has is told by the usual lines.
ADVICE = {
    "account_selection_required": SIGN_IN,
    "consent_required": SIGN_IN,
    "interaction_required": SIGN_IN,
    "login_required": SIGN_IN,
    "invalid_client": REGISTERED,
    "invalid_grant": (
        "The EHR's leave to read this chart has run out: it was used already, or took too long.",
        "Open it again from the patient's chart.",
    ),
    "invalid_request": REGISTERED,
    "invalid_scope": (
        "The EHR does not grant Vigil the data that it asks for.",
        "Trying again does not help. Tell your administrator, with the reference below.",
    ),
    "server_error": TROUBLE,
    "temporarily_unavailable": TROUBLE,
    "unauthorized_client": REGISTERED,
    "unsupported_grant_type": REGISTERED,
    "unsupported_response_type": REGISTERED,
}
# RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6.
WORDS = {"access_denied", *ADVICE}
LONGEST_TEXT, LONGEST_HELP = 200, 400


def word(answer: Mapping[str, object]) -> str:
    """Return the standard's word for an error, or "other": what else came is not for the log."""
    error = answer.get("error")
    return error if isinstance(error, str) and error in WORDS else "other"


def advice(word: str) -> tuple[str, ...]:
    """Return what an error means and what helps, in plain lines; none where it has none of its
    own.
    """
    return ADVICE.get(word, ())


def said(answer: Mapping[str, object], endpoints: Endpoints) -> str | None:
    """Return what the server says of its error, to be shown escaped and never followed; a help
    address (`error_uri`, all that Oracle sends) only if it is the server's own.
    """
    text = answer.get("error_description") or answer.get("error")
    address = answer.get("error_uri")
    parts = [text[:LONGEST_TEXT]] if isinstance(text, str) and text else []
    if isinstance(address, str) and len(address) <= LONGEST_HELP:
        parts += [address] if inside(address, endpoints.origin) else []
    return " ".join(parts) or None
