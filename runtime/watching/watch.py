"""Sets a serving process under watch: its parts, its pages, its rounds (G1, G11)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from flask import Flask
from redis import Redis, RedisError

from runtime.audit.log import Audit
from runtime.settings import Settings
from runtime.watching import pages
from runtime.watching.metrics import Metrics
from runtime.watching.parts import DEGRADED, OK, Parts, State, answering
from runtime.watching.records import Records
from runtime.watching.rounds import Rounds

ROUNDS = "vigil rounds"
NO_REDIS = "sign-ins fail; used tokens are known on this host alone"
# As it was approved: so it is well, and nobody must wonder why there are no cards.
SILENT = "mode is {}"


def parts_of(
    settings: Settings,
    redis: Redis,
    audit: Audit,
    models: Mapping[str, Sequence[str]],
    key_set: Callable[[str], State],
    servers: Callable[[Collection[str]], State],
) -> Parts:
    """Return what a process stands on; `models` names those that are served, those that are
    `missing` and those `behind` their champion; `key_set` tells of a source of keys, `servers` of
    an EHR's FHIR bases.
    """
    parts = Parts()
    records = Records(audit)
    parts.add("audit", records.state, vital=True)
    parts.add("audit proof", records.proof)
    parts.add("models", partial(_models, **models))
    parts.add("redis", answering(redis.ping, RedisError, NO_REDIS))
    for ehr in settings.ehr:
        if source := settings.hook_keys(ehr):
            parts.add(f"keys/{ehr.id}", partial(key_set, source))
        parts.add(f"fhir/{ehr.id}", partial(servers, ehr.fhir_base))
        if ehr.mode != "live":
            parts.add(f"cards/{ehr.id}", partial(State, OK, None, SILENT.format(ehr.mode)))
    return parts


def _models(models: Sequence[str], missing: Sequence[str], behind: Sequence[str]) -> State:
    named = {"serving": models, "missing": missing, "behind": behind}
    why = "; ".join(f"{word} {', '.join(names)}" for word, names in named.items() if names)
    return State(DEGRADED if missing or behind else OK, None, why)


def install(
    app: Flask, settings: Settings, parts: Parts, metrics: Metrics, examine: Callable[[], str]
) -> None:
    """Give an application its pages and its rounds, in which `examine` says what is wrong."""
    rounds = Rounds(examine, lambda: metrics.show(parts.states()))
    parts.add("synthetic patient", rounds.state)
    app.register_blueprint(pages.create_blueprint(parts, metrics, settings.metrics_token_path))
    app.extensions[ROUNDS] = rounds


def begin(app: Flask) -> None:
    """Begin the rounds of an application that serves."""
    rounds: Rounds = app.extensions[ROUNDS]
    rounds.start()
