"""Turns HTTP into calls of the service: discovery, hook, feedback (CDS Hooks 2.0; statuses R8,
R29, R51, R61).
"""

from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec
import redis
from flask import Blueprint, Response, g, request

from cdshooks import audit_record, feedback, feedback_record, hooks, openapi
from cdshooks.answers import Answers
from cdshooks.auth import Caller, Gate
from cdshooks.delivering.dismissals import Dismissals
from cdshooks.delivering.memory import Memory
from cdshooks.earlier import EarlierCalls
from cdshooks.hooks import Context, HookRequest
from cdshooks.refusals import Refusals
from cdshooks.services import SERVICES, Service, discovery
from cdshooks.trials.shadow_scoring import Shadows
from cdshooks.used_tokens import UsedTokens
from ehr.fetch import Fhir
from ehr.keys import KeySets
from models.fitted.stock import Stock
from runtime import client
from runtime.audit.log import Audit, AuditError
from runtime.body import read_json_body
from runtime.limits.overload import Queue
from runtime.logs import get_logger
from runtime.publishing.document import ASKED_AGAIN, Document
from runtime.settings import Ehr, Settings
from runtime.trials.running import running
from runtime.watching.metrics import Metrics
from runtime.web import BadRequest, VigilError, json_response

log = get_logger("cdshooks")


def create_blueprint(
    settings: Settings,
    stock: Stock,
    store: redis.Redis,
    audit: Audit,
    keysets: KeySets,
    fhir: Fhir,
    clock: Callable[[], datetime],
    metrics: Metrics,
) -> Blueprint:
    """Return the CDS Hooks routes; all they need is handed in, the models as they were loaded."""
    # An embedded Redis is told too: the table on disk can't be written when the disk is full (G5).
    gate = Gate(settings, keysets, UsedTokens(store, settings.data_path / "used-tokens.db"), clock)
    document = Document(msgspec.json.encode(discovery()), "application/json", ASKED_AGAIN)
    queue = Queue(settings.queue_ms)
    blueprint = Blueprint("cdshooks", __name__)

    @blueprint.get("/cds-services", strict_slashes=False)
    def discover() -> Response:
        return document.answer()

    openapi.add_to(blueprint)
    # One host's own Redis holds no record that its audit log doesn't.
    earlier = EarlierCalls(audit, store, shared=settings.redis_url is not None)
    memory = Memory(store)
    dismissals = Dismissals(memory, settings, clock)
    unseen = Shadows(stock.shadows, audit, lambda: queue.busy)
    trial = running(settings, audit)
    answer = Answers(
        settings,
        stock.models,
        audit,
        fhir,
        clock,
        metrics,
        earlier,
        unseen,
        trial,
        memory,
        tuple(stock.missing),
    )
    for service in SERVICES:
        endpoint = _Endpoint(service, answer, gate, queue, settings, audit, dismissals)
        _route(blueprint, service.id, service.path, endpoint.call)
        _route(blueprint, f"{service.id}-feedback", service.feedback_path, endpoint.feedback)
    refusals = Refusals(audit, metrics)
    blueprint.register_error_handler(VigilError, refusals)
    blueprint.register_error_handler(AuditError, refusals.not_recorded)
    return blueprint


class _Endpoint:
    """The two addresses of one service."""

    def __init__(
        self,
        service: Service,
        answer: Answers,
        gate: Gate,
        queue: Queue,
        settings: Settings,
        audit: Audit,
        dismissals: Dismissals,
    ):
        self.dismissals = dismissals
        self.service, self.answer, self.gate, self.queue = service, answer, gate, queue
        self.public_url, self.audit, self.metrics = settings.public_url, audit, answer.metrics

    def call(self) -> Response:
        """Answer a call of the hook (R23, R61)."""
        caller, body = self._received(self.service.path)
        checked = perf_counter()
        asked = hooks.read(body, self.service.hook, self.service.context)
        g.known |= audit_record.person(asked.context)
        ehr = self.gate.ehr(caller, asked.fhirServer)
        g.known["ehr"] = ehr.id
        _log_ignored(caller, asked, ehr)
        cards = self.answer.answer(asked, ehr, caller, g.request_id, self.queue.turn)
        if cards and client.gone(request.environ):
            self.answer.not_delivered(asked, g.request_id)
        done = perf_counter()
        self.metrics.took({"auth": checked - g.started, "whole": done - g.started})
        timing = (
            f"auth;dur={1000 * (checked - g.started):.2f}, work;dur={1000 * (done - checked):.2f}"
        )
        return json_response({"cards": cards}, headers={"Server-Timing": timing})

    def feedback(self) -> Response:
        """Take feedback on the service's cards (R93)."""
        caller, body = self._received(self.service.feedback_path)
        with self.queue.turn():
            items = feedback.read(body)
            who = _giver(caller) | {"request_id": g.request_id}
            told = feedback_record.write(self.audit, items, who, {ehr.id for ehr in caller.likely})
            self.dismissals.take(told)
        if items.bad:
            positions = ", ".join(map(str, items.bad))
            raise BadRequest(
                "Of `feedback`, counted from 1, these items lack a `card` or a known `outcome`: "
                f"{positions}. The others are recorded."
            )
        return json_response({})

    def _received(self, path: str) -> tuple[Caller, bytes]:
        """Return who calls, and the body; `aud` may be the endpoint's URL, or the one that was
        called (A6).

        Cheap before costly: what is refused here has cost no more than was needed to refuse it, and
        a token is used up only by a call that will be answered.
        """
        self.queue.admit()
        audiences = {self.public_url + path, self.public_url + request.path}
        caller = self.gate.caller(request.headers.get("Authorization"), audiences)
        g.known = {
            "client": audit_record.client(caller),
            "ehrs": [ehr.id for ehr in caller.likely],
        }
        body = read_json_body(request)
        # Others may have come while the body did.
        self.queue.admit()
        self.gate.use(caller)
        return caller, body


def _route(blueprint: Blueprint, name: str, path: str, view: Callable[[], Response]) -> None:
    """Answer POST at a path, and where a client that was given our URLs with a final slash calls
    it: a redirect would lose the call, since a browser's preflight may not be redirected.
    """
    doubled = path.replace("/cds-services/", "/cds-services//")
    for written in (path, doubled):
        blueprint.add_url_rule(
            written,
            name,
            view,
            methods=["POST"],
            strict_slashes=False,
            merge_slashes=False,
        )


def _log_ignored(caller: Caller, asked: HookRequest[Context], ehr: Ehr) -> None:
    for what in audit_record.ignored(caller, asked):
        log.info("ignored", what=what, ehr=ehr.id, request_id=g.request_id)


def _giver(caller: Caller) -> dict[str, Any]:
    """Return the record that feedback belongs to; where tenant and audience do not tell, all that
    it may belong to.
    """
    likely = [ehr.id for ehr in caller.likely]
    return {"ehr": likely[0]} if len(likely) == 1 else {"ehr": None, "ehrs": likely}
