"""Creates one resource at an EHR's FHIR server: once, within a deadline, only if there is none of
its identifier yet (FHIR R4, "create" and "Conditional create").
"""

import re
import time
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from ehr.fetch import Fhir
from ehr.http import Answer, OutgoingError
from models.reading import lenient
from models.reading.lenient import objects

WRITE_SECONDS = 10.0
LARGEST_ANSWER = 256 * 1024
GRAVE = ("error", "fatal")
FHIR_ID = r"[A-Za-z0-9\-.]{1,64}"


class Created(NamedTuple):
    """The resource stands in the chart, as `Type/id` where the server says it; `before` tells that
    it did so already.
    """

    place: str | None
    before: bool


class NotCreated(Exception):
    """It does not stand in the chart by us, or `unknown` whether it does; the message is a fixed
    word for audit and logs, `status` the HTTP status where one came.
    """

    def __init__(self, word: str, status: int | None = None, unknown: bool = False):
        super().__init__(word)
        self.status, self.unknown = status, unknown


def create(
    fhir: Fhir, base: str, token: str, resource: dict[str, Any], identifier: tuple[str, str]
) -> Created:
    """Send a resource to a server that is trusted, without a retry. `identifier` is the system and
    value by which it would be found. Raises NotCreated.

    A server that knows no conditional create passes over the condition: whoever calls has to see to
    it that nothing is sent twice.
    """
    if fhir.settings.trusted(base) is None:
        raise NotCreated("server not trusted")
    kind = str(resource["resourceType"])
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/fhir+json",
        "Accept": "application/fhir+json",
        "If-None-Exist": "identifier=" + quote("|".join(identifier), safe=":|"),
        "Prefer": "return=minimal",
    }
    body, deadline = msgspec.json.encode(resource), time.monotonic() + WRITE_SECONDS
    url = f"{base.rstrip('/')}/{kind}"
    try:
        answer = fhir.http.request("POST", url, headers, body, deadline, LARGEST_ANSWER)
    except OutgoingError as error:
        # It may have been taken, and the answer lost.
        raise NotCreated(str(error), unknown=True) from None
    _check(answer, kind)
    return Created(_place(answer, kind), answer.status != 201)


def _check(answer: Answer, kind: str) -> None:
    """Raise NotCreated unless the answer says that the resource stands in the chart: 201 by us, 200
    as one that it found.
    """
    word, status = f"status {answer.status}", answer.status
    if status == 201:
        return
    if status == 200 and answer.body.strip():
        # A proxy's page to sign in is 200 too, and so is an error of some servers.
        found = _resource(answer)
        if found.get("resourceType") not in (kind, "OperationOutcome"):
            raise NotCreated(f"{word} with something else", status, unknown=True)
        if any(issue.get("severity") in GRAVE for issue in objects(found.get("issue"))):
            raise NotCreated(f"{word} with an error", status, unknown=True)
    elif status != 200:
        # It may come later (202), stand there several times (412), or the answer was lost.
        unknown = status < 300 or status == 412 or status >= 500
        raise NotCreated(word, status, unknown)


def _place(answer: Answer, kind: str) -> str | None:
    named = rf"(?:^|/)({kind}/{FHIR_ID})(?:/_history/.*)?$"
    for header in ("Location", "Content-Location"):
        if found := re.search(named, answer.headers.get(header, "")):
            return found[1]
    resource = _resource(answer)
    name = resource.get("id") if resource.get("resourceType") == kind else None
    known = isinstance(name, str) and re.fullmatch(FHIR_ID, name)
    return f"{kind}/{name}" if known else None


def _resource(answer: Answer) -> dict[str, Any]:
    """Return the resource of an answer; empty where there is none that can be read."""
    try:
        found = lenient.loaded(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
