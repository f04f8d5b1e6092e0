"""Answers what is refused, and notes it in log and audit as well as that goes (A10, A11, R110)."""

import time
from collections import Counter

from flask import Response, g, request
from flask.globals import request_ctx

from cdshooks.auth import Refused
from ehr.jws import Token
from runtime.audit.log import Audit, AuditError
from runtime.body import drain, drain_after
from runtime.logs import get_logger, keyed_hash
from runtime.overload import Overloaded
from runtime.web import TooManyRefusals, Unavailable, VigilError, outcome

MOST_REFUSALS = 60
LONGEST_TEXT = 200
# What a record is set up by; no `sub` and no `jti`.
TOLD_OF_HEADER = ("alg", "kid", "jku", "typ")
TOLD_OF_CLAIMS = ("iss", "aud", "tenant")
log = get_logger("cdshooks")


class Refusals:
    """The error handler of the service's routes."""

    def __init__(self, audit: Audit):
        self.audit = audit
        self._counts: Counter[str] = Counter()
        self._minute = 0

    def __call__(self, error: VigilError) -> Response:
        """Answer an error; the reason goes to log and audit only."""
        if isinstance(error, Overloaded):
            answer = outcome(error.status, error.code, error.text, error.headers)
            drain_after(answer, request_ctx.request)
            return answer
        drain(request)
        try:
            if isinstance(error, Refused):
                self._count(request.remote_addr or "")
            self._note(error)
        except TooManyRefusals as flood:
            error = flood
        return outcome(error.status, error.code, error.text, error.headers)

    def _count(self, address: str) -> None:
        """Raise TooManyRefusals beyond 60 a minute from one address, never for a valid caller."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._counts, self._minute = Counter(), minute
        self._counts[address] += 1
        if self._counts[address] > MOST_REFUSALS:
            raise TooManyRefusals(
                "Too many calls were refused; wait a minute.", {"Retry-After": "60"}
            )

    def _note(self, error: VigilError) -> None:
        reason = getattr(error, "reason", error.text)
        ehrs = [ehr.id for ehr in getattr(error, "ehrs", ())]
        log.info("refusal", status=error.status, reason=reason, ehrs=ehrs, request_id=g.request_id)
        record = {
            "status": error.status,
            "reason": reason,
            "ehrs": ehrs,
            "token": _told(getattr(error, "token", None)),
            "route": request.url_rule.rule if request.url_rule else None,
            "request_id": g.request_id,
            "net": keyed_hash(request.remote_addr or ""),
        }
        try:
            self.audit.append("refusal", record)
        except AuditError as failed:
            log.error("audit", error=failed)


def not_recorded(error: AuditError) -> Response:
    """Answer that nothing may be shown, since it could not be recorded."""
    log.error("audit", error=error, request_id=g.request_id)
    text = "The answer could not be recorded, so it is not given; try again."
    return outcome(Unavailable.status, Unavailable.code, text, {"Retry-After": "1"})


def _told(token: Token | None) -> dict[str, str] | None:
    """Return what a refused token says of its sender, cut short: to be compared with the record."""
    if token is None:
        return None
    told = {name: token.header.get(name) for name in TOLD_OF_HEADER}
    told |= {name: token.claims.get(name) for name in TOLD_OF_CLAIMS}
    return {name: str(value)[:LONGEST_TEXT] for name, value in told.items() if value is not None}
