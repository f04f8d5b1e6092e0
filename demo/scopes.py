"""Turns scopes, in either syntax of SMART, into what a token may do, and a wish into a grant
(SMART-17..20, SMART-57).
"""

import re
from collections.abc import Collection

MESSAGES = ("messaging/ui", "messaging/scratchpad")
SUPPORTED = ("launch", "launch/patient", "openid", "fhirUser", "online_access", *MESSAGES)
# What an app may create here.
CREATED = "RiskAssessment"
CLINICAL = re.compile(
    r"(?P<level>patient|user)/(?P<type>Patient|Encounter|Observation|Condition|Practitioner|RiskAssessment|Group|\*)\.(?P<rights>read|write|\*|c?r?u?d?s?)"
)
LEVELS = ("patient", "user")
# Of no single patient.
WARDS = "Group"


def granted(asked: str, clinician: bool = True) -> str:
    """Return the scopes that are given of those asked for: reading, and creating of one type for
    the patient in context; a clinician's own (`user/`) open every chart to be read.
    """
    kept = [scope for scope in dict.fromkeys(asked.split()) if scope in SUPPORTED or _rights(scope)]
    return " ".join(scope for scope in kept if clinician or not scope.startswith("user/"))


def allows(scope: str, kind: str, right: str, levels: Collection[str] = LEVELS) -> bool:
    """Tell whether a grant allows `r` (read), `s` (search) or `c` (create) on a resource type, by
    its scopes of some levels; the signed-in user may always be read.
    """
    if kind == "Practitioner" and "fhirUser" in scope.split():
        return True
    fitting = ["user"] if kind == WARDS else levels
    for item in scope.split():
        found = CLINICAL.fullmatch(item)
        fits = found and found["type"] in (kind, "*") and found["level"] in fitting
        if fits and right in _rights(item):
            return True
    return False


def _rights(scope: str) -> str:
    found = CLINICAL.fullmatch(scope)
    if not found:
        return ""
    own = {"read": "rs", "write": "c", "*": "rsc"}.get(found["rights"], found["rights"])
    creates = found["level"] == "patient" and found["type"] == CREATED
    return "".join(set(own) & set("rsc" if creates else "rs"))
