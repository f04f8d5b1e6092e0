"""Holds what a FHIR server says of itself against what Vigil asks it: its CapabilityStatement, and
the capabilities of its smart-configuration.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ehr.checks.asked import smart_url
from ehr.checks.finding import Finding
from ehr.checks.record import SCOPE
from ehr.checks.servers import Servers, mend
from ehr.declared import Kind, declared
from models.reading.lenient import objects
from models.reading.queries import searches
from runtime.settings import Ehr, bare_url

NEEDED = {"Patient": "read", "Observation": "search-type"}
CLIENTS = {
    "none": "client-public",
    "client_secret_basic": "client-confidential-symmetric",
    "private_key_jwt": "client-confidential-asymmetric",
}
READS = {"Patient": "r", "Observation": "rs"}
ASK = "Ask the EHR's people; what a server does not declare it may do all the same."


def capabilities(base: str, ehr: Ehr, servers: Servers) -> Iterator[Finding]:
    """Yield where the server at a FHIR base declares less than is needed."""
    yield from _metadata(base, ehr, servers)
    if ehr.smart_client_id:
        smart = servers.get(smart_url(base)).members
        if smart is not None:
            yield from _smart(base, ehr, smart)


def _metadata(base: str, ehr: Ehr, servers: Servers) -> Iterator[Finding]:
    url = f"{base.rstrip('/')}/metadata"
    members, fault = servers.get(url)
    if members is None or members.get("resourceType") != "CapabilityStatement":
        text = f"{url}: {fault or 'no CapabilityStatement'}; what the server can do is not known."
        yield Finding("note", text, mend(fault))
        return
    kinds = declared(members)
    wrong = [*_version(members), *_lacking(members, kinds)]
    yield from (Finding("wrong", f"{url}: {text}", ASK) for text in wrong)
    if not wrong:
        able = "Patient read, Observation search by " + ", ".join(sorted(_parameters()))
        yield Finding("ok", f"{url}: FHIR {members.get('fhirVersion')}; {able}.")
    if ehr.write_risk_assessment:
        yield _written(url, kinds.get("RiskAssessment", Kind()))
    if ehr.smart_client_id and not _secured(members):
        text = f"{url}: names no SMART on FHIR security; smart-configuration is what counts."
        yield Finding("note", text)


def _version(members: dict[str, Any]) -> Iterator[str]:
    version = str(members.get("fhirVersion"))
    if not version.startswith(("4.0", "4.3")):
        yield f"its fhirVersion is {version}, and Vigil reads R4."


def _lacking(members: dict[str, Any], kinds: Mapping[str, Kind]) -> Iterator[str]:
    for kind, need in NEEDED.items():
        if need not in kinds.get(kind, Kind()).interactions:
            yield f"{kind} is without the interaction {need}."
        elif kind == "Observation" and (lacking := _parameters() - _searched(members, kind)):
            yield f"{kind} is without the search parameters {', '.join(sorted(lacking))}."


def _searched(members: dict[str, Any], kind: str) -> set[str]:
    own = [one for one in objects(_rest(members).get("resource")) if one.get("type") == kind]
    return {str(one.get("name")) for d in own for one in objects(d.get("searchParam"))}


def _written(url: str, kind: Kind) -> Finding:
    """Return whether the estimate can be written, as `write_risk_assessment` asks."""
    if not kind.creates:
        text = f"{url}: RiskAssessment is without the interaction create."
        return Finding("wrong", text, "The page does not offer it until the server declares it.")
    if not kind.conditional_create:
        text = f"{url}: RiskAssessment create, without conditionalCreate."
        return Finding("note", text, "What may have been written is not sent again.")
    return Finding("ok", f"{url}: RiskAssessment create, conditional too.")


def _parameters() -> set[str]:
    """Return what our searches of Observation ask by; `_count` and `_sort` are no search
    parameters of a type, and need not be declared.
    """
    search = searches("1", datetime.now(UTC))["vitals"]
    return {name for name in parse_qs(urlsplit(search).query) if not name.startswith("_")}


def _secured(members: dict[str, Any]) -> bool:
    security = _rest(members).get("security")
    if not isinstance(security, dict):
        return False
    oauth = any(
        str(one.get("url")).endswith("/oauth-uris") for one in objects(security.get("extension"))
    )
    codings = [c for one in objects(security.get("service")) for c in objects(one.get("coding"))]
    return oauth or any(str(one.get("code")).lower() == "smart-on-fhir" for one in codings)


def _rest(members: dict[str, Any]) -> dict[str, Any]:
    rests = objects(members.get("rest"))
    return next((one for one in rests if one.get("mode") == "server"), {})


def _smart(base: str, ehr: Ehr, smart: dict[str, Any]) -> Iterator[Finding]:
    where = f"smart-configuration of {base}"
    if not isinstance(smart.get("code_challenge_methods_supported"), list):
        yield Finding("note", f"{where}: says nothing of PKCE; S256 is sent all the same.")
    elif "S256" not in _texts(smart, "code_challenge_methods_supported"):
        text = f"{where}: offers PKCE without S256."
        yield Finding("wrong", text, "Launches are refused until it offers S256, as SMART asks.")
    ways = _texts(smart, "token_endpoint_auth_methods_supported")
    if ways and ehr.smart_client_auth != "none" and ehr.smart_client_auth not in ways:
        text = f"{where}: takes {', '.join(ways)} and not {ehr.smart_client_auth}."
        yield Finding("wrong", text, "Register the client so, and set smart_client_auth to it.")
    named = _texts(smart, "capabilities")
    wanted = ("launch-ehr", "context-ehr-patient", CLIENTS[ehr.smart_client_auth])
    if lacking := [one for one in wanted if one not in named]:
        yield Finding("note", f"{where}: capabilities are without {', '.join(lacking)}.", ASK)
    scopes = _texts(smart, "scopes_supported")
    lacking = [kind for kind in READS if not any(_grants(kind, scope) for scope in scopes)]
    if scopes and lacking:
        yield Finding("note", f"{where}: no scope of it reads {' or '.join(lacking)}.", ASK)
    issuer = smart.get("issuer")
    known = (*ehr.fhir_base, *filter(None, [ehr.hook_issuer]))
    for one in known if isinstance(issuer, str) else ():
        if issuer != one and bare_url(str(issuer)) == bare_url(one):
            yield Finding("note", f"{where}: its issuer {issuer} and {one} differ by a slash.")


def _texts(smart: dict[str, Any], name: str) -> list[str]:
    value = smart.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _grants(kind: str, scope: str) -> bool:
    """Tell whether a scope of SMART v1 or v2 lets a type be read as we do."""
    found = SCOPE.fullmatch(scope)
    if not found or found["type"] not in (kind, "*"):
        return False
    return found["rights"] in {"read", "*"} or set(READS[kind]) <= set(found["rights"])
