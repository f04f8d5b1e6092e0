"""The table of what is counted and measured, a series each."""

from collections.abc import Collection
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LEVELS = ("info", "warning", "critical")
# A hook call should be answered in 0.5 s; beyond 5 s the EHR has gone on without us.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Series:
    """One process's series. Help texts are short, since shared memory holds one beside each number;
    a gauge shows the worst of all living workers, since what fails in one fails for its callers.
    """

    def __init__(self, registry: CollectorRegistry, ehrs: Collection[str]):
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self.boots = counter("vigil_worker_boots", "Workers started.")
        self.calls = counter("vigil_calls", "Calls answered.", ("ehr", "level", "delivery"))
        self.repeats = counter("vigil_repeated_calls", "Calls answered again.", ("ehr",))
        self.without_number = counter(
            "vigil_without_number", "Answers without a risk.", ("ehr", "reason")
        )
        self.risks = counter("vigil_risks", "Risks by band.", ("outcome", "band"))
        self.rejected = counter(
            "vigil_rejected_observations", "Observations left out.", ("ehr", "reason")
        )
        self.refusals = counter("vigil_refusals", "Calls refused.", ("status", "reason"))
        self.stages = Histogram(
            "vigil_stage_seconds",
            "Time of a stage of a call.",
            ("stage",),
            registry=registry,
            buckets=BUCKETS,
        )
        # The newest value of any chart stays so, whoever saw it.
        self.newest = gauge(
            "vigil_newest_observation_timestamp_seconds",
            "Newest value of any chart.",
            ("ehr",),
            multiprocess_mode="max",
        )
        self.state = gauge(
            "vigil_part_state",
            "0 ok, 1 degraded, 2 down.",
            ("part",),
            multiprocess_mode="livemax",
        )
        self.since = gauge(
            "vigil_part_since_timestamp_seconds",
            "When its state was last learned.",
            ("part",),
            multiprocess_mode="livemin",
        )
        self._begin(ehrs)

    def _begin(self, ehrs: Collection[str]) -> None:
        """Begin with a zero where silence means something."""
        for ehr in ehrs:
            self.repeats.labels(ehr)
            for level in LEVELS:
                self.calls.labels(ehr, level, "at or above threshold")
        for reason in ("overload", "audit"):
            self.refusals.labels("503", reason)
