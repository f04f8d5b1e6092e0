"""Serves the EHR's style as a stylesheet of ours, read from the EHR alone and kept for a while.

A style's address is its version, so that one that was read does not change (SMART 2.2).
"""

import time
from urllib.parse import urlsplit

from flask import Blueprint, Response

from ehr.http import Outgoing, OutgoingError
from runtime.logs import get_logger
from runtime.settings import Ehr
from smartapp.door import Door
from smartapp.launching.discovery import Discovery
from smartapp.problems import SignInFailed
from smartapp.session import Session
from smartapp.styling.style import stylesheet

# The page waits for its stylesheets, and it is whole without this one.
FETCH_SECONDS = 1.0
LARGEST_STYLE = 64 * 1024
LONGEST_ADDRESS = 2048
FRESH_SECONDS, FAILED_SECONDS = 3600, 300
MOST_KEPT = 200
log = get_logger("smartapp")


class Styles:
    """The styles that EHRs sent last, by address."""

    def __init__(self, door: Door, http: Outgoing, discovery: Discovery):
        self._door, self._http, self._discovery = door, http, discovery
        self._kept: dict[str, tuple[float, str]] = {}

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the route of a session's style."""
        blueprint.add_url_rule("/l/<handle>/style.css", "style", self.style)

    def style(self, handle: str) -> Response:
        """Return the stylesheet of a session; an empty one where its EHR's can't be used."""
        opened = self._door.open(handle)
        return Response(self._sheet(opened.session, opened.ehr), mimetype="text/css")

    def _sheet(self, session: Session, ehr: Ehr) -> str:
        url = session.smart_style_url or ""
        until, sheet = self._kept.get(url, (0.0, ""))
        if until > time.monotonic() or not self._allowed(url, session, ehr):
            return sheet
        body = self._read(url, ehr)
        sheet = stylesheet(body) if body else ""
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        kept = FRESH_SECONDS if sheet else FAILED_SECONDS
        self._kept[url] = (time.monotonic() + kept, sheet)
        return sheet

    def _allowed(self, url: str, session: Session, ehr: Ehr) -> bool:
        """Tell whether an address is on a server of this EHR: of its FHIR base, its sign-in or its
        own pages.
        """
        servers = {*ehr.fhir_base, *ehr.frame_ancestors}
        try:
            endpoints = self._discovery.endpoints(session.iss)
            servers |= {endpoints.token_endpoint, endpoints.authorization_endpoint}
        except SignInFailed:
            pass
        given = _origin(url) if len(url) <= LONGEST_ADDRESS else None
        return given is not None and given in set(map(_origin, servers))

    def _read(self, url: str, ehr: Ehr) -> bytes:
        deadline = time.monotonic() + FETCH_SECONDS
        try:
            answer = self._http.get(url, {"Accept": "application/json"}, deadline, LARGEST_STYLE)
        except OutgoingError as error:
            log.warning("smart_style", ehr=ehr.id, reason=str(error))
            return b""
        if answer.status != 200:
            log.warning("smart_style", ehr=ehr.id, reason=f"status {answer.status}")
            return b""
        return answer.body


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port of an address of the web without user-info; None of others."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
    odd = any(letter <= " " or letter in "\\\x7f" for letter in url) or parts.username is not None
    known = parts.scheme in {"http", "https"} and parts.hostname and not odd
    return (parts.scheme, parts.hostname or "", port) if known else None
