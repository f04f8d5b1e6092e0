"""Calls Vigil from outside, at its public_url, as an EHR would: through the proxy, without trust.

A call that must be refused proves the road: our own 401 came back, the audit log says why, and so
that the proxy passed the header, the path and a large body on.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ehr.checks.finding import Finding
from ehr.checks.servers import Servers, mend
from ehr.http import Answer, OutgoingError
from runtime.audit.log import Audit
from runtime.settings import Ehr, Settings

LATEST = 50
# As long as a hook's token may be, nearly: no JWT, so it is refused as `malformed`.
LONG_TOKEN = "doctor" * 1200
BODY = {"Content-Type": "application/json"}


class Endpoint(NamedTuple):
    """A service that discovery lists: its address, and the hook it answers."""

    url: str
    hook: str


def outside(
    place: Endpoint, settings: Settings, servers: Servers, audit: Audit | None
) -> Iterator[Finding]:
    """Yield what a client sees at our public address."""
    yield Finding("ok", f"{settings.public_url}/cds-services: answers, and lists {place.url}.")
    yield from _refused(place, servers, audit)
    yield from _large(place, settings, servers)


def discovered(settings: Settings, servers: Servers) -> Endpoint | Finding:
    """Return the first service of our discovery document, or why there is none."""
    url = f"{settings.public_url}/cds-services"
    members, fault = servers.get(url)
    try:
        service = (members or {})["services"][0]
        return Endpoint(f"{url}/{service['id']}", service["hook"])
    except (KeyError, IndexError, TypeError):
        return Finding(
            "note",
            f"{url}: {fault or 'no services'}.",
            "Is Vigil running? Behind a proxy it may answer to others and not to this host. "
            f"{mend(fault)}".rstrip(),
        )


def refusal(answer: Answer, audit: Audit | None) -> dict[str, Any] | None:
    """Return the audit record of a refused call by the request id that its answer has."""
    request_id = answer.headers.get("X-Request-Id")
    records = audit.records(LATEST, "refusal") if audit and request_id else ()
    return next((one for one in records if one.get("request_id") == request_id), None)


def _refused(place: Endpoint, servers: Servers, audit: Audit | None) -> Iterator[Finding]:
    token = {"Authorization": "Bearer doctor"}
    try:
        answer = servers.ask("POST", place.url, token | BODY, b"{}")
    except OutgoingError as error:
        yield Finding("wrong", f"{place.url}: {error}.", mend(str(error)))
        return
    if answer.status == 400 and _ours(answer):
        yield Finding(
            "note",
            f"{place.url}: takes calls without a token, as an open record lets it; whether "
            "Authorization comes through was not seen.",
        )
        return
    if answer.status not in (401, 429) or not _ours(answer):
        yield Finding(
            "wrong",
            f"{place.url}: a call that must get our 401 got {answer.status}.",
            "Something before Vigil answers, or has changed path or method: look at the proxy.",
        )
        return
    found = refusal(answer, audit)
    if found is None:
        yield Finding(
            "note",
            f"{place.url}: refuses a call without trust; no record here says why.",
            "Another host's Vigil answered, or too many calls were refused this minute.",
        )
    elif found["reason"] == "no token":
        yield Finding(
            "wrong",
            f"{place.url}: the header Authorization did not arrive.",
            "Let the proxy pass it on; no call of an EHR can be answered without.",
        )
    else:
        yield Finding(
            "ok", f"{place.url}: refuses a false token, which came through as it was sent."
        )


def _large(place: Endpoint, settings: Settings, servers: Servers) -> Iterator[Finding]:
    token = {"Authorization": f"Bearer {LONG_TOKEN}"}
    size = settings.max_body_bytes - 1024
    named = f"{place.url}: a token of {len(LONG_TOKEN)} bytes with a body of {size} bytes"
    try:
        answer = servers.ask("POST", place.url, token | BODY, b" " * size)
    except OutgoingError as error:
        yield Finding("note", f"{named}: {error}.", mend(str(error)))
        return
    if _ours(answer):
        yield Finding("ok", f"{named} comes through.")
    elif answer.status == 413:
        text = f"{named} is refused on the way (413)."
        yield Finding("wrong", text, "Set the proxy's client_max_body_size to max_body_bytes.")
    else:
        text = f"{named} is answered {answer.status} on the way."
        yield Finding("wrong", text, "Let the proxy take headers of 16 kB and such a body.")


def _ours(answer: Answer) -> bool:
    """Tell whether Vigil itself answered: its errors are OperationOutcomes with a request id."""
    return "X-Request-Id" in answer.headers and b"OperationOutcome" in answer.body


def framing(ehr: Ehr, settings: Settings, servers: Servers) -> Iterator[Finding]:
    """Yield whether the EHR's pages may frame ours, as a browser would be told."""
    if not ehr.smart_client_id or not ehr.frame_ancestors:
        return
    url = f"{settings.public_url}/model-card"
    try:
        headers = servers.ask("GET", url, {"Accept": "text/html"}).headers
    except OutgoingError:
        return
    policies = [part.split() for part in headers.get("Content-Security-Policy", "").split(";")]
    allowed = {word for part in policies if part[:1] == ["frame-ancestors"] for word in part[1:]}
    lacking = set(ehr.frame_ancestors) - allowed
    if lacking:
        text = f"frames: our pages do not let {', '.join(sorted(lacking))} frame them."
        yield Finding("wrong", text, "Restart Vigil, and let the proxy pass our policy on.")
    if headers.get("X-Frame-Options"):
        text = "frames: an X-Frame-Options came with our page, which may forbid the frame."
        yield Finding("wrong", text, "Let the proxy set none.")
    if not lacking and not headers.get("X-Frame-Options"):
        yield Finding("ok", f"frames: {', '.join(ehr.frame_ancestors)} may frame our pages.")
