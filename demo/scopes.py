"""Turns scopes, in either syntax of SMART, into what a token may do, and a wish into a grant
(SMART-17..20, SMART-57).
"""

import re

MESSAGES = ("messaging/ui", "messaging/scratchpad")
SUPPORTED = ("launch", "launch/patient", "openid", "fhirUser", "online_access", *MESSAGES)
# What an app may create here.
CREATED = "RiskAssessment"
CLINICAL = re.compile(
    r"patient/(?P<type>Patient|Encounter|Observation|Condition|Practitioner|RiskAssessment|\*)\.(?P<rights>read|write|\*|c?r?u?d?s?)"
)


def granted(asked: str) -> str:
    """Return the scopes that are given of those asked for, for the patient in context: reading,
    and creating of one type.
    """
    kept = [scope for scope in dict.fromkeys(asked.split()) if scope in SUPPORTED or _rights(scope)]
    return " ".join(kept)


def allows(scope: str, kind: str, right: str) -> bool:
    """Tell whether a grant allows `r` (read), `s` (search) or `c` (create) on a resource type; the
    signed-in user may always be read.
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
    if not found:
        return ""
    own = {"read": "rs", "write": "c", "*": "rsc"}.get(found["rights"], found["rights"])
    return "".join(set(own) & set("rsc" if found["type"] == CREATED else "rs"))
