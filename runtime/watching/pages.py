"""The pages for those who keep Vigil running: `/livez`, `/readyz` and `/metrics` (G1).

The first two are open: a load balancer has no secret. `/metrics` says more, so it is closed unless
a token file is configured; it stands on the one port, so that no second one has to be guarded.
"""

import hmac
from pathlib import Path

from flask import Blueprint, Response, request

from runtime.logs import get_logger
from runtime.watching.metrics import Metrics
from runtime.watching.parts import DOWN, WHOLE, Parts, State
from runtime.web import Unauthorized, Unavailable, json_response

log = get_logger("watching")


def create_blueprint(parts: Parts, metrics: Metrics, token_file: Path | None) -> Blueprint:
    """Return the three pages; without `token_file` there are no metrics to read."""
    blueprint = Blueprint("watching", __name__)

    @blueprint.get("/livez")
    def livez() -> Response:
        return json_response({"status": "ok"})

    @blueprint.get("/readyz")
    def readyz() -> Response:
        states = parts.states()
        metrics.show(states)
        whole = states.pop(WHOLE).state
        body = {"status": whole, "parts": {name: _told(one) for name, one in states.items()}}
        return json_response(body, 503 if whole == DOWN else 200)

    if token_file:

        @blueprint.get("/metrics")
        def scrape() -> Response:
            _let_in(token_file)
            metrics.show(parts.states())
            return Response(metrics.text(), content_type=metrics.CONTENT_TYPE)

    return blueprint


def _told(state: State) -> dict[str, object]:
    told: dict[str, object] = {"state": state.state}
    if state.age is not None:
        told["age_seconds"] = round(state.age, 1)
    return told | ({"why": state.why} if state.why else {})


def _let_in(token_file: Path) -> None:
    """Raise Unauthorized without the file's token; read each time, so that a new one holds at
    once (F6).
    """
    try:
        wanted = f"Bearer {token_file.read_text('utf-8').strip()}".encode()
    except OSError as error:
        log.error("metrics", error=error)
        raise Unavailable("The token of this page can't be read.") from None
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(wanted, given):
        raise Unauthorized("Authentication is required.", {"WWW-Authenticate": "Bearer"})
