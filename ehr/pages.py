"""Adds up the pages of one search, and tells since when they are without a gap (R53, SMART-41).

A server that sorts newest first is known by its answer, not by its promise: as long as no
Observation is newer than the one before it, all that is newer than the last one read is there.
Where the order is another, only the last page proves anything.
"""

from datetime import datetime, timedelta

from ehr.fetch import Fetch, FetchError
from models.patient.chart import PartState
from models.reading.fhir import Document, FhirError, parse
from models.reading.meaning import taken
from models.reading.queries import COUNTS

# Another Observation of the last one's time may stand on the next page.
JUST_AFTER = timedelta(microseconds=1)


class Pages:
    """The pages of one part that were read so far; `url` is where the last one stood."""

    def __init__(self, name: str, source: str, document: Document, url: str | None):
        self.name, self.source = name, source
        self.resources = document.resources
        self.malformed = document.malformed
        self.failed = document.outcome
        self.next, self.url, self.total = document.next, url, document.total
        self.why: str | None = None

    def add(self, document: Document, url: str) -> None:
        """Take one more page."""
        self.resources = self.resources + document.resources
        self.malformed += document.malformed
        self.failed = self.failed or document.outcome
        self.next, self.url = document.next, url

    @property
    def stranded(self) -> bool:
        """Tell whether a client handed on one page of several, and not the way to the next."""
        return self.source == "prefetch" and not (self.next or self.failed or self._whole())

    def part(self) -> PartState:
        """Return what these pages amount to."""
        if self._whole():
            return PartState("whole", source=self.source)
        why = self.why or ("error in place of entries" if self.failed else "more than was given")
        return PartState("cut", self._since(), self.source, why)

    def follow(self, fetch: Fetch, start: datetime) -> None:
        """Read on until there is no gap since `start`, the last page, or whatever stops it."""
        while self.next is not None and self.url is not None and not self._covers(start):
            try:
                page = fetch.follow(self.url, self.next)
                self.add(parse(page.body), page.url)
            except (FetchError, FhirError) as error:
                self.why = f"next page: {error if isinstance(error, FetchError) else 'garbage'}"
                return

    def _covers(self, start: datetime) -> bool:
        since = self._since()
        return since is not None and since <= start

    def _whole(self) -> bool:
        """Tell whether nothing is missing: no further page, and as many as the server has.

        A client that hands on one page without its `next` is known by a page that is just full.
        """
        if self.next is not None or self.failed:
            return False
        # Some servers count an OperationOutcome among the entries in their total.
        entries = len(self.resources) + self.malformed
        if self.total is not None:
            return entries >= self.total
        return self.source == "server" or entries < COUNTS.get(self.name, entries + 1)

    def _since(self) -> datetime | None:
        """Return from when on there is no gap; None where the order allows no such moment."""
        times = [
            time for r in self.resources if r.resourceType == "Observation" and (time := taken(r))
        ]
        if self.failed or not times or any(b > a for a, b in zip(times, times[1:], strict=False)):
            return None
        return times[-1] + JUST_AFTER
