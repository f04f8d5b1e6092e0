"""Looks at all that one EHR's record needs to work, and says what to mend: `vigil doctor`."""

import time
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from ehr.http import Outgoing, OutgoingError
from ehr.keys import KeySetError, read_set
from runtime.settings import Algorithm, Ehr, Settings
from runtime.settings_file import SettingsError, secret

SECONDS = 5.0
LARGEST = 256 * 1024
JSON = {"Accept": "application/json"}
# By the first word of what went wrong with a reading.
MEND = {
    "timeout": "It did not answer in time: is it up, and may this host reach it (firewall)?",
    "name": "Its host name is not known here: look at the spelling, and at this host's DNS.",
    "certificate": "Its certificate is not trusted here: add the site's authority to the system's.",
    "connection": "Nothing answers there: look at host and port, and at the firewall.",
    "protocol": "What answers there is no web server, or not of this scheme (http, https).",
    "status": "Open the URL in a browser: a redirect is not followed, write the final address.",
    "no": "What it holds is no JSON of that kind: look at the URL.",
    "too": "It is larger than such a document is: look at the URL.",
    "file": "Look at the path, and at who may read it.",
}


class Finding(NamedTuple):
    """One line of the report, and what to do about it if that is not `ok`."""

    state: Literal["ok", "note", "wrong"]
    text: str
    mend: str = ""


def examine(ehr: Ehr, settings: Settings, http: Outgoing) -> Iterator[Finding]:
    """Yield what is found, in the order in which a call or launch needs it."""
    yield from _hook_record(ehr, settings)
    source = settings.hook_keys(ehr)
    if source:
        yield from _key_set("hook_jwks", source, http, ehr.hook_algorithms)
    for base in ehr.fhir_base:
        yield from _fhir_base(base, ehr, http)
    if ehr.smart_client_id:
        yield _client_secret(ehr, settings)
    yield _ourselves(settings, http)


def _hook_record(ehr: Ehr, settings: Settings) -> Iterator[Finding]:
    if ehr.hook_auth == "open":
        yield Finding("note", "hook_auth is open: anyone may call; for a sandbox only.")
    if bool(ehr.hook_issuer) != bool(settings.hook_keys(ehr)):
        yield Finding(
            "note" if ehr.hook_auth == "open" else "wrong",
            "of hook_issuer and its keys only one is given, so no token of this EHR is checked.",
            "Give both hook_issuer and one of hook_jwks_url and hook_jwks_file.",
        )
    shared = [
        other.id
        for other in settings.ehr
        if other is not ehr and ehr.hook_issuer and other.hook_issuer == ehr.hook_issuer
    ]
    if shared:
        yield Finding(
            "note",
            f"hook_issuer is that of {', '.join(shared)} too: a call is told apart by fhirServer, "
            "hook_audience or hook_tenants, feedback by the last two only.",
        )


def _key_set(name: str, source: str, http: Outgoing, allowed: tuple[str, ...]) -> Iterator[Finding]:
    try:
        found = read_set(source, http)
    except KeySetError as error:
        yield Finding("wrong", f"{name} {source}: {error}.", _mend(str(error)))
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


def _fhir_base(base: str, ehr: Ehr, http: Outgoing) -> Iterator[Finding]:
    url = f"{base.rstrip('/')}/.well-known/smart-configuration"
    document, fault = _json(url, http)
    if not ehr.smart_client_id:
        # Any answer at all shows that it is reached; hooks need no smart-configuration.
        reached = document is not None or (fault or "").startswith(("status", "no"))
        text = "reached" if reached else f"{fault}; it is asked for what was not prefetched"
        mend = "" if reached else _mend(fault)
        yield Finding("ok" if reached else "note", f"fhir_base {base}: {text}.", mend)
    elif document is None:
        yield Finding("wrong", f"{url}: {fault}.", _mend(fault))
    else:
        missing = [n for n in ("authorization_endpoint", "token_endpoint") if not document.get(n)]
        lacks = f" lacks {', '.join(missing)}" if missing else ""
        yield Finding(
            "wrong" if missing else "ok",
            f"{url}{lacks or ': names its endpoints'}.",
            "The app can't sign in there: is this the base of the FHIR server?" if missing else "",
        )
        if isinstance(document.get("jwks_uri"), str):
            yield from _key_set("jwks_uri", document["jwks_uri"], http, get_args(Algorithm))


def _client_secret(ehr: Ehr, settings: Settings) -> Finding:
    try:
        secret(ehr, settings)
    except SettingsError as error:
        return Finding("wrong", str(error), "The app can't sign in without it.")
    return Finding("ok", f"SMART client {ehr.smart_client_id}: {ehr.smart_client_auth}.")


def _ourselves(settings: Settings, http: Outgoing) -> Finding:
    url = f"{settings.public_url}/cds-services"
    document, fault = _json(url, http)
    if document is None or not document.get("services"):
        return Finding(
            "note",
            f"{url}: {fault or 'no services'}.",
            "Is Vigil running? Behind a proxy it may answer to others and not to this host.",
        )
    return Finding("ok", f"{url}: answers, so `aud` and links are built from the right address.")


def _json(url: str, http: Outgoing) -> tuple[dict[str, Any] | None, str | None]:
    """Return a JSON object, or why there is none."""
    try:
        answer = http.get(url, JSON, time.monotonic() + SECONDS, LARGEST)
        if answer.status != 200:
            return None, f"status {answer.status}"
        document = msgspec.json.decode(answer.body)
    except OutgoingError as error:
        return None, str(error)
    except (ValueError, RecursionError):
        return None, "no JSON"
    return (document, None) if isinstance(document, dict) else (None, "no JSON object")


def _mend(fault: str | None) -> str:
    return MEND.get((fault or "").partition(" ")[0].rstrip(":"), "")
