"""Turns FHIR queries of one call into documents within one budget: allow-listed server, same
origin, no retries (C1-C5).

The access token goes to the configured base only, in a header, and is forgotten with the call (R54,
R57).
"""

import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from ehr.http import Outgoing, OutgoingError
from runtime.settings import Settings

MOST_PAGES = 20
LARGEST_DOCUMENT = 2 * 1024 * 1024
BREAK_AFTER, BREAK_WINDOW, BREAK_SECONDS = 5, 30.0, 10.0
PARALLEL = 8
QUERY_SAFE = "/?&=:,%+"


T = TypeVar("T")


class FetchError(Exception):
    """This document can't be had; the message is a fixed word for audit and logs.

    `status` is the HTTP status of the answer, None where there was none.
    """

    def __init__(self, word: str, status: int | None = None):
        super().__init__(word)
        self.status = status


class Page(NamedTuple):
    """A document, and the URL at which it stood: what a relative link in it is relative to."""

    url: str
    body: bytes


class Fhir:
    """The one reader of FHIR servers; hands each call its own Fetch."""

    def __init__(self, http: Outgoing, settings: Settings):
        self.http = http
        self.settings = settings
        self.breakers = {base: Breaker() for ehr in settings.ehr for base in ehr.fhir_base}
        self._pool: ThreadPoolExecutor | None = None
        self._owner = 0

    def start(self, base: str, token: str | None, budget_seconds: float) -> "Fetch":
        """Begin the fetching of one call; the budget runs from now. Raises FetchError for a
        server not configured.
        """
        ehr = self.settings.trusted(base)
        if ehr is None:
            raise FetchError("server not trusted")
        own = next(own for own in ehr.fhir_base if own.rstrip("/") == base.rstrip("/"))
        return Fetch(self, own, token, budget_seconds)

    def pool(self) -> ThreadPoolExecutor:
        """Return this process's threads; threads do not live through a fork."""
        if self._pool is None or self._owner != os.getpid():
            self._pool, self._owner = (
                ThreadPoolExecutor(PARALLEL, thread_name_prefix="fhir"),
                os.getpid(),
            )
        return self._pool


class Fetch:
    """The reads of one call: one server, one token, one deadline."""

    def __init__(self, fhir: Fhir, base: str, token: str | None, budget_seconds: float):
        self._fhir = fhir
        self._base = base.rstrip("/")
        self._breaker = fhir.breakers[base]
        self._headers = {"Accept": "application/fhir+json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        self._pages = 0
        self._seen: set[str] = set()
        self.deadline = time.monotonic() + budget_seconds

    def gather(self, jobs: dict[str, Callable[[], T]]) -> dict[str, T]:
        """Run several reads at the same time and return their results by name."""
        pool = self._fhir.pool()
        futures = {name: pool.submit(job) for name, job in jobs.items()}
        return {name: future.result() for name, future in futures.items()}

    def url(self, query: str) -> str:
        """Return the absolute URL of a query relative to the base."""
        # A query may hold `http://loinc.org|8867-4` as it stands in a template.
        return f"{self._base}/{quote(query, safe=QUERY_SAFE)}"

    def read(self, query: str) -> Page:
        """Read a query relative to the base."""
        return self._page(self.url(query))

    def follow(self, url: str, link: str) -> Page:
        """Read the page that a link of the page at `url` leads to, in whatever form of RFC 3986.

        Raises FetchError for one that leads nowhere, outside the base, or back to a page read.
        """
        try:
            target = urljoin(url, link)
        except ValueError:
            raise FetchError("link unreadable") from None
        if not link or not inside(target, self._base):
            raise FetchError("link leaves the server" if link else "link unreadable")
        if target in self._seen:
            raise FetchError("link leads back")
        return self._page(target)

    def _page(self, url: str) -> Page:
        self._seen.add(url)
        self._pages += 1
        if self._pages > MOST_PAGES:
            raise FetchError("too many pages")
        if self._breaker.is_open():
            raise FetchError("server is down")
        return Page(url, self._body(url))

    def _body(self, url: str) -> bytes:
        try:
            answer = self._fhir.http.get(url, self._headers, self.deadline, LARGEST_DOCUMENT)
        except OutgoingError as error:
            self._breaker.failed()
            raise FetchError(str(error)) from None
        if answer.status == 200:
            return answer.body
        if answer.status >= 500:
            self._breaker.failed()
        raise FetchError(f"status {answer.status}", answer.status)


class Breaker:
    """Opens after 5 failures in 30 s; 10 s later lets the next call try (C5)."""

    def __init__(self):
        self._failures: deque[float] = deque(maxlen=BREAK_AFTER)
        self._open_until = 0.0

    def failed(self) -> None:
        """Count a failure; the one after the pause is the fifth again, so it closes the way at
        once.
        """
        now = time.monotonic()
        self._failures.append(now)
        if len(self._failures) == BREAK_AFTER and now - self._failures[0] < BREAK_WINDOW:
            self._open_until = now + BREAK_SECONDS

    def is_open(self) -> bool:
        """Return whether to skip the server."""
        return time.monotonic() < self._open_until


def inside(url: str, base: str) -> bool:
    """Return whether a URL lies in a FHIR base: same scheme, host and port, and its path at or
    below the base's (C2).
    """
    if any(character <= " " or character in "\\\x7f" for character in url) or not url.isascii():
        return False
    try:
        link, own = urlsplit(url), urlsplit(base)
        same = (link.scheme, link.hostname, _port(link)) == (own.scheme, own.hostname, _port(own))
    except ValueError:
        return False
    root, path = own.path.rstrip("/"), link.path
    dots = ".." in path or "%2e" in path.lower()
    return (
        same
        and link.username is None
        and not dots
        and (path == root or path.startswith(root + "/"))
    )


def _port(parts) -> int | None:
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme)
