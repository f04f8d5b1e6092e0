"""Asks the servers of one EHR's record: its key set, and its FHIR base."""

from collections.abc import Iterator
from typing import get_args
from urllib.parse import urljoin

from ehr.checks.finding import Finding
from ehr.checks.record import private_keys
from ehr.checks.servers import Document, Servers, mend
from ehr.keys import KeySetError, read_set
from runtime.settings import Algorithm, Ehr, Settings


def asked(ehr: Ehr, settings: Settings, servers: Servers) -> Iterator[Finding]:
    """Yield whether the record's servers are reached, and hold what calls and launches need."""
    source = settings.hook_keys(ehr)
    if source:
        yield from _key_set("hook_jwks", source, servers, ehr.hook_algorithms)
    for base in ehr.fhir_base:
        yield from _fhir_base(base, ehr, servers)


def smart_url(base: str) -> str:
    """Return where a FHIR base says how to sign in (SMART-8)."""
    return f"{base.rstrip('/')}/.well-known/smart-configuration"


def _key_set(
    name: str, source: str, servers: Servers, allowed: tuple[str, ...]
) -> Iterator[Finding]:
    try:
        found = read_set(source, servers.http)
    except KeySetError as error:
        yield Finding("wrong", f"{name} {source}: {error}.", mend(str(error)))
        return
    for bad in found.passed_over:
        yield Finding("note", f"{name}: key {bad.place} ({bad.kid}) is passed over: {bad.why}.")
    usable = [key for key in found.keys if set(key.algorithms) & set(allowed)]
    named = ", ".join(f"{key.kid} for {' '.join(key.algorithms)}" for key in usable)
    yield Finding(
        "ok" if usable else "wrong",
        f"{name} {source}: {len(usable)} usable keys{': ' + named if named else ''}.",
        "" if usable else "Every token is refused until it holds a key for hook_algorithms.",
    )
    if source.startswith(("https://", "http://")):
        yield from private_keys(f"{name} {source}", servers.get(source).members)


def _fhir_base(base: str, ehr: Ehr, servers: Servers) -> Iterator[Finding]:
    url = smart_url(base)
    found = servers.get(url)
    if not ehr.smart_client_id:
        yield _reached(base, found)
    elif found.members is None:
        yield Finding("wrong", f"{url}: {found.fault}.", mend(found.fault))
    else:
        named = ("authorization_endpoint", "token_endpoint")
        missing = [name for name in named if not found.members.get(name)]
        lacks = f" lacks {', '.join(missing)}" if missing else ""
        yield Finding(
            "wrong" if missing else "ok",
            f"{url}{lacks or ': names its endpoints'}.",
            "The app can't sign in there: is this the base of the FHIR server?" if missing else "",
        )
        if isinstance(found.members.get("jwks_uri"), str):
            # As the app does; without it a path would be read as a file of ours.
            source = urljoin(f"{base}/", found.members["jwks_uri"])
            if source.startswith(("https://", "http://")):
                yield from _key_set("jwks_uri", source, servers, get_args(Algorithm))


def _reached(base: str, found: Document) -> Finding:
    """Any answer at all shows that it is reached; hooks need no smart-configuration."""
    if found.members is not None or found.fault.startswith(("status", "no")):
        return Finding("ok", f"fhir_base {base}: reached.")
    text = f"fhir_base {base}: {found.fault}; it is asked for what was not prefetched."
    return Finding("note", text, mend(found.fault))
