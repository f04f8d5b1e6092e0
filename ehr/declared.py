"""Reads what a FHIR server declares that it does with each type of resource: its
CapabilityStatement, kept for half an hour.

Asked without a token, since FHIR has `metadata` open; with it only where a server wants one.
"""

import time
from collections import defaultdict
from typing import Any, NamedTuple

import msgspec

from ehr.http import Outgoing, OutgoingError
from models.reading import lenient
from models.reading.lenient import objects

# Of a large server it is some hundred resource types with all their search parameters.
LARGEST_DOCUMENT = 8 * 1024 * 1024
READ_SECONDS = 6.0
FRESH_SECONDS, FAILED_SECONDS = 1800, 15
CLOSED = (401, 403)


class Kind(NamedTuple):
    """What a server says that it does with a type, in FHIR's words (`create`, `search-type`), and
    whether it creates one only if there is none such yet (FHIR R4, "Conditional create").
    """

    interactions: frozenset[str] = frozenset()
    conditional_create: bool = False

    @property
    def creates(self) -> bool:
        """Tell whether it takes new ones."""
        return "create" in self.interactions


class Declared:
    """What the servers say of themselves; one that can't be read is asked again after 15 s."""

    def __init__(self, http: Outgoing):
        self._http = http
        self._known: dict[str, tuple[float, dict[str, Kind] | None]] = {}

    def kinds(self, base: str, token: str) -> dict[str, Kind] | None:
        """Return what a server that is trusted says, by type; None where it can't be read."""
        now, kept = time.monotonic(), self._known.get(base)
        if not kept or now - kept[0] > (FAILED_SECONDS if kept[1] is None else FRESH_SECONDS):
            kept = self._known[base] = (now, self._read(f"{base.rstrip('/')}/metadata", token))
        return kept[1]

    def _read(self, url: str, token: str) -> dict[str, Kind] | None:
        deadline, wanted = time.monotonic() + READ_SECONDS, {"Accept": "application/fhir+json"}
        try:
            answer = self._http.get(url, wanted, deadline, LARGEST_DOCUMENT)
            if answer.status in CLOSED:
                wanted |= {"Authorization": f"Bearer {token}"}
                answer = self._http.get(url, wanted, deadline, LARGEST_DOCUMENT)
            found = _loaded(answer.body) if answer.status == 200 else None
        except (OutgoingError, ValueError, RecursionError):
            return None
        if not isinstance(found, dict) or found.get("resourceType") != "CapabilityStatement":
            return None
        return declared(found)


def declared(statement: dict[str, Any]) -> dict[str, Kind]:
    """Return what a CapabilityStatement says of each type that it names, as a server."""
    found = defaultdict[str, Kind](Kind)
    for rest in objects(statement.get("rest")):
        for one in objects(rest.get("resource")) if rest.get("mode") == "server" else ():
            before = found[str(one.get("type"))]
            found[str(one.get("type"))] = Kind(
                before.interactions | {str(i.get("code")) for i in objects(one.get("interaction"))},
                before.conditional_create or one.get("conditionalCreate") is True,
            )
    return dict(found)


def _loaded(body: bytes) -> Any:
    """Return the value of a JSON text, by the slow reader only where the fast one does not take
    it: it may be megabytes.
    """
    try:
        return msgspec.json.decode(body)
    except ValueError:
        return lenient.loaded(body)
