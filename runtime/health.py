"""Turns the state of what Vigil stands on into `/health`: ok, or degraded with the part that is
away.
"""

from collections.abc import Mapping, Sequence

import redis
from flask import Blueprint, Response

from runtime.web import json_response


def create_blueprint(store: redis.Redis, models: Mapping[str, Sequence[str]]) -> Blueprint:
    """Return the health page; it answers 200 while cards can be answered, even without Redis
    (G1) or a model (G7).

    `models` names those that are served, those that are `missing`, and those that are `behind`
    their champion.
    """
    blueprint = Blueprint("health", __name__)
    whole = not (models["missing"] or models["behind"])

    @blueprint.get("/health")
    def health() -> Response:
        up = _answers(store)
        return json_response(
            {"status": "ok" if up and whole else "degraded", "redis": up, **models}
        )

    return blueprint


def _answers(store: redis.Redis) -> bool:
    try:
        return bool(store.ping())
    except redis.RedisError:
        return False
