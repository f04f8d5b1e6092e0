"""Renews a session's token before it ends, and gives it back when the session does (SMART-35,
SMART-36).

A refresh token may be good for one use, so of all requests of a session one alone uses it, on
whichever worker and host; the others wait and read what it got.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from joserfc.jwk import ECKey

from ehr.http import Outgoing
from runtime.logs import get_logger
from runtime.settings import Ehr, Settings
from runtime.settings_file import SettingsError
from smartapp.launching.client import Client, client_of
from smartapp.launching.context import in_context
from smartapp.launching.discovery import Discovery, Endpoints
from smartapp.launching.token import lifetime, member, refresh, revoke, scope_of
from smartapp.problems import GrantEnded, NotRenewed, OtherPatient, SignInFailed, TokenRefused
from smartapp.session import Session, Sessions, Ticket

# The page's reads take as long at most, and clocks differ.
LEEWAY_SECONDS = 60
WAIT_SECONDS, PAUSE_SECONDS = 16.0, 0.05
log = get_logger("smartapp")


class Renewal:
    """What keeps the sessions' tokens alive; `clock` gives aware UTC."""

    def __init__(
        self,
        settings: Settings,
        http: Outgoing,
        discovery: Discovery,
        keys: Sequence[ECKey],
        sessions: Sessions,
        clock: Callable[[], datetime],
    ):
        self._settings, self._http, self._discovery = settings, http, discovery
        self._key, self._sessions, self._clock = keys[0], sessions, clock

    def fresh(self, ticket: Ticket, session: Session, ehr: Ehr) -> Session:
        """Return the session with a token that will do for what is about to be read.

        Raises TokenRefused and OtherPatient, which end the session, and NotRenewed.
        """
        left = session.token_ends - self._clock().timestamp()
        if not session.refresh_token or left > LEEWAY_SECONDS:
            return session
        try:
            return self.renewed(ticket, session, ehr)
        except NotRenewed:
            if left > 0:
                return session
            raise

    def renewed(self, ticket: Ticket, session: Session, ehr: Ehr) -> Session:
        """Return the session with another token than this one, with the errors of `fresh`."""
        if not session.refresh_token:
            raise TokenRefused("token refused by the FHIR server")
        turn = self._sessions.take_turn(ticket)
        if turn is None:
            return self._awaited(ticket, session)
        try:
            found = self._found(ticket)
            if found.access_token == session.access_token:
                found = self._renewed_now(found, ehr)
                if not self._sessions.renew(ticket, found, self._clock()):
                    # Whoever closed it gave back what was then known.
                    self.give_back(found, ehr)
                    raise TokenRefused("session ended while its token was renewed")
            return found
        finally:
            self._sessions.end_turn(ticket, turn)

    def give_back(self, session: Session, ehr: Ehr) -> None:
        """Have the EHR forget a session's tokens, where it can be told; that it can't be is
        logged alone, since they are dropped here all the same.
        """
        kind = "refresh_token" if session.refresh_token else "access_token"
        token = session.refresh_token or session.access_token
        try:
            endpoints, client = self._asked(session, ehr)
            if endpoints.revocation_endpoint:
                revoke(self._http, client, endpoints.revocation_endpoint, token, kind)
        except SignInFailed as error:
            log.warning("smart_not_revoked", ehr=ehr.id, reason=error.reason)
        except SettingsError:
            log.warning("smart_not_revoked", ehr=ehr.id, reason="client secret unavailable")

    def _awaited(self, ticket: Ticket, session: Session) -> Session:
        """Return what the one whose turn it is got."""
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            taken = self._sessions.turn_taken(ticket)
            found = self._found(ticket)
            if found.access_token != session.access_token:
                return found
            if not taken:
                break
            time.sleep(PAUSE_SECONDS)
        raise NotRenewed("token not renewed by another request")

    def _found(self, ticket: Ticket) -> Session:
        found = self._sessions.find(ticket, self._clock())
        if found is None:
            raise TokenRefused("session ended while its token was renewed")
        return found

    def _renewed_now(self, session: Session, ehr: Ehr) -> Session:
        now = self._clock().timestamp()
        try:
            endpoints, client = self._asked(session, ehr)
            answer = refresh(self._http, client, endpoints, session.refresh_token or "")
        except GrantEnded:
            raise TokenRefused("refresh refused: invalid_grant") from None
        except SignInFailed as error:
            raise NotRenewed(f"refresh: {error.reason}") from None
        if "patient" in answer:
            _same_patient(answer, session)
        return msgspec.structs.replace(
            session,
            access_token=answer["access_token"],
            token_ends=now + lifetime(answer),
            scope=scope_of(answer, session.scope),
            # Oracle sends no new one: the old one stays good.
            refresh_token=member(answer, "refresh_token") or session.refresh_token,
        )

    def _asked(self, session: Session, ehr: Ehr) -> tuple[Endpoints, Client]:
        endpoints, now = self._discovery.endpoints(session.iss), self._clock().timestamp()
        return endpoints, client_of(ehr, endpoints, self._settings, self._key, now)


def _same_patient(answer: dict[str, Any], session: Session) -> None:
    if in_context(answer["patient"], "Patient", session.iss) != session.patient:
        raise OtherPatient("refresh answer of another patient")
