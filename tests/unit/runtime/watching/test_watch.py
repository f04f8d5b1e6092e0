"""A process under watch: the parts that it stands on, and what a round finds (G1, G11)."""

from types import SimpleNamespace

import pytest
import redis
from flask import Flask

from runtime.audit import ledger
from runtime.settings_file import settings_from
from runtime.watching import watch
from runtime.watching.metrics import Metrics
from runtime.watching.parts import DOWN, OK, State

EHRS = [
    {
        "id": "keyed",
        "fhir_base": ["https://f.example.org"],
        "hook_issuer": "https://f.example.org",
        "hook_jwks_url": "https://f.example.org/jwks",
    },
    {"id": "open", "fhir_base": ["https://g.example.org"], "hook_auth": "open"},
]
MODELS = {"models": ["death 1"], "missing": ["sepsis"], "behind": []}


def ping():
    raise redis.ConnectionError


@pytest.mark.rule("G1", "G11")
def test_a_model_that_gives_nonsense_is_seen_by_all_who_look():
    """/readyz is degraded and says why, 200 all the same; the metric is 2; every collaborator is
    asked by what it knows of itself.
    """
    settings = settings_from({"public_url": "https://v.example.org", "ehr": EHRS})
    asked, metrics, app = [], Metrics(), Flask("vigil")

    def well(*about):
        asked.append(about)
        return State(OK, 0.0)

    audit = SimpleNamespace(state=ledger.State, alarm=None)
    parts = watch.parts_of(settings, SimpleNamespace(ping=ping), audit, MODELS, well, well)
    watch.install(app, settings, parts, metrics, lambda: "death: low for the dying patient")
    app.extensions[watch.ROUNDS].once()
    answer = app.test_client().get("/readyz")
    told = answer.json["parts"]
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert told["synthetic patient"]["state"] == DOWN
    assert told["synthetic patient"]["why"] == "death: low for the dying patient"
    assert told["models"] == {"state": "degraded", "why": "serving death 1; missing sepsis"}
    assert told["redis"] == {"state": DOWN, "why": watch.NO_REDIS}
    assert set(told) == {
        *("audit", "audit proof", "models", "redis", "synthetic patient"),
        *("keys/keyed", "fhir/keyed", "fhir/open"),
    }
    assert {("https://f.example.org/jwks",), (("https://g.example.org",),)} <= set(asked)
    assert 'vigil_part_state{part="synthetic patient"} 2.0' in metrics.text().decode()
