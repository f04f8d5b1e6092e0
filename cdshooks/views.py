"""Turns HTTP into calls of the service: discovery, hook, feedback (CDS Hooks 2.0; statuses R8,
R29, R51, R61).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from time import perf_counter

import msgspec
import redis
from flask import Blueprint, Response, g, request

from cdshooks import feedback, hooks, services
from cdshooks.auth import Gate, Refused
from cdshooks.patient_view import PatientView
from cdshooks.used_tokens import UsedTokens
from ehr.fetch import Fhir
from ehr.keys import KeySets
from models.fitted.registry import Model
from runtime.audit import Audit, AuditError
from runtime.logs import get_logger, keyed_hash
from runtime.settings import Settings
from runtime.web import (
    BadRequest,
    TooManyRefusals,
    Unavailable,
    VigilError,
    json_response,
    outcome,
    read_json_body,
)

MEDIA_TYPES = ("application/json", "application/fhir+json")
SERVICE = f"/cds-services/{services.SERVICE_ID}"
log = get_logger("cdshooks")


def create_blueprint(
    settings: Settings,
    models: Sequence[Model],
    store: redis.Redis,
    audit: Audit,
    keysets: KeySets,
    fhir: Fhir,
    clock: Callable[[], datetime],
) -> Blueprint:
    """Return the CDS Hooks routes; all they need is handed in."""
    # An embedded Redis serves one host, for which the table on disk is exact: asking it too would
    # only cost time.
    shared = store if settings.redis_url else None
    gate = Gate(settings, keysets, UsedTokens(shared, settings.data_path / "used-tokens.db"), clock)
    service = PatientView(settings, models, audit, fhir, clock)
    document = msgspec.json.encode(services.discovery())
    blueprint = Blueprint("cdshooks", __name__)

    @blueprint.get("/cds-services", strict_slashes=False)
    def discover() -> Response:
        return _discovery(document)

    @blueprint.post(SERVICE)
    def call() -> Response:
        caller = gate.caller(request.headers.get("Authorization"), settings.public_url + SERVICE)
        checked = perf_counter()
        asked = hooks.read(read_json_body(request, MEDIA_TYPES))
        ehr = gate.ehr(caller, asked.fhirServer)
        cards = service.answer(asked, ehr, caller, g.request_id)
        timing = (
            f"auth;dur={1000 * (checked - g.started):.2f}, "
            f"work;dur={1000 * (perf_counter() - checked):.2f}"
        )
        return json_response({"cards": cards}, headers={"Server-Timing": timing})

    @blueprint.post(f"{SERVICE}/feedback")
    def give_feedback() -> Response:
        caller = gate.caller(
            request.headers.get("Authorization"), f"{settings.public_url}{SERVICE}/feedback"
        )
        items = feedback.read(read_json_body(request, MEDIA_TYPES))
        who = {"ehr": caller.ehrs[0].id if caller else None, "request_id": g.request_id}
        _record_feedback(audit, items, who)
        return json_response({})

    blueprint.register_error_handler(VigilError, _Refusals(gate, audit))
    blueprint.register_error_handler(AuditError, _not_recorded)
    return blueprint


def _discovery(document: bytes) -> Response:
    response = Response(
        document, mimetype="application/json", headers={"Cache-Control": "no-cache"}
    )
    response.set_etag(sha256(document).hexdigest()[:16], weak=True)
    return response.make_conditional(request)


def _record_feedback(audit: Audit, items: feedback.Items, who: dict) -> None:
    """Record each usable item, what the user wrote apart from it; only then name the unusable
    ones (R97).
    """
    for item in items:
        comment = item.pop("comment", None)
        audit.append("feedback", who | item)
        if comment:
            audit.append("feedback-comment", who | {"card": item["card"], "comment": comment})
    if items.bad:
        positions = ", ".join(map(str, items.bad))
        raise BadRequest(
            "Of `feedback`, counted from 1, these items lack a `card` or a known `outcome`: "
            f"{positions}. The others are recorded."
        )


class _Refusals:
    """Answers a refusal, and notes it in log and audit as well as that goes."""

    def __init__(self, gate: Gate, audit: Audit):
        self.gate, self.audit = gate, audit

    def __call__(self, error: VigilError) -> Response:
        reason = getattr(error, "reason", error.text)
        try:
            if isinstance(error, Refused):
                self.gate.count_refusal(request.remote_addr or "")
            self._note(error.status, reason)
        except TooManyRefusals as flood:
            error = flood
        return outcome(error.status, error.code, error.text, error.headers)

    def _note(self, status: int, reason: str) -> None:
        log.info("refusal", status=status, reason=reason, request_id=g.request_id)
        record = {
            "status": status,
            "reason": reason,
            "route": request.url_rule.rule if request.url_rule else None,
            "request_id": g.request_id,
            "net": keyed_hash(request.remote_addr or ""),
        }
        try:
            self.audit.append("refusal", record)
        except AuditError as failed:
            log.error("audit", error=failed)


def _not_recorded(error: AuditError) -> Response:
    log.error("audit", error=error, request_id=g.request_id)
    text = "The answer could not be recorded, so it is not given; try again."
    return outcome(Unavailable.status, Unavailable.code, text, {"Retry-After": "1"})
