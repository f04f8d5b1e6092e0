"""Opens the session behind an address for every page and part of one, and lets out nothing that is
not recorded first.
"""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from flask import g, render_template, request

from ehr.declared import Declared
from ehr.fetch import Fhir
from models.assess import Assessment, assess
from models.fitted.registry import Model
from models.withheld import withheld
from runtime.audit.log import Audit
from runtime.logs import keyed_hash
from runtime.settings import Ehr, Settings
from runtime.trials.phase import phase_of
from runtime.trials.running import running
from smartapp.acting.messaging import channel
from smartapp.cookies import cookie_value
from smartapp.launching.renewal import Renewal
from smartapp.problems import (
    Mismatch,
    NothingShown,
    NotOpen,
    SessionEnded,
    Strange,
    TokenRefused,
)
from smartapp.session import Session, Sessions, Ticket
from smartapp.sight import ChartAt, Sight

# Sent by parts.js: the part alone is wanted, not a page around it.
PART = "Vigil-Part"
TOKEN = "csrf_token"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """A live session as one request meets it; `token` has to come back with what changes
    something.
    """

    ticket: Ticket
    session: Session
    ehr: Ehr
    now: datetime
    token: str


class Door:
    """What the routes of a session share."""

    def __init__(
        self,
        settings: Settings,
        models: Sequence[Model],
        sessions: Sessions,
        audit: Audit,
        fhir: Fhir,
        clock: Callable[[], datetime],
        missing: Sequence[str],
        renewal: Renewal,
    ):
        self.settings, self.models, self.missing = settings, models, missing
        self.sessions, self.audit, self.fhir, self.clock = sessions, audit, fhir, clock
        self.renewal, self.trial = renewal, running(settings, audit)
        self.declared = Declared(fhir.http)

    def open(self, handle: str) -> Opened:
        """Return the session of an address for the browser that it was opened in. Raises
        SessionEnded, and NotOpen in a silent phase.
        """
        ticket = Ticket(
            handle, cookie_value(request, "session", handle), request.headers.get("User-Agent", "")
        )
        now = self.clock()
        session = self.sessions.find(ticket, now) if ticket.secret else None
        ehr = next((e for e in self.settings.ehr if session and e.id == session.ehr), None)
        if not session or not ehr:
            raise SessionEnded("no such session")
        g.ehr = ehr
        g.known = {"user": session.user, "patient": session.patient}
        phase = phase_of(ehr, session.user)
        if phase.name == "silent" and not phase.open:
            raise NotOpen("silent mode")
        token = base64.urlsafe_b64encode(ticket.digest("csrf")).decode()
        return Opened(ticket, session, ehr, now, token)

    def changing(self, handle: str) -> Opened:
        """Return the session of a request that changes something: it has to come from a page of
        this session (E5). Raises Strange.

        Under `Referrer-Policy: no-referrer` a browser sends the Origin of a form as `null`; then it
        is Sec-Fetch-Site that says where the form stood.
        """
        opened = self.open(handle)
        origin = request.headers.get("Origin", "null")
        near = request.headers.get("Sec-Fetch-Site") == "same-origin"
        if origin != self.settings.origin and not (origin == "null" and near):
            raise Strange("origin of a form")
        if not hmac.compare_digest(request.form.get(TOKEN, "").encode(), opened.token.encode()):
            raise Strange("csrf token of a form")
        return opened

    def reading(self, opened: Opened, read: Callable[[Session], T]) -> T:
        """Do what asks the EHR by the session's token: with one that will do, and once more with
        another where the EHR refuses it (SMART-35, SMART-40).

        Raises NotRenewed; and what ends the session: TokenRefused, Mismatch.
        """
        ticket, ehr = opened.ticket, opened.ehr
        try:
            session = self.renewal.fresh(ticket, opened.session, ehr)
            try:
                return read(session)
            except TokenRefused:
                return read(self.renewal.renewed(ticket, session, ehr))
        except (TokenRefused, Mismatch):
            self.sessions.end(ticket)
            raise

    def close(self, opened: Opened) -> None:
        """End a session: it is forgotten here, then its tokens are given back to the EHR."""
        self.sessions.end(opened.ticket)
        self.renewal.give_back(opened.session, opened.ehr)

    def keep(self, opened: Opened, sight: Sight) -> None:
        """Remember what the page shows, for its parts."""
        content = msgspec.json.encode(sight)
        self.sessions.show(opened.ticket, opened.session, content, opened.now)

    def sight(self, opened: Opened) -> Sight:
        """Return what the page last showed. Raises NothingShown where that is not known."""
        content = self.sessions.shown(opened.ticket)
        try:
            return msgspec.json.decode(content or b"", type=Sight)
        except ValueError:
            raise NothingShown("a part without its page") from None

    def assess(self, sight: Sight, of: ChartAt) -> Assessment:
        """Assess a chart at a moment as the page does: with the same models, question and arm."""
        found = assess(
            of.chart, of.at, self.models, of.overdue_factor, self.missing, sight.question
        )
        return withheld(found) if sight.withheld else found

    def part(
        self,
        opened: Opened,
        sight: Sight,
        name: str,
        record: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> str:
        """Return a part of the page, `templates/parts/NAME.html`, by itself for parts.js and in a
        page of its own for all others; it is recorded before it leaves, with what `record` adds.
        """
        page = self.render(opened, sight, name, **values)
        shown = {"route": name, "view": sight.shown, "at": sight.seen.at.isoformat()}
        self.record(opened, **shown, **(record or {}))
        return page

    def render(
        self,
        opened: Opened,
        sight: Sight,
        name: str,
        around: str = "pages/part.html",
        **values: Any,
    ) -> str:
        """Return a part as `part` does, in a page that is named; whoever calls records it."""
        template = f"parts/{name}.html" if PART in request.headers else around
        return render_template(template, part=name, **self.shared(opened, sight), **values)

    def shared(self, opened: Opened, sight: Sight) -> dict[str, Any]:
        """Return what every page and part of a session is rendered with."""
        at = sight.seen.at
        return {
            "handle": opened.ticket.handle,
            TOKEN: opened.token,
            "person": sight.person,
            "age_years": sight.seen.chart.age(at),
            "zone": opened.ehr.zone,
            "at": at,
            "shown": sight.shown,
            # Whose data these are stands on each page (E6), smaller where the EHR says it too.
            "brief_banner": not opened.session.need_patient_banner,
            "styled": opened.session.smart_style_url is not None,
            "messaging": channel(opened.session, opened.ehr),
        }

    def record(self, opened: Opened, type: str = "page", **more: Any) -> None:
        """Write to the audit what a session was shown, or did. Raises AuditError."""
        self.audit.append(type, self.identity(opened) | more)

    def record_all(self, opened: Opened, records: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Write several records, each with its type, all or none. Raises AuditError."""
        own = self.identity(opened)
        self.audit.append_all([(type, own | more) for type, more in records])

    def identity(self, opened: Opened) -> dict[str, Any]:
        """Return what every record of a session has: who, of whom, by which request."""
        session = opened.session
        return {
            "ehr": session.ehr,
            "patient": session.patient,
            "encounter": session.encounter,
            "user": session.user,
            "fhir_user": session.fhir_user,
            "session": keyed_hash(opened.ticket.handle),
            "request_id": g.get("request_id"),
        }
