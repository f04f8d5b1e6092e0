"""Turns the state of what Vigil stands on into `/health`: ok, or degraded with the part that is
away.
"""

import redis
from flask import Blueprint, Response

from runtime.serving.state import State
from runtime.web import json_response


def create_blueprint(store: redis.Redis, state: State) -> Blueprint:
    """Return the health page; it answers 200 while cards can be answered, even without Redis
    (G1) or a model (G7).
    """
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/health")
    def health() -> Response:
        up = _answers(store)
        return json_response(
            {
                "status": "ok" if up and state.whole else "degraded",
                "redis": up,
                "models": state.models,
                "missing": sorted(state.missing),
                "behind": sorted(state.behind),
            }
        )

    return blueprint


def _answers(store: redis.Redis) -> bool:
    try:
        return bool(store.ping())
    except redis.RedisError:
        return False
