"""What /health says (G1)."""

import pytest
import redis
from flask import Flask

from runtime import health
from runtime.serving.state import State


@pytest.mark.parametrize("up", [True, False])
def test_health_is_200_while_cards_can_be_answered(up):
    class Store:
        def ping(self):
            if not up:
                raise redis.ConnectionError
            return True

    app = Flask("vigil")
    app.register_blueprint(health.create_blueprint(Store(), State(("deterioration 1.0.0",))))
    answer = app.test_client().get("/health")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ok" if up else "degraded",
        "redis": up,
        "models": ["deterioration 1.0.0"],
        "missing": [],
        "behind": [],
    }
