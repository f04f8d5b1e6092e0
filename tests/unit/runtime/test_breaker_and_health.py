"""What keeps a call short while a FHIR server is down (C5), and what /health says (G1)."""

import pytest
import redis
from flask import Flask

from ehr import fetch
from ehr.http import OutgoingError
from runtime import health
from runtime.settings import settings_from

BASE = "https://fhir.example.org/r4"


class Down:
    """Stands for Outgoing and counts."""

    asked = 0

    def get(self, *_):
        self.asked += 1
        raise OutgoingError("timeout")


@pytest.mark.rule("C5")
def test_a_server_that_is_down_is_left_alone_for_a_while(monkeypatch):
    """Five failures open the way's breaker; after ten seconds one try is let through, and closes
    it again at once.
    """
    clock, http = [1000.0], Down()
    monkeypatch.setattr(fetch.time, "monotonic", lambda: clock[0])
    settings = settings_from(
        {
            "public_url": "https://vigil.example.org",
            "ehr": [{"id": "a", "fhir_base": [BASE], "smart_client_id": "v"}],
        }
    )
    server = fetch.Fhir(http, settings)

    def ask() -> str:
        with pytest.raises(fetch.FetchError) as caught:
            server.start(BASE, "token", 1.0).read("Patient/1")
        return str(caught.value)

    assert [ask() for _ in range(8)] == ["timeout"] * 5 + ["server is down"] * 3 and http.asked == 5
    clock[0] += 11
    assert [ask() for _ in range(3)] == [
        "timeout",
        "server is down",
        "server is down",
    ] and http.asked == 6


@pytest.mark.rule("G1")
@pytest.mark.parametrize("up", [True, False])
def test_health_is_200_while_cards_can_be_answered(up):
    class Store:
        def ping(self):
            if not up:
                raise redis.ConnectionError
            return True

    app = Flask("vigil")
    app.register_blueprint(health.create_blueprint(Store(), ["deterioration 1.0.0"]))
    answer = app.test_client().get("/health")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ok" if up else "degraded",
        "redis": up,
        "models": ["deterioration 1.0.0"],
    }
