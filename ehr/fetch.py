"""Turns FHIR queries of one call into documents within one budget: allow-listed server, same
base, no retries (C1-C5).

The access token goes to the configured base only, in a header, and is forgotten with the call (R54,
R57).
"""

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar
from urllib.parse import SplitResult, quote, unquote, urldefrag, urljoin, urlsplit

from ehr.breaker import Breaker
from ehr.http import Outgoing, OutgoingError
from runtime.settings import Settings
from runtime.watching.parts import DOWN, OK, State

MOST_PAGES = 20
LARGEST_DOCUMENT = 2 * 1024 * 1024
# A timeout after less than this part of the budget says more of the reads before it than of the
# server.
FAIR_PART = 0.5
QUERY_SAFE = "/?&=:,%+"
# What RFC 3986 lets stand in a URL; the rest, as the `|` of a token search, is encoded.
URL_SAFE = "!#$%&'()*+,/:;=?@[]~"

T = TypeVar("T")


class FetchError(Exception):
    """This document can't be had; the message is a fixed word for audit and logs, `status` the
    HTTP status where one came.
    """

    def __init__(self, word: str, status: int | None = None):
        super().__init__(word)
        self.status = status


class Page(NamedTuple):
    """A document, and the URL that its links are relative to."""

    url: str
    body: bytes


class Fhir:
    """The one reader of FHIR servers; hands each call its own Fetch."""

    def __init__(self, http: Outgoing, settings: Settings):
        self.http = http
        self.settings = settings
        # One for each budget: a server too slow for a hook may well serve the page.
        self._breakers: defaultdict[tuple[str, float], Breaker] = defaultdict(Breaker)

    def start(self, base: str, token: str | None, budget_seconds: float) -> "Fetch":
        """Begin the fetching of one call; the budget runs from now. Raises FetchError for a
        server not configured, or a token that no header can hold.
        """
        ehr = self.settings.trusted(base)
        if ehr is None:
            raise FetchError("server not trusted")
        if token and not (token.isascii() and token.isprintable()):
            raise FetchError("token unusable")
        own = next(own for own in ehr.fhir_base if own.rstrip("/") == base.rstrip("/"))
        breaker = self._breakers[own, budget_seconds]
        return Fetch(self.http, breaker, own, token, budget_seconds)

    def state(self, bases: Collection[str]) -> State:
        """Return whether a server of these addresses is left alone until a read succeeds (C5)."""
        opened = [
            since
            for (base, _), breaker in self._breakers.copy().items()
            if base in bases and (since := breaker.open_since) is not None
        ]
        return State(DOWN, min(opened), "left alone after failures") if opened else State(OK)


class Fetch:
    """The reads of one call: one server, one token, one deadline (monotonic seconds)."""

    def __init__(
        self, http: Outgoing, breaker: Breaker, base: str, token: str | None, budget_seconds: float
    ):
        self._http = http
        self._breaker = breaker
        self._base = base.rstrip("/")
        self._headers = {"Accept": "application/fhir+json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        self._budget_seconds = budget_seconds
        self._pages = itertools.count(1)
        self._seen: set[str] = set()
        self.deadline = time.monotonic() + budget_seconds

    def gather(self, jobs: Mapping[str, Callable[[], T]]) -> dict[str, T]:
        """Run several reads at the same time and return their results by name."""
        # Threads of this call's own: it never waits for another's reads. Each ends by the deadline.
        with ThreadPoolExecutor(len(jobs)) as pool:
            running = {name: pool.submit(job) for name, job in jobs.items()}
        return {name: done.result() for name, done in running.items()}

    def url(self, query: str) -> str:
        """Return the absolute URL of a query relative to the base."""
        # A query may hold `http://loinc.org|8867-4` as it stands in a template.
        return f"{self._base}/{quote(query, safe=QUERY_SAFE)}"

    def read(self, query: str) -> Page:
        """Read a query relative to the base."""
        url = self.url(query)
        return Page(url, self._read(url))

    def follow(self, page: str, link: str) -> Page:
        """Read what a `next` link leads to (R53); `page` is the URL of the page it stands in.

        Raises FetchError, also for a link that leaves the server or was followed before.
        """
        self._seen.add(page)
        url = linked(page, link, self._base)
        if url in self._seen:
            raise FetchError("link is a loop")
        return Page(url, self._read(url))

    def _read(self, url: str) -> bytes:
        if not inside(url, self._base):
            raise FetchError("link leaves the server")
        if next(self._pages) > MOST_PAGES:
            raise FetchError("too many pages")
        self._seen.add(url)
        if not self._breaker.lets_through():
            raise FetchError("server is down")
        given = self.deadline - time.monotonic()
        try:
            answer = self._http.get(url, self._headers, self.deadline, LARGEST_DOCUMENT)
        except OutgoingError as error:
            self._count(str(error), given)
            raise FetchError(str(error)) from None
        if answer.status >= 500:
            self._breaker.failed()
        else:
            self._breaker.answered()
        if answer.status != 200:
            raise FetchError(f"status {answer.status}", answer.status)
        return answer.body

    def _count(self, fault: str, given: float) -> None:
        """Count a fault as the server's, unless it answered too much or was given too little."""
        if fault == "too large":
            self._breaker.answered()
        elif fault != "timeout" or given >= FAIR_PART * self._budget_seconds:
            self._breaker.failed()


def linked(page: str, link: str, base: str) -> str:
    """Return the absolute URL of a link that stands in a page (RFC 3986, section 5), without its
    fragment.

    Raises FetchError for one outside the base. The standard says of a server's pages only that
    their links are opaque; the vendors known to us keep them in the base, and so does the token
    that goes with them (C2): another application may live on the same origin.
    """
    if _has_foreign_characters(link):
        raise FetchError("link leaves the server")
    try:
        url = urldefrag(urljoin(page, quote(link, safe=URL_SAFE))).url
    except ValueError:
        raise FetchError("link leaves the server") from None
    if not inside(url, base):
        raise FetchError("link leaves the server")
    return url


def inside(url: str, base: str) -> bool:
    """Return whether a URL lies in a FHIR base: same scheme, host and port, and its path at or
    below the base's (C2).
    """
    if _has_foreign_characters(url) or not url.isascii():
        return False
    try:
        link, own = urlsplit(url), urlsplit(base)
        same = (link.scheme, link.hostname, _port(link)) == (own.scheme, own.hostname, _port(own))
    except ValueError:
        return False
    root, path = own.path.rstrip("/"), link.path
    return (
        same
        and link.username is None
        and not _climbs(path)
        and (path == root or path.startswith(root + "/"))
    )


def _has_foreign_characters(url: str) -> bool:
    """Tell of spaces and controls, which urllib passes over, and of backslashes, which some
    servers take for slashes.
    """
    return any(character <= " " or character in "\\\x7f" for character in url)


def _climbs(path: str) -> bool:
    """Tell whether a server might take a part of a path for `.` or `..`: also encoded, behind an
    encoded slash, or before a parameter.
    """
    parts = unquote(path).replace("\\", "/").split("/")
    return any(part.split(";")[0] in {".", ".."} for part in parts)


def _port(parts: SplitResult) -> int | None:
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme)
