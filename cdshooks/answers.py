"""Turns one checked call of a hook into cards, and writes the audit record before they leave
(G12, governance part 5).
"""

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from time import perf_counter
from typing import Any

from cdshooks import audit_record, prefetch, replay
from cdshooks.auth import Caller
from cdshooks.delivering.decision import Decision, decide, recorded
from cdshooks.delivering.form import given
from cdshooks.delivering.history import History
from cdshooks.delivering.memory import Memory
from cdshooks.delivering.seen import seen
from cdshooks.earlier import REPEAT, EarlierCalls
from cdshooks.hooks import Context, HookRequest
from cdshooks.trials.shadow_scoring import Shadows
from ehr.chart import Collected
from ehr.fetch import Fhir
from models.assess import Assessment, assess
from models.fitted.booster import ModelError
from models.fitted.registry import Model
from models.patient.chart import Chart
from models.reading.reader import WrongPatient
from models.withheld import withheld
from runtime.audit.log import Audit
from runtime.logs import get_logger
from runtime.settings import Ehr, Settings
from runtime.trials.arm import Subject
from runtime.trials.phase import phase_of
from runtime.trials.running import Running
from runtime.watching.metrics import Metrics
from runtime.web import PreconditionFailed

log = get_logger("cdshooks")


class Answers:
    """What answers for a patient: the opening of a chart, and what an admission or a discharge asks
    beside that.
    """

    def __init__(
        self,
        settings: Settings,
        models: Sequence[Model],
        audit: Audit,
        fhir: Fhir,
        clock: Callable[[], datetime],
        metrics: Metrics,
        earlier: EarlierCalls,
        shadows: Shadows,
        trial: Running | None,
        memory: Memory,
        missing: Sequence[str] = (),
    ):
        self.settings, self.models, self.audit, self.fhir, self.clock = (
            settings,
            models,
            audit,
            fhir,
            clock,
        )
        self.metrics, self.missing = metrics, missing
        self.earlier, self.memory = earlier, memory
        self.shadows, self.trial = shadows, trial

    def answer(
        self,
        request: HookRequest[Context],
        ehr: Ehr,
        caller: Caller,
        request_id: str,
        turn: Callable[[], AbstractContextManager[None]],
    ) -> list[dict[str, Any]]:
        """Return the cards of a call; its audit record is on disk by then.

        Of two calls that came at once the second waits for its `turn`.

        Raises PreconditionFailed when data are missing or of another patient, AuditError when
        nothing may be shown.
        """
        at = self.clock()
        record = audit_record.call(request, ehr, caller, at) | {"request_id": request_id}
        record |= audit_record.stay(prefetch.encounter(request, ehr))
        started = perf_counter()
        collected, notes = prefetch.complete(request, ehr, self.fhir, at)
        gathered = perf_counter()
        with turn():
            record["latency_ms"] = {
                "data": _ms(started, gathered),
                "turn": _ms(gathered, perf_counter()),
            }
            return self._computed(record, collected, notes, ehr, at)

    def _computed(
        self,
        record: dict[str, Any],
        collected: Collected,
        notes: list[str],
        ehr: Ehr,
        at: datetime,
    ) -> list[dict[str, Any]]:
        began = perf_counter()
        earlier = self._earlier(record, at, collected, ehr)
        if earlier:
            return self._repeat(earlier, ehr, record)
        chart = _chart(collected, record["patient"], at, ehr)
        assessment = self._assess(chart, at, notes, ehr.overdue_factor, record["question"])
        assessed = perf_counter()
        record["overdue_factor"] = ehr.overdue_factor
        record["assessment_id"] = str(uuid.uuid4())
        self._arm(record, ehr, at)
        record |= audit_record.result(assessment, chart, notes)
        # Questions ask the models also where no risk is given.
        record["models"] = [[model.id.name, model.id.version] for model in self.models]
        found = seen(record)
        history = self.memory.recall(found, ehr.zone)
        silent = phase_of(ehr, record["user"]).silent
        decision = decide(found, history or History(), ehr, ehr.zone, silent)
        made = self._given(decision, assessment, record, ehr)
        record["latency_ms"]["assess"] = _ms(began, perf_counter())
        record |= audit_record.looked_at(ehr, history) | audit_record.answer(decision, made)
        record["repeat"] = False
        ready = perf_counter()
        self.audit.append("hook", record)
        self.earlier.keep(record)
        if history:
            self.memory.keep(found, history, decision, ehr, ehr.zone)
        self.metrics.answered(
            ehr.id,
            decision.reason,
            assessment,
            {
                "fetch": record["latency_ms"]["data"] / 1000,
                "turn": record["latency_ms"]["turn"] / 1000,
                "assess": assessed - began,
                "card": ready - assessed,
                "audit": perf_counter() - ready,
            },
        )
        self.shadows.after_answer(record["assessment_id"], chart, assessment, ehr.overdue_factor)
        return made

    def not_delivered(self, request: HookRequest[Context], request_id: str) -> None:
        """Record of an answer, whose record says `shown`, that its client had gone before it left.

        Raises AuditError.
        """
        names = {"hook_instance": request.hookInstance.lower(), "request_id": request_id}
        self.audit.append("not-delivered", {"of": "hook", "reason": "client gone"} | names)

    def _assess(
        self,
        chart: Chart,
        at: datetime,
        notes: list[str],
        overdue_factor: float,
        question: str,
    ) -> Assessment:
        """Assess a chart; a model that fails leaves NEWS2, one that is missing the others (G7)."""
        notes += [replay.MISSING + name for name in self.missing]
        try:
            assessment = assess(chart, at, self.models, overdue_factor, self.missing, question)
            # Asked for here, so that a fault of the model is met here and not on the card.
            if assessment.lead:
                _ = assessment.lead.explanation
            return assessment
        except ModelError as error:
            log.error("model", error=error)
            notes.append(replay.FAILED)
            return assess(chart, at, (), overdue_factor, self.missing, question)

    def _arm(self, record: dict[str, Any], ehr: Ehr, at: datetime) -> None:
        """Write the arm of a call into its record."""
        subject = Subject(ehr.id, record["patient"], record["encounter"], record.get("unit"))
        arm = self.trial.arm(subject, ehr, at) if self.trial else None
        record["trial"] = self.trial.record(arm) if self.trial and arm else None
        record["withheld"] = bool(arm and arm.withheld)

    def _given(
        self, made: Decision, assessment: Assessment, record: dict[str, Any], ehr: Ehr
    ) -> list[dict[str, Any]]:
        told = withheld(assessment) if record.get("withheld") else assessment
        name, encounter = record["assessment_id"], record["encounter"]
        return given(made, told, name, ehr, self.settings.public_url, encounter)

    def _earlier(
        self, record: dict[str, Any], at: datetime, collected: Collected, ehr: Ehr
    ) -> dict[str, Any] | None:
        """Return the record of the same call: same hook and hookInstance, question, EHR, patient
        and user, and the same chart as it was read then.
        """
        found = self.earlier.find(record["hook"], record["hook_instance"])
        alike = ("ehr", "patient", "user", "question")
        # Records of before 0.5.0 hold no question.
        if found is None or any(found.get(key, "") != record[key] for key in alike):
            return None
        then = datetime.fromisoformat(found["at"])
        before = Chart.from_json(found["chart"])
        serving = {(model.id.name, model.id.version) for model in self.models}
        # Of a version that no longer serves the answer can't be given again.
        same = at - then < REPEAT and serving.issuperset(replay.answered_by(found))
        same = same and _chart(collected, record["patient"], then, ehr) == before
        return found if same else None

    def _repeat(
        self, earlier: dict[str, Any], ehr: Ehr, record: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the cards of the first call again, made from its record, and note that this was
        a repeat.
        """
        made, decision = [], recorded(earlier)
        if decision.shown:
            assessment = replay.again(earlier, self.models)
            made = self._given(decision, assessment, earlier, ehr)
        record |= {"trial": earlier.get("trial"), "withheld": earlier.get("withheld", False)}
        again = {"repeat": True, "repeat_of": earlier["assessment_id"]}
        self.audit.append("hook", record | audit_record.answer(decision, made) | again)
        self.metrics.repeated(ehr.id)
        return made


def _chart(collected: Collected, patient_id: str, at: datetime, ehr: Ehr) -> Chart:
    try:
        return collected.chart(patient_id, at, ehr.fhir_base)
    except WrongPatient:
        raise PreconditionFailed(prefetch.OTHER_PATIENT) from None


def _ms(start: float, end: float) -> float:
    return round(1000 * (end - start), 3)
