"""What /health says (G1, G7)."""

import pytest
import redis
from flask import Flask

from runtime import health


@pytest.mark.rule("G1", "G7")
@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("lacking", [{}, {"missing": ["sepsis"]}, {"behind": ["sepsis"]}])
def test_health_is_200_while_cards_can_be_answered(up, lacking):
    """Without Redis or a model it is degraded, and names what is lacking."""

    class Store:
        def ping(self):
            if not up:
                raise redis.ConnectionError
            return True

    served = {"models": ["deterioration 1.0.0"], "missing": [], "behind": []} | lacking
    app = Flask("vigil")
    app.register_blueprint(health.create_blueprint(Store(), served))
    answer = app.test_client().get("/health")
    assert answer.status_code == 200
    status = "ok" if up and not lacking else "degraded"
    assert answer.json == {"status": status, "redis": up} | served
