"""Asks servers for JSON as the services would, says what to mend where none comes, and compares
their clocks with ours on the way.
"""

import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from ehr.checks.finding import Finding
from ehr.http import Answer, Outgoing, OutgoingError

SECONDS = 10.0
# A CapabilityStatement names every resource and search of its server.
LARGEST = 16 * 1024 * 1024
JSON = {"Accept": "application/fhir+json, application/json"}
# A5: tokens are taken with so much difference, and no more.
MOST_SKEW = 60.0
# By the first word of what went wrong with a reading.
MEND = {
    "timeout": "It did not answer in time: is it up, and may this host reach it (firewall)?",
    "name": "Its host name is not known here: look at the spelling, and at this host's DNS.",
    "certificate": "Its certificate is not trusted here: add the site's authority to the system's.",
    "connection": "Nothing answers there: look at host and port, and at the firewall.",
    "protocol": "What answers there is no web server, or not of this scheme (http, https).",
    "status": "Open the URL in a browser: a redirect is not followed, write the final address.",
    "no": "What it holds is no JSON of that kind: look at the URL.",
    "too": "It is larger than such a document is: look at the URL.",
    "file": "Look at the path, and at who may read it.",
}


class Document(NamedTuple):
    """A JSON object, or why there is none."""

    members: dict[str, Any] | None
    fault: str = ""


class Servers:
    """All that is asked in one run; remembers by how much each server's clock is ahead."""

    def __init__(self, http: Outgoing):
        self.http = http
        self._ahead: dict[str, float] = {}

    def get(self, url: str) -> Document:
        """Read a JSON object."""
        try:
            answer = self.ask("GET", url, JSON)
            if answer.status != 200:
                return Document(None, f"status {answer.status}")
            members = msgspec.json.decode(answer.body)
        except OutgoingError as error:
            return Document(None, str(error))
        except (ValueError, RecursionError):
            return Document(None, "no JSON")
        if not isinstance(members, dict):
            return Document(None, "no JSON object")
        return Document(members)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Send a request and return whatever answer comes. Raises OutgoingError."""
        answer = self.http.request(method, url, headers, body, time.monotonic() + SECONDS, LARGEST)
        self._compare(urlsplit(url).netloc, answer.headers)
        return answer

    def _compare(self, server: str, headers: Mapping[str, str]) -> None:
        """Keep the greatest difference; the date of an answer kept by a cache tells none."""
        if "Age" in headers:
            return
        try:
            said = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        except ValueError:
            return
        ahead = said - time.time()
        self._ahead[server] = max(ahead, self._ahead.get(server, 0.0), key=abs)

    def clocks(self) -> Iterator[Finding]:
        """Yield each server whose clock is too far from ours for tokens to be taken (A5, G6)."""
        for server, ahead in self._ahead.items():
            if abs(ahead) > MOST_SKEW:
                way = "ahead of" if ahead > 0 else "behind"
                yield Finding(
                    "wrong",
                    f"clock: that of {server} is {abs(ahead):.0f} s {way} ours.",
                    "Tokens are taken up to 60 s apart: set both clocks by NTP.",
                )
        if self._ahead and all(abs(ahead) <= MOST_SKEW for ahead in self._ahead.values()):
            most = max(map(abs, self._ahead.values()))
            yield Finding(
                "ok", f"clock: {len(self._ahead)} servers, at most {most:.0f} s from ours."
            )


def mend(fault: str) -> str:
    """Return what to do about a fault of a reading, by its first word; empty for an unknown one."""
    return MEND.get(fault.partition(" ")[0].rstrip(":"), "")
