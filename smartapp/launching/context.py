"""Turns the launch context of a token response into ids of this server, or into nothing (SMART-53
to SMART-55, E6).
"""

import json
import re
from urllib.parse import urlsplit

from ehr.fetch import inside

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
ASSESSMENT_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")


def in_context(value: object, kind: str, iss: str) -> str | None:
    """Return the id in a launch context member: SMART's bare id, or a reference as some servers
    send it, `Patient/123` or a URL in this FHIR base; None for all else.
    """
    if not isinstance(value, str):
        return None
    name = _referenced(value, kind, iss.rstrip("/")) if "/" in value else value
    return name if FHIR_ID.fullmatch(name) else None


def _referenced(reference: str, kind: str, base: str) -> str:
    """Return the id of a FHIR reference to this kind of resource here; empty for every other."""
    if "://" in reference:
        if not inside(reference, base):
            return ""
        path = reference.partition("://")[2].partition("/")[2]
        reference = path.removeprefix(urlsplit(base).path.strip("/")).lstrip("/")
    found, _, name = reference.partition("/")
    return name.partition("/_history/")[0] if found == kind else ""


def assessment_named(app_context: object) -> str | None:
    """Return the assessment id of a card's appContext, given as JSON text or as an object, or
    None (SMART-53..55).
    """
    if isinstance(app_context, str) and len(app_context) <= 1024:
        try:
            app_context = json.loads(app_context)
        except (ValueError, RecursionError):
            return None
    found = app_context.get("assessment") if isinstance(app_context, dict) else None
    return found if isinstance(found, str) and ASSESSMENT_ID.fullmatch(found) else None
