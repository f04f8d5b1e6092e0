"""Finds the lists of patients that an EHR gives its user: Groups, as the Argonaut project's Patient
Lists, and Lists, as Epic's.

Which of both is asked for says the server's CapabilityStatement, or `patient_lists` of the EHR's
record, since some servers want to be asked for one list by its number.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from ehr.declared import Declared, Kind
from ehr.fetch import Fetch, FetchError, Fhir, Page
from models.reading import lenient
from models.reading.fhir import Document, FhirError, parse
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
# Of what type a reference is, absolute or relative.
TYPE = re.compile(r"(?:.*/)?(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/.*)?")
# A member of these may stand for patients; one of another type does not.
OF_PATIENTS = {"Patient", "Group", "List"}


class EhrList(msgspec.Struct, frozen=True):
    """One list; `number` of its patients is None where the server does not say."""

    kind: str
    id: str
    name: str
    number: int | None = None


class Offered(NamedTuple):
    """Lists of a user; `more` says why there may be others, empty where these are all."""

    lists: list[EhrList]
    more: str = ""


class Members(NamedTuple):
    """The ids of a list's patients, at most MOST_MEMBERS of `total`; `unknown` counts the entries
    that may be patients and name none of this server.
    """

    patients: list[str]
    total: int
    unknown: int


class Unlisted(Exception):
    """The server gave no list; the message is fit for the page and for logs."""


def offered(session: Session) -> list[str]:
    """Return the kinds of lists whose patients' charts the user's grant opens; none without one."""
    granted = by_user(session.scope)
    return sorted(kinds_of(granted, SEARCHES)) if kinds_of(granted, NEEDED) == NEEDED else []


def lists(session: Session, ehr: Ehr, fhir: Fhir, declared: Declared) -> Offered:
    """Return the lists that the user may read. Raises Unlisted, TokenRefused."""
    queries, read, failed = _queries(session, ehr, declared), [], []
    for query in queries:
        try:
            fetch = fhir.start(session.iss, session.access_token, SECONDS / len(queries))
            read.append(_search(fetch, query))
        except FetchError as error:
            failed.append(error)
    if failed and (not read or any(error.status == 401 for error in failed)):
        raise _why(next((error for error in failed if error.status == 401), failed[0]))
    unique = {(one.kind, one.id): one for part in read for one in part.lists}
    ordered = sorted(unique.values(), key=lambda one: one.name.casefold())
    more = [part.more for part in read if part.more] + [str(error) for error in failed]
    if len(ordered) > MOST_LISTS:
        more.append(f"these are the first {MOST_LISTS} of {len(ordered)}")
    return Offered(ordered[:MOST_LISTS], "; ".join(more))


def _queries(session: Session, ehr: Ehr, declared: Declared) -> list[str]:
    """Return what to ask for: what the record says, else the kinds that the server says can be
    searched for.
    """
    kinds = offered(session)
    given = [one for one in ehr.patient_lists if one.partition("?")[0] in kinds]
    if given:
        return given
    known = {} if ehr.patient_lists else declared.kinds(session.iss, session.access_token)
    if known is None:
        raise Unlisted("what the EHR's server offers could not be read")
    able = [one for one in kinds if "search-type" in known.get(one, Kind()).interactions]
    return [SEARCHES[one] for one in (kinds if ehr.patient_lists else able)]


def members(session: Session, of: EhrList, fhir: Fhir) -> Members:
    """Return who is on a list. Raises Unlisted, TokenRefused."""
    try:
        fetch = fhir.start(session.iss, session.access_token, SECONDS)
        document = _loaded(fetch.read(f"{of.kind}/{of.id}"))
    except FetchError as error:
        raise _why(error) from None
    if document.get("resourceType") != of.kind:
        raise Unlisted("no such list came")
    named = list(_patients(document, session.iss))
    found = list(dict.fromkeys(one for one in named if one))
    return Members(found[:MOST_MEMBERS], len(found), named.count(None))


def _why(error: FetchError) -> Unlisted | TokenRefused:
    if error.status == 401:
        return TokenRefused("token refused by the FHIR server")
    return Unlisted(str(error))


def _patients(document: dict[str, Any], iss: str) -> Iterator[str | None]:
    """Yield the patient of each entry that counts; None where it may be one and names none here."""
    group = document["resourceType"] == "Group"
    member, item, gone = ("member", "entity", "inactive") if group else ("entry", "item", "deleted")
    entries = document.get(member)
    for one in entries if isinstance(entries, list) else ():
        entry = one if isinstance(one, dict) else {}
        if entry.get(gone) is True:
            continue
        reference = entry.get(item)
        reference = reference if isinstance(reference, dict) else {}
        named = reference.get("reference")
        # A reference as it stands in a list always says its type.
        patient = in_context(named, "Patient", iss) if "/" in str(named) else None
        if patient or _type(reference) in OF_PATIENTS:
            yield patient


def _type(reference: dict[str, Any]) -> str:
    """Return the type of what a reference is to; that of a patient where it does not say."""
    found = TYPE.fullmatch(str(reference.get("reference")))
    return found["type"] if found else str(reference.get("type") or "Patient")


def _search(fetch: Fetch, query: str) -> Offered:
    """Read a search to its end, as far as that goes."""
    kind, page = query.partition("?")[0], fetch.read(query)
    bundle, known = _bundle(page)
    found = list(_named(bundle, kind))
    try:
        while known.next is not None and not known.outcome:
            page = fetch.follow(page.url, known.next)
            bundle, known = _bundle(page)
            found += _named(bundle, kind)
    except FetchError as error:
        if error.status == 401:
            raise
        return Offered(found, f"next page: {error}")
    return Offered(found, "the EHR reports an error in place of some" if known.outcome else "")


def _bundle(page: Page) -> tuple[dict[str, Any], Document]:
    bundle = _loaded(page)
    if bundle.get("resourceType") != "Bundle":
        raise FetchError("no answer to a search came")
    try:
        return bundle, parse(bundle)
    except FhirError:
        raise FetchError("garbage") from None


def _named(bundle: dict[str, Any], kind: str) -> Iterator[EhrList]:
    for entry in lenient.objects(bundle.get("entry")):
        found: Any = entry.get("resource")
        if _is_list(found, kind):
            name = found.get("name" if kind == "Group" else "title")
            yield EhrList(
                kind,
                found["id"],
                (name if isinstance(name, str) and name.strip() else kind)[:LONGEST_NAME],
                _number(found.get("quantity") if kind == "Group" else found.get("entry")),
            )


def _loaded(page: Page) -> dict[str, Any]:
    try:
        found = lenient.loaded(page.body)
    except (ValueError, RecursionError):
        raise FetchError("garbage") from None
    return found if isinstance(found, dict) else {}


def _number(said: object) -> int | None:
    """Return how many patients a list says it has, or shows."""
    if isinstance(said, list):
        return len(said)
    # A bool is an int in Python.
    return said if type(said) is int and said >= 0 else None


def _is_list(value: object, kind: str) -> bool:
    return (
        isinstance(value, dict)
        and value.get("resourceType") == kind
        and FHIR_ID.fullmatch(str(value.get("id"))) is not None
    )
