"""Reads the names of the patients of a list, where the grant is the user's and not one patient's:
several at once, within one deadline. Who can't be read stays an id.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ehr.fetch import Fetch, FetchError, Fhir
from models.reading import lenient
from smartapp.launching.scopes import by_user, kinds_of
from smartapp.record import Person, person
from smartapp.session import Session

AT_ONCE = 8
SECONDS = 4.0


def names_of(session: Session, patients: Sequence[str], fhir: Fhir) -> dict[str, Person]:
    """Return who some patients are, by id; nobody without a `user/` grant to read Patient."""
    if not patients or not kinds_of(by_user(session.scope), {"Patient"}):
        return {}
    try:
        # One each: a Fetch reads so many documents of one call. All end at the same time.
        fetches = [fhir.start(session.iss, session.access_token, SECONDS) for _ in patients]
    except FetchError:
        return {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = zip(patients, pool.map(_read, fetches, patients), strict=True)
    return {patient: one for patient, one in found if one}


def _read(fetch: Fetch, patient: str) -> Person | None:
    try:
        document = fetch.read(f"Patient/{patient}").body
        same = lenient.loaded(document).get("id") == patient
    except (FetchError, ValueError, RecursionError, AttributeError):
        return None
    return person(document) if same else None
