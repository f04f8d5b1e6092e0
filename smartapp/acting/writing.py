"""Writes the estimate that a page shows into the chart, on a click, once: a RiskAssessment of the
session's token, where record, grant and server allow it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import redis

from ehr.declared import Kind
from ehr.writing.creating import Created, NotCreated, create
from models.assess import Assessment
from runtime.logs import keyed_hash
from smartapp.acting.risk_assessment import KIND, identifier, risk_assessment
from smartapp.acting.subject import moment, subject
from smartapp.door import Door, Opened
from smartapp.launching.scopes import creatable
from smartapp.problems import Problem, StoreDown, TokenRefused
from smartapp.session import Session
from smartapp.sight import Sight

# Longer than a write may take, so that a second click finds the first.
HELD_SECONDS = 60
BUSY = "It is being written at the moment. Look again in a minute; it is not written twice."


class Written(NamedTuple):
    """How it stands with writing what the page shows, in a word; `time` is when it was written or
    tried (aware UTC), `place` the resource where the server named it.

    `state` is "off" (nobody asked for it here), "may", "written", "unknown" (it may have been),
    "withheld", "no risk", "not granted", "not declared" or "not read" (whether the server can).
    """

    state: str
    time: datetime | None = None
    place: str | None = None


class Writing:
    """What writes, and tells whether it may."""

    def __init__(self, door: Door, store: redis.Redis):
        self._door, self._store = door, store

    def stands(self, opened: Opened, sight: Sight, found: Assessment) -> Written:
        """Return how it stands, with what was done before."""
        if not opened.ehr.write_risk_assessment:
            return Written("off")
        before, kind = self._before(opened, sight), self._kind(opened)
        again = kind is not None and kind.conditional_create
        if before and (before["outcome"] == "created" or not again):
            state = "written" if before["outcome"] == "created" else "unknown"
            time = datetime.fromisoformat(before["tried"])
            return Written(state, time, before.get("place"))
        return Written(self._why_not(opened, sight, found, kind) or "may")

    def write(self, opened: Opened, sight: Sight, found: Assessment) -> NotCreated | None:
        """Write it unless it was; return why that failed. Raises StoreDown, AuditError, and what
        Door.reading does where no token will do.
        """
        named = identifier(self._name(opened, sight))
        with self._alone(named):
            if self.stands(opened, sight, found).state != "may":
                return None
            session = opened.session
            resource = risk_assessment(found, session.patient, session.encounter, named)
            self._note(opened, sight, outcome="unknown", resource=resource)
            try:
                made = self._door.reading(opened, partial(self._send, resource, named))
            except NotCreated as fault:
                outcome = "unknown" if fault.unknown else "failed"
                self._note(opened, sight, outcome=outcome, reason=str(fault))
                return fault
            except Problem as problem:
                self._note(opened, sight, outcome="failed", reason=problem.reason)
                raise
            self._note(opened, sight, **_told(made))
            return None

    def _send(self, resource: dict[str, Any], named: tuple[str, str], session: Session) -> Created:
        try:
            return create(self._door.fhir, session.iss, session.access_token, resource, named)
        except NotCreated as fault:
            if fault.status == 401:
                raise TokenRefused("token refused by the FHIR server") from None
            raise

    def _why_not(
        self, opened: Opened, sight: Sight, found: Assessment, kind: Kind | None
    ) -> str | None:
        if sight.withheld:
            return "withheld"
        if not found.risks:
            return "no risk"
        if not creatable(opened.session.scope, KIND):
            return "not granted"
        if kind is None:
            return "not read"
        return None if kind.creates else "not declared"

    def _kind(self, opened: Opened) -> Kind | None:
        """Return what the server says of a RiskAssessment; None where that can't be read."""
        session = opened.session
        kinds = self._door.declared.kinds(session.iss, session.access_token)
        return None if kinds is None else kinds.get(KIND, Kind())

    def _before(self, opened: Opened, sight: Sight) -> dict[str, Any] | None:
        """Return the last record of writing this estimate, unless it surely failed."""
        name = self._name(opened, sight)
        records = self._door.audit.of_assessment(subject(opened, sight), "risk-assessment")
        own = [one for one in records if one.get("name") == name]
        return own[-1] if own and own[-1]["outcome"] != "failed" else None

    def _name(self, opened: Opened, sight: Sight) -> str:
        return f"{self._door.settings.public_url} {subject(opened, sight)} {moment(sight)}"

    def _note(self, opened: Opened, sight: Sight, **more: Any) -> None:
        about = {
            "assessment_id": subject(opened, sight),
            "name": self._name(opened, sight),
            "at": moment(sight),
            "tried": opened.now.isoformat(),
        }
        self._door.record(opened, "risk-assessment", **about, **more)

    @contextmanager
    def _alone(self, named: tuple[str, str]) -> Iterator[None]:
        """Let one click at a time through. Raises StoreDown for the second, and without Redis."""
        key = f"vigil:writing:{keyed_hash(named[1])}"
        try:
            first = self._store.set(key, b"", ex=HELD_SECONDS, nx=True)
        except redis.RedisError:
            raise StoreDown("session store unavailable") from None
        if not first:
            raise StoreDown("a click is being carried out", BUSY)
        try:
            yield
        finally:
            # It ends by itself.
            with suppress(redis.RedisError):
                self._store.delete(key)


def _told(made: Created) -> dict[str, Any]:
    return {"outcome": "created", "place": made.place, "before": made.before}
