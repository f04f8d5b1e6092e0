"""Answers what is refused, and notes it in log and audit as well as that goes (A10, A11, R110)."""

import time
from collections import Counter
from typing import Any

from flask import Response, g, request
from flask.globals import request_ctx

from cdshooks import audit_record
from cdshooks.auth import Refused
from ehr.jws import Token
from runtime.audit.log import Audit, AuditError
from runtime.body import drain, drain_after
from runtime.limits.overload import Overloaded
from runtime.limits.refusal_log import RefusalLog
from runtime.logs import get_logger, keyed_hash
from runtime.watching.metrics import Metrics
from runtime.web import TooManyRefusals, Unavailable, VigilError, outcome

MOST_REFUSALS = 60
# Addresses cost whoever has a network of them nothing.
MOST_SOURCES = 10_000
LONGEST_TEXT = 200
# What a record is set up by; no `sub` and no `jti`.
TOLD_OF_HEADER = ("alg", "kid", "jku", "typ")
TOLD_OF_CLAIMS = ("iss", "aud", "tenant")
log = get_logger("cdshooks")


class Refusals:
    """The error handler of the service's routes."""

    def __init__(self, audit: Audit, metrics: Metrics):
        self._log, self.metrics = RefusalLog(audit), metrics
        self._counts: Counter[str] = Counter()
        self._minute = 0

    def __call__(self, error: VigilError) -> Response:
        """Answer an error; the reason goes to log and audit only."""
        if isinstance(error, Overloaded):
            self.metrics.refused(error.status, _word(error))
            answer = outcome(error.status, error.code, error.text, error.headers)
            drain_after(answer, request_ctx.request)
            return answer
        drain(request)
        self._log.note(_record(error))
        if isinstance(error, Refused) and self._too_many(error):
            error = TooManyRefusals(
                "Too many calls were refused; wait a minute.", {"Retry-After": "60"}
            )
        self.metrics.refused(error.status, _word(error))
        return outcome(error.status, error.code, error.text, error.headers)

    def _too_many(self, error: Refused) -> bool:
        """Tell whether more than 60 a minute were refused of this address or of this issuer; who
        is not refused is not asked.
        """
        minute = int(time.monotonic() // 60)
        if minute != self._minute or len(self._counts) > MOST_SOURCES:
            self._counts, self._minute = Counter(), minute
        sources = [f"address {g.address}"]
        # The issuer is a known one, or there would be no record that may have been meant.
        if error.token and error.ehrs:
            sources.append(f"issuer {error.token.claims.get('iss')}")
        self._counts.update(sources)
        return any(self._counts[source] > MOST_REFUSALS for source in sources)

    def not_recorded(self, error: AuditError) -> Response:
        """Answer that nothing may be shown, since it could not be recorded."""
        log.error("audit", error=error, request_id=g.request_id)
        self.metrics.refused(Unavailable.status, "audit")
        text = "The answer could not be recorded, so it is not given; try again."
        return outcome(Unavailable.status, Unavailable.code, text, {"Retry-After": "1"})


def _record(error: VigilError) -> dict[str, Any]:
    """Return the audit record of a refusal, with what is known of the call by then."""
    ehrs = [ehr.id for ehr in getattr(error, "ehrs", ())]
    context = getattr(error, "context", None)
    return {
        "status": error.status,
        "reason": getattr(error, "reason", error.text),
        "ehrs": ehrs or g.known.get("ehrs", []),
        "token": _told(getattr(error, "token", None)),
        "route": request.url_rule.rule if request.url_rule else None,
        "request_id": g.request_id,
        "net": keyed_hash(g.address),
        **{name: value for name, value in g.known.items() if name != "ehrs"},
        **(audit_record.person(context) if context else {}),
    }


def _word(error: VigilError) -> str:
    """Return one fixed word for why a call was refused: the first, without its detail, of those
    that the log has, or the code of the outcome.
    """
    reason: str = getattr(error, "reason", error.code)
    return reason.partition(",")[0].partition(":")[0]


def _told(token: Token | None) -> dict[str, str] | None:
    """Return what a refused token says of its sender, cut short: to be compared with the record."""
    if token is None:
        return None
    told = {name: token.header.get(name) for name in TOLD_OF_HEADER}
    told |= {name: token.claims.get(name) for name in TOLD_OF_CLAIMS}
    return {name: str(value)[:LONGEST_TEXT] for name, value in told.items() if value is not None}
