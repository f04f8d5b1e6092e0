"""Turns what was prefetched, and what can still be fetched in time, into one set of resources
(R43-R54, B4).

`null` and an empty search mean "known to be none" and are never asked again; an OperationOutcome
means "can't be had".
"""

from dataclasses import dataclass, field
from datetime import datetime

from cdshooks.hooks import HookRequest
from ehr.fetch import Fetch, FetchError, Fhir
from models.patient.fhir import Document, FhirError, Resource, parse
from models.patient.queries import COUNTS, searches
from models.patient.readings import LOOK_BACK
from runtime.settings import Ehr
from runtime.web import PreconditionFailed

WANTED = {"patient": "Patient", "vitals": "Observation", "labs": "Observation"}
# How a key's data came, for the audit; with the last four there is nothing.
KNOWN = {"prefetched", "fetched", "none"}
BUDGET_SECONDS = 0.8


@dataclass
class Collected:
    """What is known: resources, entries that could not be read, and for each prefetch key how it
    came.
    """

    resources: list[Resource] = field(default_factory=list)
    malformed: int = 0
    states: dict[str, str] = field(default_factory=dict)
    degraded: list[str] = field(default_factory=list)

    @property
    def unavailable(self) -> tuple[str, ...]:
        """Return the keys of which nothing is known."""
        return tuple(key for key, state in self.states.items() if state not in KNOWN)


def complete(request: HookRequest, ehr: Ehr, fhir: Fhir, at: datetime) -> Collected:
    """Collect the data of a call: prefetched values first, the missing ones from the FHIR server
    inside its budget.

    Raises PreconditionFailed when no observations could be had in any way (R51).
    """
    collected = Collected()
    documents = {key: _prefetched(request, key, collected.states) for key in WANTED}
    ask = {key for key, state in collected.states.items() if state in {"absent", "garbage"}}
    if ask or any(_wants_more(key, documents[key]) for key in COUNTS):
        _fetch(request, ehr, fhir, at, documents, ask, collected)
    for document in filter(None, documents.values()):
        collected.resources += document.resources
        collected.malformed += document.malformed
    if not any(collected.states[key] in KNOWN for key in COUNTS):
        raise PreconditionFailed(
            "Vital signs and laboratory results were not prefetched and could not be read from "
            "the FHIR server."
        )
    return collected


def _prefetched(request: HookRequest, key: str, states: dict[str, str]) -> Document | None:
    raw = (request.prefetch or {}).get(key)
    if raw is None:
        states[key] = "absent"
        return None
    try:
        document = None if bytes(memoryview(raw)[:4]) == b"null" else parse(raw)
    except FhirError:
        states[key] = "garbage"
        return None
    states[key] = "none" if document is None else _state(key, document, "prefetched")
    return document if states[key] in KNOWN else None


def _state(key: str, document: Document, good: str) -> str:
    """Name what came under a key: data, known to be none, an error, or something else."""
    kinds = {resource.resourceType for resource in document.resources}
    if WANTED[key] in kinds:
        return good
    if document.outcome:
        return "outcome"
    return "garbage" if document.malformed or kinds - {"OperationOutcome"} else "none"


def _wants_more(key: str, document: Document | None) -> bool:
    return (
        document is not None and document.next is not None and len(document.resources) < COUNTS[key]
    )


def _fetch(
    request: HookRequest,
    ehr: Ehr,
    fhir: Fhir,
    at: datetime,
    documents: dict[str, Document | None],
    ask: set[str],
    collected: Collected,
) -> None:
    fetch = _start(request, ehr, fhir, collected)
    if fetch is None:
        return
    queries = searches(request.context.patientId, at - LOOK_BACK, ehr.profile)
    found = fetch.get_all({key: queries[key] for key in WANTED if key in ask})
    for key, answer in found.items():
        documents[key] = _fetched(key, answer, collected)
    for key in COUNTS:
        documents[key] = _next_pages(key, queries[key], documents[key], fetch, collected)


def _start(request: HookRequest, ehr: Ehr, fhir: Fhir, collected: Collected) -> Fetch | None:
    # Without a token only a server that needs none is asked, which is what an open EHR is.
    if request.fhirServer is None or (request.token is None and ehr.hook_auth != "open"):
        return None
    try:
        return fhir.start(request.fhirServer, request.token, BUDGET_SECONDS)
    except FetchError as error:
        collected.degraded.append(f"fhir: {error}")
        return None


def _fetched(key: str, answer: bytes | FetchError, collected: Collected) -> Document | None:
    if isinstance(answer, FetchError):
        collected.states[key] = "failed"
        collected.degraded.append(f"{key}: {answer}")
        return None
    try:
        document = parse(answer)
    except FhirError:
        collected.states[key] = "garbage"
        return None
    collected.states[key] = _state(key, document, "fetched")
    return document if collected.states[key] in KNOWN else None


def _next_pages(
    key: str, query: str, document: Document | None, fetch: Fetch, collected: Collected
) -> Document | None:
    """Follow `next` while fewer observations came than the template asks for (R53); keep what
    there is at a failure.
    """
    while document is not None and _wants_more(key, document):
        try:
            query, body = fetch.follow(query, document.next or "")
            page = parse(body)
        except (FetchError, FhirError) as error:
            collected.degraded.append(
                f"{key}: next page, {error if isinstance(error, FetchError) else 'garbage'}"
            )
            return document
        document = Document(
            document.resources + page.resources, page.next, document.malformed + page.malformed
        )
    return document
