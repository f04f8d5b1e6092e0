"""Reads a chart in one way for both services: what was prefetched, then what the EHR gives in time.

The result says of each part whether it is whole, cut, failed, not granted or absent, so that "could
not be read" is never told as "not in the chart". `null` and an empty search mean "known to be none"
and are never asked again; neither is an OperationOutcome, which means "can't be had" (R43-R54, B4,
SMART-40).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec

from ehr.fetch import Fetch, FetchError
from ehr.pages import Pages
from models.patient.chart import Chart, PartState
from models.patient.coverage import COVERED
from models.reading.fhir import FhirError, Resource, parse
from models.reading.queries import searches
from models.reading.reader import LOOK_BACK, read_chart
from models.reading.trace import Fate
from runtime.vendors.profiles import Profile

Buffer = bytes | msgspec.Raw
TYPES = {"patient": "Patient", "vitals": "Observation", "labs": "Observation"}
OBSERVED = ("vitals", "labs")
FORBIDDEN = 403
# Fixed words for audit. What is unreadable is asked for anew, an error in its place is not (R48).
UNREADABLE, OUTCOME = "unreadable", "error in its place"


@dataclass(frozen=True, slots=True)
class Collected:
    """What is known of a chart: resources, entries that could not be read, each part's state.

    `patient` is the Patient as it came, for the banner; None where there is none.
    """

    resources: tuple[Resource, ...]
    malformed: int
    parts: dict[str, PartState]
    patient: bytes | None

    @property
    def unobserved(self) -> bool:
        """Tell whether neither vital signs nor laboratory results could be had in any way (R51)."""
        return all(self.parts[name].state not in {"whole", "cut"} for name in OBSERVED)

    def refused(self, status: int) -> bool:
        """Tell whether the server answered a part with this status."""
        return any(part.why == f"status {status}" for part in self.parts.values())

    def chart(
        self,
        patient_id: str,
        at: datetime,
        bases: Collection[str],
        trace: list[Fate] | None = None,
    ) -> Chart:
        """Return what counts of it at `at` (aware UTC); `bases` are the FHIR addresses of its EHR,
        `trace` is filled with what became of each Observation.

        Raises WrongPatient.
        """
        return read_chart(
            self.resources, patient_id, at, self.malformed, LOOK_BACK, self.parts, bases, trace
        )


@dataclass(frozen=True, slots=True)
class _Read:
    """One part: its pages, or why there are none."""

    pages: Pages | None
    part: PartState
    raw: bytes | None = None


def collect(
    patient_id: str,
    at: datetime,
    prefetched: Mapping[str, Buffer],
    fetch: Fetch | None,
    profile: Profile,
    granted: Collection[str] | None = None,
    covered: Mapping[str, timedelta] = COVERED,
) -> Collected:
    """Collect a patient's chart as it stands at `at` (aware UTC).

    `prefetched` holds the JSON that came by part; `fetch` is None where nobody can be asked.
    `profile` says how its server may be asked. `granted` names the parts that the token may read,
    None where it does not say. `covered` is how far back each part is read at least, if
    the server has it and time allows.
    """
    queries = searches(patient_id, at - LOOK_BACK, profile.sorted, profile.page_size)
    jobs = {
        name: partial(_read, name, queries[name], prefetched.get(name), reach, at, covered)
        for name, reach in ((n, _allowed(n, fetch, granted)) for n in TYPES)
    }
    found = fetch.gather(jobs) if fetch else {name: job() for name, job in jobs.items()}
    pages = [read.pages for read in found.values() if read.pages]
    return Collected(
        tuple(resource for page in pages for resource in page.resources),
        sum(page.malformed for page in pages),
        {name: read.part for name, read in found.items()},
        found["patient"].raw,
    )


def _allowed(name: str, fetch: Fetch | None, granted: Collection[str] | None) -> Fetch | str:
    """Return whom to ask for a part, or the state that it has if nobody can be asked."""
    if fetch is None:
        return "absent"
    return fetch if granted is None or name in granted else "not granted"


def _read(
    name: str,
    query: str,
    given: Buffer | None,
    reach: Fetch | str,
    at: datetime,
    covered: Mapping[str, timedelta],
) -> _Read:
    read = _given(name, query, given, reach)
    if isinstance(reach, str):
        return _Read(None, PartState(reach)) if read.part.state == "absent" else read
    if read.part.state == "absent" or read.part.why == UNREADABLE:
        read = _asked(name, query, reach)
    start = at - covered.get(name, timedelta(0))
    if read.pages and read.pages.stranded:
        # What the server gives stands in place of a page without a way on, if it gives any.
        asked = _asked(name, query, reach)
        read = asked if asked.pages else read
    if read.pages is None:
        return read
    read.pages.follow(reach, start)
    return _Read(read.pages, read.pages.part(), read.raw)


def _given(name: str, query: str, given: Buffer | None, reach: Fetch | str) -> _Read:
    """Return what was prefetched; a relative `next` in it is relative to the query's own URL."""
    if given is None:
        return _Read(None, PartState("absent"))
    if bytes(memoryview(given)[:4]) == b"null":
        return _Read(None, PartState("whole", source="prefetch"))
    url = reach.url(query) if isinstance(reach, Fetch) else None
    return _parsed(name, given, "prefetch", url)


def _asked(name: str, query: str, fetch: Fetch) -> _Read:
    try:
        page = fetch.read(query)
    except FetchError as error:
        state = "not granted" if error.status == FORBIDDEN else "failed"
        return _Read(None, PartState(state, source="server", why=str(error)))
    return _parsed(name, page.body, "server", page.url)


def _parsed(name: str, body: Buffer, source: str, url: str | None) -> _Read:
    """Return the first page of a part, or why there is none: an error in its place, or garbage."""
    try:
        document = parse(body)
    except FhirError:
        return _Read(None, PartState("failed", source=source, why=UNREADABLE))
    kinds = {resource.resourceType for resource in document.resources}
    if TYPES[name] not in kinds:
        if document.outcome:
            return _Read(None, PartState("failed", source=source, why=OUTCOME))
        if document.malformed or kinds - {"OperationOutcome"}:
            return _Read(None, PartState("failed", source=source, why=UNREADABLE))
    pages = Pages(name, source, document, url)
    return _Read(pages, pages.part(), bytes(body) if name == "patient" else None)
