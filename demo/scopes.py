"""Turns scopes, in either syntax of SMART, into what a token may read, and a wish into a grant
(SMART-17..20).
"""

import re

SUPPORTED = ("launch", "launch/patient", "openid", "fhirUser", "online_access")
CLINICAL = re.compile(
    r"patient/(?P<type>Patient|Encounter|Observation|Condition|Practitioner|\*)\.(?P<rights>read|write|\*|c?r?u?d?s?)"
)


def granted(asked: str) -> str:
    """Return the scopes that are given of those asked for: reading only, for the patient in
    context.
    """
    kept = [scope for scope in dict.fromkeys(asked.split()) if scope in SUPPORTED or _rights(scope)]
    return " ".join(kept)


def allows(scope: str, kind: str, right: str) -> bool:
    """Tell whether a grant allows `r` (read) or `s` (search) on a resource type; the signed-in
    user may always be read.
    """
    if kind == "Practitioner" and "fhirUser" in scope.split():
        return True
    for item in scope.split():
        found = CLINICAL.fullmatch(item)
        if found and found["type"] in (kind, "*") and right in _rights(item):
            return True
    return False


def _rights(scope: str) -> str:
    found = CLINICAL.fullmatch(scope)
    if not found or found["rights"] == "write":
        return ""
    return "rs" if found["rights"] in {"read", "*"} else "".join(set(found["rights"]) & {"r", "s"})
