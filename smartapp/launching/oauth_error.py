"""Turns an OAuth error answer into a fixed word for the log and a short text for the page
(SMART-23, SMART-31).
"""

from collections.abc import Mapping

from ehr.fetch import inside
from smartapp.launching.discovery import Endpoints

# RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6.
WORDS = {
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "login_required",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
}
LONGEST_TEXT, LONGEST_HELP = 200, 400


def word(answer: Mapping[str, object]) -> str:
    """Return the standard's word for an error, or "other": what else came is not for the log."""
    error = answer.get("error")
    return error if isinstance(error, str) and error in WORDS else "other"


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
