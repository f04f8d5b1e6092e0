"""Scores shadow models on the charts of calls that were answered: after the answer has left, when
nobody waits, or not at all (G13).

What is to be scored waits in a short queue of this process. A shadow that fails costs a line in
the log; where the queue is full, or the audit log has trouble of its own, calls are passed over,
and the next record says how many.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from flask import Response, after_this_request
from gevent import idle, monkey

from models.assess import Assessment, assess
from models.fitted.model import Model
from models.judged import risk_record
from models.patient.chart import Chart
from runtime.audit.log import Audit, AuditError
from runtime.logs import get_logger

LONGEST_QUEUE = 256
BUSY_SECONDS = 0.01
# What comes within this time is recorded together: each write of its own holds up those of cards.
GATHER_SECONDS = 1.0
log = get_logger("cdshooks")
Job = tuple[str, Chart, Assessment, float]


class Shadows:
    """The shadows of one process; `busy` tells whether a call is being answered."""

    def __init__(self, models: Sequence[Model], audit: Audit, busy: Callable[[], bool]):
        self._models, self._audit, self._busy = models, audit, busy
        self._jobs = queue.Queue[Job](LONGEST_QUEUE)
        self._dropped, self._lock = 0, threading.Lock()
        self._running = False
        self._quiet = idle if monkey.is_module_patched("threading") else _at_once

    def after_answer(
        self, assessment_id: str, chart: Chart, champion: Assessment, overdue_factor: float
    ) -> None:
        """Have the shadows of the request that is being answered scored once its answer has left.

        Where no number was due none is made.
        """
        if not self._models or champion.status != "scored":
            return
        job = assessment_id, chart, champion, overdue_factor

        @after_this_request
        def wait(response: Response) -> Response:
            response.call_on_close(partial(self._offer, job))
            return response

    def _offer(self, job: Job) -> None:
        self._start()
        try:
            # Records of shadows must not fill the reserve that cards need (G5).
            if self._audit.state().status != "ok":
                raise queue.Full
            self._jobs.put_nowait(job)
        except queue.Full:
            self._dropped += 1
            if self._dropped == 1:
                log.warning("shadow_dropped")

    def _start(self) -> None:
        """Start the thread, under gevent a greenlet, at the first job: after the fork."""
        with self._lock:
            if not self._running:
                threading.Thread(target=self._run, name="shadows", daemon=True).start()
                self._running = True

    def _run(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            time.sleep(GATHER_SECONDS)
            jobs += [self._jobs.get() for _ in range(self._jobs.qsize())]
            found = [self._scored(model, job) for job in jobs for model in self._models]
            self._record([record for record in found if record])

    def _scored(self, model: Model, job: Job) -> dict[str, Any] | None:
        """Return the record of one shadow on one chart; None where it failed, which concerns nobody
        but who reads the log.
        """
        while self._busy():
            time.sleep(BUSY_SECONDS)
        self._quiet()
        assessment_id, chart, champion, overdue_factor = job
        try:
            began = time.perf_counter()
            (shadow,) = assess(chart, champion.at, (model,), overdue_factor).risks
            beside = next((r for r in champion.risks if r.outcome == shadow.outcome), None)
            return {
                "assessment_id": assessment_id,
                "at": champion.at.isoformat(),
                **risk_record(shadow),
                "score": shadow.score,
                "champion": risk_record(beside) | {"score": beside.score} if beside else None,
                "dropped": 0,
                "latency_ms": round(1000 * (time.perf_counter() - began), 3),
            }
        except Exception as error:
            log.warning("shadow_failed", error=error, **asdict(model.id))
            return None

    def _record(self, records: list[dict[str, Any]]) -> None:
        if not records:
            return
        records[0]["dropped"], self._dropped = self._dropped, 0
        try:
            self._audit.append_all([("shadow", record) for record in records])
        except AuditError as error:
            log.warning("shadow_not_recorded", error=error, records=len(records))


def _at_once() -> None:
    """Without gevent the system shares its time among threads."""
