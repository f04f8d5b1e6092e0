"""Turns an EHR's capabilities into the least scopes that the page needs, and a grant into what
may be read (SMART-17..21).
"""

import re
from collections.abc import Collection
from urllib.parse import parse_qsl

from runtime.settings import Ehr
from smartapp.launching.acts import acts
from smartapp.launching.discovery import Endpoints

# Only what record.py reads: one Patient by id, Observations by search.
READ = {"Patient": "r", "Observation": "rs"}
# Epic grants `user/Observation.Read`, and to an app of one FHIR version `Observation.search`.
CLINICAL = re.compile(
    r"(?:(?:patient|user|system)/)?(?P<type>[A-Za-z]+|\*)\."
    r"(?P<rights>read|search|create|write|\*|c?r?u?d?s?)(?:\?(?P<only>.*))?",
    re.IGNORECASE,
)


# What each category of Observations fills, where a grant is for one only.
CATEGORIES = {"vital-signs": "vitals", "laboratory": "labs"}
PARTS = {"Patient": {"patient"}, "Observation": set(CATEGORIES.values())}


def wanted(ehr: Ehr, endpoints: Endpoints, standalone: bool) -> str:
    """Return the scopes to ask for: `smart_scopes` of the EHR's record, else v2 where it is
    offered and v1 where not; and leave to renew the token while the user is signed in, where the
    server names that or the vendor is known to give it.
    """
    context = "launch/patient" if standalone else "launch"
    if ehr.smart_scopes:
        return " ".join(
            context if scope == "launch" else scope for scope in ehr.smart_scopes.split()
        )
    user = ["openid", "fhirUser"] if endpoints.openid else []
    online = ["online_access"] if _renewable(ehr, endpoints) else []
    v2 = "permission-v2" in endpoints.capabilities
    data = [f"patient/{kind}.{rights if v2 else 'read'}" for kind, rights in READ.items()]
    return " ".join([context, *user, *online, *data, *acts(ehr, endpoints)])


def readable(granted: str) -> set[str]:
    """Return the parts of a chart, as ehr.chart names them, that a grant lets us read, whichever
    syntax it came back in.
    """
    found: set[str] = set()
    for scope in granted.split():
        match = CLINICAL.fullmatch(scope)
        if match and _allows(match["rights"].lower()):
            kinds = PARTS if match["type"] == "*" else {match["type"]} & set(PARTS)
            found |= {part for kind in kinds for part in _within(PARTS[kind], match["only"])}
    return found


def creatable(granted: str, kind: str) -> bool:
    """Tell whether a grant lets us create a type of resource, whichever syntax it came back in."""
    found = [match for one in granted.split() if (match := CLINICAL.fullmatch(one))]
    return any(
        one["type"] in (kind, "*")
        and one["only"] is None
        and one["rights"].lower().startswith(("c", "write", "*"))
        for one in found
    )


def _renewable(ehr: Ehr, endpoints: Endpoints) -> bool:
    return (
        "online_access" in endpoints.scopes_supported
        or "permission-online" in endpoints.capabilities
        or ehr.traits.online_access
    )


def _within(parts: set[str], only: str | None) -> set[str]:
    """Return the parts that a restricted scope fills: a category's own. What another restriction
    leaves out can't be told, so such a scope fills nothing.
    """
    if only is None:
        return parts
    asked = parse_qsl(only)
    if any(name != "category" for name, _ in asked):
        return set()
    codes = {code.rpartition("|")[2] for _, value in asked for code in value.split(",")}
    return parts & {CATEGORIES.get(code, "") for code in codes}


def by_user(granted: str) -> str:
    """Return of a grant what opens every patient whom the user may see, and not the one in context
    alone.
    """
    return " ".join(scope for scope in granted.split() if scope.lower().startswith("user/"))


def kinds_of(granted: str, kinds: Collection[str]) -> set[str]:
    """Return those of some resource types that a grant lets us read anything of."""
    matches = [CLINICAL.fullmatch(scope) for scope in granted.split()]
    opened = {match["type"] for match in matches if match and _allows(match["rights"].lower())}
    return {kind for kind in kinds if opened & {kind, "*"}}


def _allows(rights: str) -> bool:
    if rights in {"read", "search", "create", "write", "*"}:
        return rights not in {"create", "write"}
    return "r" in rights or "s" in rights
