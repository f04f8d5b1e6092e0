"""Reads what a FHIR server declares that it creates: its CapabilityStatement, kept for half an
hour.

Asked without a token: FHIR has `metadata` open, and a token goes only where it is needed.
"""

import time
from typing import Any, NamedTuple

import msgspec

from ehr.http import Outgoing, OutgoingError
from models.reading.lenient import objects

# Of a large server it is some hundred resource types with all their search parameters.
LARGEST_DOCUMENT = 8 * 1024 * 1024
READ_SECONDS = 6.0
FRESH_SECONDS, FAILED_SECONDS = 1800, 15


class Creates(NamedTuple):
    """Whether a server says that it creates a type of resource, and that it does so only if there
    is none such yet (FHIR R4, "Conditional create").
    """

    plain: bool
    conditional: bool


class Declared:
    """What the servers say of themselves; one that can't be read is asked again after 15 s."""

    def __init__(self, http: Outgoing):
        self._http = http
        self._known: dict[str, tuple[float, dict[str, Creates] | None]] = {}

    def creates(self, base: str, kind: str) -> Creates | None:
        """Return what a server that is trusted says of a type; None where it can't be read."""
        now, kept = time.monotonic(), self._known.get(base)
        if not kept or now - kept[0] > (FAILED_SECONDS if kept[1] is None else FRESH_SECONDS):
            kept = self._known[base] = (now, self._read(f"{base.rstrip('/')}/metadata"))
        return None if kept[1] is None else kept[1].get(kind, Creates(False, False))

    def _read(self, url: str) -> dict[str, Creates] | None:
        deadline, wanted = time.monotonic() + READ_SECONDS, {"Accept": "application/fhir+json"}
        try:
            answer = self._http.get(url, wanted, deadline, LARGEST_DOCUMENT)
            found = msgspec.json.decode(answer.body) if answer.status == 200 else None
        except (OutgoingError, msgspec.DecodeError, RecursionError):
            return None
        if not isinstance(found, dict) or found.get("resourceType") != "CapabilityStatement":
            return None
        return {
            str(one.get("type")): _creates(one)
            for rest in objects(found.get("rest"))
            if rest.get("mode") == "server"
            for one in objects(rest.get("resource"))
        }


def _creates(declared: dict[str, Any]) -> Creates:
    plain = any(one.get("code") == "create" for one in objects(declared.get("interaction")))
    return Creates(plain, plain and declared.get("conditionalCreate") is True)
