"""Turns a session into the patient's record: fhirclient reads by the same queries as the hook, page
by page (SMART-38..41).

A part that can't be read is said in `problems` and never silently imputed.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
import requests
from fhirclient.server import (
    FHIRNotFoundException,
    FHIRPermissionDeniedException,
    FHIRServer,
    FHIRUnauthorizedException,
)

from ehr.fetch import inside
from models.patient.fhir import Document, FhirError, parse
from models.patient.queries import searches
from models.patient.readings import LOOK_BACK, Chart, WrongPatient, read_chart
from smartapp.connection import bind
from smartapp.problems import TokenRefused, WrongChart
from smartapp.scopes import readable
from smartapp.session import Session

MOST_PAGES = 10
NAMES = {
    "patient": "the patient's name and birth date",
    "vitals": "vital signs",
    "labs": "laboratory values",
}
# fhirclient logs URLs, and a URL holds the patient's id (F9).
logging.getLogger("fhirclient").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Person:
    """Who the page is about; None is said as not available."""

    name: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    mrn: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What the EHR gave: the person, the chart, and a sentence for each part that it did not
    give.
    """

    person: Person
    chart: Chart
    problems: tuple[str, ...]


class _Bearer:
    """What FHIRServer asks of an auth object: headers with the token, nothing else of its OAuth."""

    def __init__(self, token: str):
        self._token = token

    def can_sign_headers(self) -> bool:
        return True

    def signed_headers(self, headers: dict[str, str]) -> dict[str, str]:
        return headers | {"Authorization": f"Bearer {self._token}"}


def read_record(session: Session, at: datetime, profile: str) -> Record:
    """Read the session's patient up to `at`. Raises TokenRefused, or WrongChart on another
    patient.
    """
    server = _server(session)
    problems: list[str] = []
    documents = []
    person = Person()
    with server.session:
        for name, query in searches(session.patient, at - LOOK_BACK, profile).items():
            if query.split("?")[0].split("/")[0] not in readable(session.scope):
                problems.append(
                    f"The EHR did not grant access to {NAMES[name]}, so it is missing here."
                )
                continue
            for page, document in _pages(server, query, name, problems):
                documents.append(document)
                person = _person(page) if name == "patient" else person
    return Record(person, _chart(documents, session.patient, at), tuple(problems))


def _server(session: Session) -> FHIRServer:
    server = FHIRServer(None, session.iss)
    server.auth = _Bearer(session.access_token)
    base = session.iss.rstrip("/")
    # A `next` link to another origin would carry the token there (SMART-39).
    server.session = bind(requests.Session(), lambda url: inside(url, base))
    return server


def _pages(
    server: FHIRServer, query: str, name: str, problems: list[str]
) -> Iterable[tuple[bytes, Document]]:
    """Yield the pages of one search until the last, a failure or the limit; a failure becomes a
    problem.
    """
    following: str | None = query
    for _ in range(MOST_PAGES):
        try:
            page = server.request_data(following)
            document = parse(page)
        except FHIRUnauthorizedException:
            raise TokenRefused("token refused by the FHIR server") from None
        except (
            FHIRPermissionDeniedException,
            FHIRNotFoundException,
            requests.RequestException,
            FhirError,
        ) as error:
            problems.append(_sentence(error, name))
            return
        if document.outcome:
            problems.append(
                f"The EHR answered with an error instead of {NAMES[name]}; they may be missing "
                "or incomplete here."
            )
        yield page, document
        following = document.next
        if following is None:
            return
    problems.append(
        f"The EHR holds more {NAMES[name]} than are read here; the oldest are left out."
    )


def _sentence(error: Exception, name: str) -> str:
    if isinstance(error, FHIRPermissionDeniedException):
        return f"The EHR does not let you read {NAMES[name]} (403), so they are missing here."
    if isinstance(error, FHIRNotFoundException):
        return f"The EHR has no such address for {NAMES[name]} (404), so they are missing here."
    status = (
        f" ({error.response.status_code})" if getattr(error, "response", None) is not None else ""
    )
    return (
        f"The EHR could not give {NAMES[name]} in time{status}, so they are missing or "
        "incomplete here."
    )


def _chart(documents: list[Document], patient: str, at: datetime) -> Chart:
    resources = [resource for document in documents for resource in document.resources]
    try:
        return read_chart(resources, patient, at, sum(document.malformed for document in documents))
    except WrongPatient:
        raise WrongChart("the EHR answered with another patient") from None


def _person(page: bytes) -> Person:
    """Read the banner from a Patient resource, tolerant of any shape."""
    patient = msgspec.json.decode(page)
    if patient.get("resourceType") != "Patient":
        return Person()
    born, sex = _text(patient, "birthDate"), _text(patient, "gender")
    return Person(_name(_dicts(patient, "name")), born, sex, _mrn(_dicts(patient, "identifier")))


def _name(names: list[dict]) -> str | None:
    """Return the official or usual name as "family, given"; old and nick names come last."""
    order = {"official": 0, "usual": 1, None: 2}
    for name in sorted(names, key=lambda n: order.get(_text(n, "use"), 3)):
        given = name.get("given")
        first = (
            " ".join(part for part in given if isinstance(part, str))
            if isinstance(given, list)
            else ""
        )
        full = ", ".join(part for part in (_text(name, "family"), first) if part) or _text(
            name, "text"
        )
        if full:
            return full[:200]
    return None


def _mrn(identifiers: list[dict]) -> str | None:
    """Return the identifier of type MR (v2 table 0203); another number is never passed off as
    it.
    """
    for identifier in identifiers:
        kind = identifier.get("type")
        codes = (
            [coding.get("code") for coding in _dicts(kind, "coding")]
            if isinstance(kind, dict)
            else []
        )
        if "MR" in codes and _text(identifier, "value"):
            return _text(identifier, "value")[:64]
    return None


def _dicts(resource: dict, name: str) -> list[dict]:
    value = resource.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(resource: dict, name: str) -> str | None:
    value = resource.get(name)
    return value if isinstance(value, str) and value else None
