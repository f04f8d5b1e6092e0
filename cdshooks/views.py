"""Turns HTTP into calls of the service: discovery, hook, feedback (CDS Hooks 2.0; statuses R8,
R29, R51, R61).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from time import perf_counter
from typing import Any

import msgspec
import redis
from flask import Blueprint, Response, g, request

from cdshooks import audit_record, feedback, hooks, services
from cdshooks.auth import Caller, Gate
from cdshooks.hooks import HookRequest
from cdshooks.patient_view import PatientView
from cdshooks.refusals import Refusals, not_recorded
from cdshooks.used_tokens import UsedTokens
from ehr.fetch import Fhir
from ehr.keys import KeySets
from models.fitted.registry import Model
from runtime.audit import Audit, AuditError
from runtime.body import read_json_body
from runtime.logs import get_logger
from runtime.settings import Ehr, Settings
from runtime.web import BadRequest, VigilError, json_response

SERVICE = f"/cds-services/{services.SERVICE_ID}"
FEEDBACK = f"{SERVICE}/feedback"
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

    def call() -> Response:
        caller = _caller(gate, settings, SERVICE)
        checked = perf_counter()
        asked = hooks.read(read_json_body(request))
        ehr = gate.ehr(caller, asked.fhirServer)
        _log_ignored(caller, asked, ehr)
        cards = service.answer(asked, ehr, caller, g.request_id)
        timing = (
            f"auth;dur={1000 * (checked - g.started):.2f}, "
            f"work;dur={1000 * (perf_counter() - checked):.2f}"
        )
        return json_response({"cards": cards}, headers={"Server-Timing": timing})

    def give_feedback() -> Response:
        caller = _caller(gate, settings, FEEDBACK)
        items = feedback.read(read_json_body(request))
        _record_feedback(audit, items, _giver(caller) | {"request_id": g.request_id})
        return json_response({})

    _route(blueprint, SERVICE, call)
    _route(blueprint, FEEDBACK, give_feedback)
    blueprint.register_error_handler(VigilError, Refusals(audit))
    blueprint.register_error_handler(AuditError, not_recorded)
    return blueprint


def _route(blueprint: Blueprint, path: str, view: Callable[[], Response]) -> None:
    """Answer POST at a path, and where a client that was given our URLs with a final slash calls
    it: a redirect would lose the call, since a browser's preflight may not be redirected.
    """
    doubled = path.replace("/cds-services/", "/cds-services//")
    for written in (path, doubled):
        blueprint.add_url_rule(
            written, view_func=view, methods=["POST"], strict_slashes=False, merge_slashes=False
        )


def _caller(gate: Gate, settings: Settings, path: str) -> Caller:
    """Return who calls; `aud` may be the endpoint's URL, or the one that was called (A6)."""
    audiences = {settings.public_url + path, settings.public_url + request.path}
    return gate.caller(request.headers.get("Authorization"), audiences)


def _log_ignored(caller: Caller, asked: HookRequest, ehr: Ehr) -> None:
    for what in audit_record.ignored(caller, asked):
        log.info("ignored", what=what, ehr=ehr.id, request_id=g.request_id)


def _giver(caller: Caller) -> dict[str, Any]:
    """Return the record that feedback belongs to; where tenant and audience do not tell, all that
    it may belong to.
    """
    likely = [ehr.id for ehr in caller.likely]
    return {"ehr": likely[0]} if len(likely) == 1 else {"ehr": None, "ehrs": likely}


def _discovery(document: bytes) -> Response:
    response = Response(
        document, mimetype="application/json", headers={"Cache-Control": "no-cache"}
    )
    response.set_etag(sha256(document).hexdigest()[:16], weak=True)
    response.make_conditional(request)
    return response


def _record_feedback(audit: Audit, items: feedback.Items, who: dict[str, Any]) -> None:
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
