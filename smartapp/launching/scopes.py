"""Turns an EHR's capabilities into the least scopes that the page needs, and a grant into what
may be read (SMART-17..21).
"""

import re

from runtime.settings import Ehr
from smartapp.launching.discovery import Endpoints

# Only what record.py reads: one Patient by id, Observations by search.
READ = {"Patient": "r", "Observation": "rs"}
# Epic grants `user/Observation.Read`, and to an app of one FHIR version `Observation.search`.
CLINICAL = re.compile(
    r"(?:(?:patient|user|system)/)?(?P<type>[A-Za-z]+|\*)\."
    r"(?P<rights>read|search|write|\*|c?r?u?d?s?)(?:\?.*)?",
    re.IGNORECASE,
)


def wanted(ehr: Ehr, endpoints: Endpoints, standalone: bool) -> str:
    """Return the scopes to ask for: `smart_scopes` of the EHR's record, else v2 where it is
    offered and v1 where not.
    """
    context = "launch/patient" if standalone else "launch"
    if ehr.smart_scopes:
        return " ".join(
            context if scope == "launch" else scope for scope in ehr.smart_scopes.split()
        )
    user = ["openid", "fhirUser"] if endpoints.openid else []
    v2 = "permission-v2" in endpoints.capabilities
    data = [f"patient/{kind}.{rights if v2 else 'read'}" for kind, rights in READ.items()]
    return " ".join([context, *user, *data])


def readable(granted: str) -> set[str]:
    """Return the resource types of READ that a grant lets us read, whichever syntax it came back
    in.
    """
    found: set[str] = set()
    for scope in granted.split():
        match = CLINICAL.fullmatch(scope)
        if match and _allows(match["rights"].lower()):
            found |= set(READ) if match["type"] == "*" else {match["type"]} & set(READ)
    return found


def _allows(rights: str) -> bool:
    if rights in {"read", "search", "write", "*"}:
        return rights != "write"
    return "r" in rights or "s" in rights
