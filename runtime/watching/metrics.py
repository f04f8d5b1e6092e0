"""Turns what was answered and refused into numbers for Prometheus, over all workers of a host.

Labels come from closed lists: ids of EHRs, levels, words for reasons; never a patient or a user.
A fault in here is logged and costs no card (G13).
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import ParamSpec, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from runtime.logs import get_logger
from runtime.watching.parts import STATES, State
from runtime.watching.series import Series
from runtime.watching.shared import join, registry_of_all

P = ParamSpec("P")
log = get_logger("watching")


class Banded(Protocol):
    """What is counted of a risk."""

    @property
    def outcome(self) -> str:
        """The name of its outcome."""

    @property
    def band(self) -> str:
        """Its band, "indeterminate" where it is not certain."""


class Assessed(Protocol):
    """What is counted of an assessment."""

    @property
    def status(self) -> str:
        """Why there is no number, "scored" where that is the models' fault."""

    @property
    def level(self) -> str:
        """How urgent the card is."""

    @property
    def risks(self) -> Sequence[Banded]:
        """One for each model; none without a number."""

    @property
    def rejected(self) -> Mapping[str, int]:
        """How many Observations were left out, by reason."""

    @property
    def data_time(self) -> datetime | None:
        """When the newest value was taken (aware UTC)."""


def _harmless(method: Callable[P, None]) -> Callable[P, None]:
    @wraps(method)
    def tried(*given: P.args, **named: P.kwargs) -> None:
        try:
            method(*given, **named)
        except Exception as error:
            log.error("metrics", error=error)

    return tried


class Metrics:
    """The numbers of one process; every EHR of `ehrs` has its series from the start, so that
    silence is a zero and not a gap.
    """

    CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, ehrs: Collection[str] = ()) -> None:
        self._registry = CollectorRegistry()
        self._newest: dict[str, float] = {}
        self._begin(ehrs)

    @_harmless
    def _begin(self, ehrs: Collection[str]) -> None:
        join()
        self._series = Series(self._registry, ehrs)
        self._series.boots.inc()

    @_harmless
    def answered(
        self, ehr: str, delivery: str, assessment: Assessed, seconds: Mapping[str, float]
    ) -> None:
        """Count an answer; `seconds` are those of its stages."""
        series = self._series
        series.calls.labels(ehr, assessment.level, delivery).inc()
        for risk in assessment.risks:
            series.risks.labels(risk.outcome, risk.band).inc()
        if not assessment.risks:
            status = assessment.status
            series.without_number.labels(ehr, "model" if status == "scored" else status).inc()
        for reason, count in assessment.rejected.items():
            series.rejected.labels(ehr, reason).inc(count)
        self._seen(ehr, assessment.data_time)
        self._took(seconds)

    @_harmless
    def repeated(self, ehr: str) -> None:
        """Count an answer that was given again; what it says was counted the first time."""
        self._series.repeats.labels(ehr).inc()

    @_harmless
    def took(self, seconds: Mapping[str, float]) -> None:
        """Count how long stages of a call took."""
        self._took(seconds)

    @_harmless
    def refused(self, status: int, reason: str) -> None:
        """Count a call without cards; `reason` is a fixed word."""
        self._series.refusals.labels(str(status), reason).inc()

    @_harmless
    def show(self, states: Mapping[str, State]) -> None:
        """Show how the parts are."""
        for name, state in states.items():
            self._series.state.labels(name).set(STATES.index(state.state))
            if state.age is not None:
                self._series.since.labels(name).set(time.time() - state.age)

    def text(self) -> bytes:
        """Return all numbers of this host's workers in Prometheus's text format."""
        return generate_latest(registry_of_all() or self._registry)

    def _took(self, seconds: Mapping[str, float]) -> None:
        for stage, took in seconds.items():
            self._series.stages.labels(stage).observe(took)

    def _seen(self, ehr: str, newest: datetime | None) -> None:
        if newest is not None and newest.timestamp() > self._newest.get(ehr, 0.0):
            self._newest[ehr] = newest.timestamp()
            self._series.newest.labels(ehr).set(newest.timestamp())
