"""Finds the lists of patients that an EHR gives its user: Groups, as the Argonaut project's Patient
Lists, and Lists, as Epic's.

Which of both is asked for says the server's CapabilityStatement, or `patient_lists` of the EHR's
record, since some servers want to be asked for one list by its number.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ehr.fetch import Fetch, FetchError, Fhir
from models.reading import lenient
from runtime.settings import Ehr
from smartapp.launching.context import FHIR_ID, in_context
from smartapp.launching.scopes import by_user, kinds_of
from smartapp.problems import TokenRefused
from smartapp.session import Session

SECONDS = 10.0
# Discovery leaves the members out, which may be thousands.
SEARCHES = {"Group": "Group?type=person&_summary=true", "List": "List?code=patients"}
MOST_LISTS, MOST_MEMBERS, LONGEST_NAME = 50, 500, 80
NEEDED = {"Patient", "Observation"}


class EhrList(msgspec.Struct, frozen=True):
    """One list; `number` of its patients is None where the server does not say."""

    kind: str
    id: str
    name: str
    number: int | None = None


class Unlisted(Exception):
    """The server gave no list; the message is fit for the page and for logs."""


def offered(session: Session) -> list[str]:
    """Return the kinds of lists whose patients' charts the user's grant opens; none without one."""
    granted = by_user(session.scope)
    return sorted(kinds_of(granted, SEARCHES)) if kinds_of(granted, NEEDED) == NEEDED else []


def lists(session: Session, ehr: Ehr, fhir: Fhir) -> list[EhrList]:
    """Return the lists that the user may read. Raises Unlisted, TokenRefused."""
    kinds = offered(session)
    try:
        fetch = fhir.start(session.iss, session.access_token, SECONDS)
        given = [one for one in ehr.patient_lists if one.partition("?")[0] in kinds]
        declared = kinds if ehr.patient_lists else _declared(fetch)
        queries = given or [SEARCHES[kind] for kind in kinds if kind in declared]
        found = [one for query in queries for one in _search(fetch, query)]
    except FetchError as error:
        raise _why(error) from None
    unique = {(one.kind, one.id): one for one in found}
    return sorted(unique.values(), key=lambda one: one.name.casefold())[:MOST_LISTS]


def members(session: Session, of: EhrList, fhir: Fhir) -> tuple[list[str], int]:
    """Return the ids of a list's patients, at most MOST_MEMBERS, and how many there are. Raises
    Unlisted, TokenRefused.
    """
    try:
        fetch = fhir.start(session.iss, session.access_token, SECONDS)
        document = _document(fetch, f"{of.kind}/{of.id}")
    except FetchError as error:
        raise _why(error) from None
    if document.get("resourceType") != of.kind:
        raise Unlisted("no such list came")
    found = list(dict.fromkeys(_patients(document, session.iss)))
    return found[:MOST_MEMBERS], len(found)


def _why(error: FetchError) -> Unlisted | TokenRefused:
    if error.status == 401:
        return TokenRefused("token refused by the FHIR server")
    return Unlisted(str(error))


def _patients(document: dict[str, Any], iss: str) -> Iterator[str]:
    group = document["resourceType"] == "Group"
    member, item, gone = ("member", "entity", "inactive") if group else ("entry", "item", "deleted")
    for one in lenient.objects(document.get(member)):
        reference = one.get(item)
        named = reference.get("reference") if isinstance(reference, dict) else None
        # A reference as it stands in a list always says its type.
        patient = in_context(named, "Patient", iss) if "/" in str(named) else None
        if patient and one.get(gone) is not True:
            yield patient


def _search(fetch: Fetch, query: str) -> Iterator[EhrList]:
    kind = query.partition("?")[0]
    for entry in lenient.objects(_document(fetch, query).get("entry")):
        found: Any = entry.get("resource")
        if _is_list(found, kind):
            name = found.get("name" if kind == "Group" else "title")
            number = found.get("quantity") if kind == "Group" else _length(found.get("entry"))
            yield EhrList(
                kind,
                found["id"],
                (name if isinstance(name, str) and name.strip() else kind)[:LONGEST_NAME],
                number if isinstance(number, int) else None,
            )


def _declared(fetch: Fetch) -> set[str]:
    """Return the kinds that the server says can be searched for."""
    rest = lenient.objects(_document(fetch, "metadata").get("rest"))
    resources = [one for part in rest for one in lenient.objects(part.get("resource"))]
    return {
        str(one.get("type"))
        for one in resources
        if any(way.get("code") == "search-type" for way in lenient.objects(one.get("interaction")))
    }


def _document(fetch: Fetch, query: str) -> dict[str, Any]:
    try:
        found = lenient.loaded(fetch.read(query).body)
    except (ValueError, RecursionError):
        raise FetchError("garbage") from None
    return found if isinstance(found, dict) else {}


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, list) else None


def _is_list(value: object, kind: str) -> bool:
    return (
        isinstance(value, dict)
        and value.get("resourceType") == kind
        and FHIR_ID.fullmatch(str(value.get("id"))) is not None
    )
