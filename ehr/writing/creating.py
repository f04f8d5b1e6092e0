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

WRITE_SECONDS = 10.0
LARGEST_ANSWER = 256 * 1024
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
    if answer.status >= 500:
        raise NotCreated(f"status {answer.status}", answer.status, unknown=True)
    # 412 is what a server says that found several.
    if answer.status not in (200, 201, 412):
        raise NotCreated(f"status {answer.status}", answer.status)
    return Created(_place(answer, kind), answer.status != 201)


def _place(answer: Answer, kind: str) -> str | None:
    named = rf"(?:^|/)({kind}/{FHIR_ID})(?:/_history/.*)?$"
    for header in ("Location", "Content-Location"):
        if found := re.search(named, answer.headers.get(header, "")):
            return found[1]
    try:
        body = msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        return None
    own = isinstance(body, dict) and body.get("resourceType") == kind
    name = body.get("id") if own else None
    known = isinstance(name, str) and re.fullmatch(FHIR_ID, name)
    return f"{kind}/{name}" if known else None
