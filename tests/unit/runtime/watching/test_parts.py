"""What /livez and /readyz say of the parts (G1)."""

import pytest
import redis
from flask import Flask

from runtime.watching import pages, parts
from runtime.watching.metrics import Metrics
from runtime.watching.parts import DEGRADED, DOWN, OK, Parts, State, answering


def well() -> Parts:
    made = Parts()
    made.add("audit", lambda: State(OK, None), vital=True)
    return made


def asked(known: Parts):
    app = Flask("vigil")
    app.register_blueprint(pages.create_blueprint(known, Metrics(), None))
    client = app.test_client()
    assert client.get("/livez").json == {"status": "ok"}
    assert client.get("/metrics").status_code == 404
    return client.get("/readyz")


@pytest.mark.rule("G1")
@pytest.mark.parametrize(
    ("name", "state", "status", "whole"),
    [
        ("audit", OK, 200, OK),
        ("audit", DEGRADED, 200, DEGRADED),
        ("audit", DOWN, 503, DOWN),
        ("redis", DEGRADED, 200, DEGRADED),
        ("redis", DOWN, 200, DEGRADED),
    ],
)
def test_ready_is_200_while_any_card_can_be_answered(name, state, status, whole):
    """Only without a vital part is it 503; any other fault is told, with its reason."""
    known = well()
    known.add(name, lambda: State(state, None, "some words"), vital=name == "audit")
    answer = asked(known)
    assert (answer.status_code, answer.json["status"]) == (status, whole)
    assert answer.json["parts"][name] == {"state": state, "why": "some words"}
    assert set(answer.json["parts"]) == {"audit", name}


def test_a_part_that_can_not_be_asked_takes_nothing_away():
    """Its fault is degraded, also where it is vital, and nothing of the exception is told."""

    def fails():
        raise ValueError("Patient/1 said no")

    known = well()
    known.add("vital", fails, vital=True)
    answer = asked(known)
    assert (answer.status_code, answer.json["status"]) == (200, DEGRADED)
    assert answer.json["parts"]["vital"] == {"state": DEGRADED, "why": "could not be asked"}


def test_a_part_that_stops_answering_tells_its_last_answer(monkeypatch):
    """Its age is that of the last answer, and None where it never gave one."""
    now, up = [1000.0], [False]
    monkeypatch.setattr(parts.time, "monotonic", lambda: now[0])

    def ping():
        if not up[0]:
            raise redis.ConnectionError

    ask = answering(ping, redis.RedisError, "gone")
    assert ask() == State(DOWN, None, "gone") and ask().age is None
    up[0] = True
    assert ask() == State(OK, 1000.0)
    up[0], now[0] = False, 1007.5
    assert ask() == State(DOWN, 1000.0, "gone") and ask().age == 7.5


def test_the_age_of_a_part_is_told():
    """In seconds, and not where there is none."""
    known = well()
    known.add("redis", lambda: State(OK, parts.time.monotonic() - 90))
    told = asked(known).json["parts"]
    assert 90 <= told["redis"]["age_seconds"] < 120 and "age_seconds" not in told["audit"]
