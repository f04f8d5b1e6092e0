"""Delivery over HTTP: two workers with one Redis, feedback that quiets, and a Redis that is away."""

import json
import uuid
from datetime import timedelta

import msgspec
import pytest
import redis

import vigil
from cdshooks.delivering.decision import decide
from cdshooks.delivering.history import History
from cdshooks.delivering.seen import seen
from runtime import store
from runtime.settings import Policy
from runtime.settings_file import SettingsError, settings_from
from tests.support import hookcall
from tests.support.hookcall import CALM, FEEDBACK, bundle, observations, prefetch
from tests.support.trials import trial

HOUR = timedelta(hours=1)


def calm(**change):
    """Return a call about somebody whom only the model holds for ill."""
    vitals = CALM | {"heart_rate": ("8867-4", "/min", 90)}
    given = prefetch(vitals=bundle(observations(vitals | change)), labs=None)
    return hookcall.request(prefetch=given)


@pytest.fixture
def workers(tmp_path):
    """Two workers of one host, and their Redis."""
    server = store.embedded(tmp_path / "redis")
    yield (
        *(hookcall.World(tmp_path, redis_url=server.url) for _ in range(2)),
        store.connect(server.url),
    )
    server.stop()


def dismiss(world, card, code=None, **more):
    reason = {"overrideReason": {"reason": {"code": code}}} if code else {}
    said = {"card": card["uuid"], "outcome": "overridden"} | reason | more
    answer = world.post({"feedback": [said]}, path=FEEDBACK)
    assert answer.status_code == 200, answer.text


def later(workers, hours):
    for world in workers[:2]:
        world.now += hours * HOUR


def test_a_chart_that_is_opened_twice_has_one_card(workers):
    """Whichever worker answers; another user gets a card, and the first one after a shift."""
    one, two, _ = workers
    first = one.cards(calm())
    assert len(first) == 1 and two.cards(calm()) == []
    record = two.record()
    assert (record["delivery"], record["form"], record["shown"]) == ("quiet period", "none", False)
    assert record["history"]["before"]["level"] == "warning"
    other = calm()
    other["context"]["userId"] = "Practitioner/d2"
    assert two.cards(other)
    later(workers, 8)
    assert two.cards(calm())


def test_a_grave_card_is_given_again_as_one_line(workers):
    one, two, _ = workers
    (whole,), (line,) = one.cards(hookcall.request()), two.cards(hookcall.request())
    assert (line["indicator"], line["summary"]) == (whole["indicator"], whole["summary"])
    assert line["detail"].startswith("Shown in full to you before; nothing new since.")
    assert "22:05" in line["detail"] and len(line["detail"]) < 140
    assert line["links"] and line["uuid"] != whole["uuid"] and two.record()["shown"]


@pytest.mark.rule("G12")
def test_a_call_that_comes_again_gets_what_was_given_then(workers):
    """The whole card, the line, or nothing, although the history has moved on since."""
    one, two, _ = workers
    for body in (hookcall.request(), hookcall.request(), calm(), calm()):
        given = one.cards(body)
        assert two.cards(body) == given
        first = one.audit.find_assessment(two.record()["repeat_of"])
        assert two.record()["repeat"] and two.record()["form"] == first["form"]


def test_a_graver_chart_breaks_the_quiet(workers):
    one, two, _ = workers
    one.cards(calm())
    (card,) = two.cards(calm(spo2=("59408-5", "%", 88)))
    assert two.record()["delivery"] == "new finding" and "SpO2 88 %" in card["summary"]


@pytest.mark.rule("R93")
@pytest.mark.parametrize(
    ("code", "for_all", "hours"), [("known", False, 24), ("limits", True, 72), (None, False, 0)]
)
def test_a_dismissal_quiets_the_next_calls(workers, code, for_all, hours):
    """Of that user or of all, by its reason, on every worker; it is another user's business what
    one knows.
    """
    one, two, _ = workers
    (card,) = one.cards(calm())
    dismiss(two, card, code)
    other = calm()
    other["context"]["userId"] = "Practitioner/d2"
    assert bool(two.cards(other)) is not for_all
    later(workers, 9)
    fresh = calm()
    assert bool(two.cards(fresh)) is (hours < 9)
    if hours:
        assert two.record()["delivery"] == f"snoozed: {code}"
    later(workers, 64)
    assert one.cards(calm())


def test_a_repeated_dismissal_does_not_last_longer(workers):
    one, two, _ = workers
    (card,) = one.cards(calm())
    dismiss(one, card, "known")
    later(workers, 23)
    dismiss(two, card, "known")
    later(workers, 2)
    assert one.cards(calm())


def test_wrong_data_are_quiet_until_there_are_newer(workers):
    one, two, _ = workers
    (card,) = one.cards(calm())
    dismiss(one, card, "data")
    later(workers, 9)
    assert two.cards(calm()) == [] and two.record()["delivery"] == "snoozed: data"
    newer = calm()
    newer["prefetch"]["vitals"]["entry"][0]["resource"]["effectiveDateTime"] = (
        two.now - HOUR
    ).isoformat()
    assert two.cards(newer)


def test_a_daily_limit_counts_for_all_workers(tmp_path):
    server = store.embedded(tmp_path / "redis")
    try:
        worlds = [
            hookcall.World(tmp_path, redis_url=server.url, interrupts_per_day=2, quiet_hours=0)
            for _ in range(2)
        ]
        levels = [worlds[n % 2].cards(calm())[0]["indicator"] for n in range(4)]
        assert levels == ["warning", "warning", "info", "info"]
        assert worlds[1].record()["delivery"] == "daily limit"
        grave = worlds[0].cards(hookcall.request())[0]
        assert grave["indicator"] == "critical"
        for world in worlds:
            world.now += 10 * HOUR
        assert worlds[0].cards(calm())[0]["indicator"] == "warning"
    finally:
        server.stop()


@pytest.mark.rule("G1")
@pytest.mark.rule("G13")
def test_without_redis_each_call_has_its_card_and_the_record_says_so(tmp_path):
    world = hookcall.World(tmp_path)
    (card,) = world.cards(calm())
    dismiss(world, card, "known")
    assert world.cards(calm()) and world.record()["history"] is None


@pytest.mark.rule("F10")
def test_redis_holds_no_word_of_a_patient(workers):
    """Neither in keys nor in values, and everything ends by itself."""
    one, _, connection = workers
    body = hookcall.request()
    body["context"]["encounterId"] = "enc-77"
    (card,) = one.cards(body)
    for code in ("known", "limits", "data"):
        dismiss(one, card, code)
    keys = connection.keys("vigil:delivery:*")
    assert len(keys) == 5
    for key in keys:
        assert connection.pttl(key) > 0
        for word in (b"Practitioner", b"enc-77", b"heart_rate", b"warning", b"limits"):
            assert word not in key.split(b":")[-1] and word not in connection.get(key)


def test_what_cannot_be_read_in_redis_is_no_history(workers):
    """Damaged, or of a host with another key."""
    one, two, connection = workers
    one.cards(calm())
    for key in connection.keys("vigil:delivery:*"):
        if connection.strlen(key) > 10:
            connection.set(key, b"damaged" * 9)
    assert two.cards(calm())


def test_every_decision_can_be_made_again_from_its_record(workers):
    """The record holds all that it went by; the policy's hash names the policy."""
    one, two, _ = workers
    (card,) = one.cards(calm())
    dismiss(one, card, "known")
    for body in (calm(), hookcall.request(), calm(spo2=("59408-5", "%", 88))):
        two.cards(body)
    records = list(one.audit.records(None, "hook"))
    assert {record["delivery"] for record in records} >= {"snoozed: known", "level risen"}
    for record in records:
        history = msgspec.convert(record["history"], History)
        policy = msgspec.convert(record["policy"], Policy)
        made = decide(seen(record), history, policy, one.settings.ehr[0].zone)
        assert (made.form, made.level, made.reason) == (
            record["form"],
            record["given_level"],
            record["delivery"],
        )
    assert len({record["policy_sha256"] for record in records}) == 1


def test_a_call_asks_redis_once_and_tells_it_once(workers, monkeypatch):
    one, _, _ = workers
    sent = []
    ours = redis.client.Pipeline.execute, redis.Redis.mget
    monkeypatch.setattr(
        redis.client.Pipeline, "execute", lambda *a, **k: (sent.append("pipe"), ours[0](*a, **k))[1]
    )
    monkeypatch.setattr(
        redis.Redis, "mget", lambda *a, **k: (sent.append("mget"), ours[1](*a, **k))[1]
    )
    one.cards(calm())
    assert sent == ["mget", "pipe"]
    assert json.loads(json.dumps(one.record()["history"])) == {
        "before": None,
        "snoozes": {},
        "interrupts": 0,
    }


@pytest.mark.parametrize("mode", ["shadow", "silent"])
def test_a_silent_record_says_so(tmp_path, mode):
    """In /readyz, where it is well: nobody must wonder why there are no cards."""
    ehr = {"id": "quiet", "fhir_base": ["https://fhir.example.org"], "smart_client_id": "vigil"}
    phase = {"mode": mode} | ({"open_to": ["Practitioner/1"]} if mode == "silent" else {})
    config = {"public_url": "https://vigil.example.org", "base_dir": str(tmp_path)}
    settings = settings_from(config | {"ehr": [ehr | phase]})
    app = vigil.create_app(settings, "unix:///nowhere.sock")
    parts = app.test_client().get("/readyz").json["parts"]
    assert parts["cards/quiet"] == {"state": "ok", "why": f"mode is {mode}"}


def test_the_control_arm_is_quiet_too(tmp_path):
    """A grave card is whole once, then a line; what the models say breaks nothing there."""
    server = store.embedded(tmp_path / "redis")
    try:
        plan = trial(tmp_path, control_share=0.999)
        world = hookcall.World(tmp_path, redis_url=server.url, trial=plan)
        (whole,), (line,) = world.cards(hookcall.request()), world.cards(hookcall.request())
        assert (whole["summary"], whole["indicator"]) == (line["summary"], line["indicator"])
        assert world.record()["form"] == "line" and world.record()["withheld"]
        assert not world.record()["history"]["before"]["risks"]
        assert world.cards(calm()) == [] and world.record()["delivery"] == "control arm"
    finally:
        server.stop()


def test_a_discharge_is_answered_each_time(workers):
    """Within a quiet period too; and it quiets no opening of the chart."""
    one, two, _ = workers
    leaving = hookcall.request(hook="encounter-discharge")
    leaving["context"]["encounterId"] = "e1"
    path = "/cds-services/vigil-encounter-discharge"
    for world in (one, two):
        answer = world.post(leaving | {"hookInstance": str(uuid.uuid4())}, path=path)
        (card,) = answer.json["cards"]
        assert world.record()["form"] == "whole" and card["indicator"] == "critical"
    dismiss(one, card, "limits")
    (whole,) = one.cards(hookcall.request())
    assert one.record()["form"] == "whole" and len(whole["detail"]) > 200


def test_a_call_that_comes_again_for_somebody_else_is_decided_anew(tmp_path):
    """One hookInstance says nothing of who looks: a relative gets no clinician's card."""
    world = hookcall.World(tmp_path, redis_url=None, card_users=["Practitioner"])
    body = calm()
    assert world.cards(body)
    body["context"] = body["context"] | {"userId": "RelatedPerson/1"}
    assert world.cards(body) == []
    assert world.record()["delivery"] == "not for this user"


def test_a_count_in_redis_that_is_no_number_costs_no_card(workers):
    one, _, store_ = workers
    one.cards(calm())
    for key in store_.keys("vigil:delivery:*"):
        store_.set(key, b"garbage")
    assert one.cards(calm())


@pytest.mark.parametrize(
    "odd",
    [
        {"card": "\ud800"},
        {"outcomeTimestamp": "\ud800"},
        {"overrideReason": {"userComment": "\ud800"}},
        {"overrideReason": {"reason": {"code": "\ud800"}}},
        {"overrideReason": {"extension": {"\ud800": "x"}}},
        {"acceptedSuggestions": [{"id": "\ud800"}]},
    ],
)
def test_half_a_surrogate_pair_costs_no_feedback(workers, odd):
    said = {"card": str(uuid.uuid4()), "outcome": "overridden"}
    answer = workers[0].post({"feedback": [said | odd, said]}, path=FEEDBACK)
    assert answer.status_code == 200, answer.text


def test_nobody_is_no_setting_of_who_gets_cards():
    """It would hide what NEWS2 says from everybody, and no start would say so."""
    record = {"id": "e", "fhir_base": [hookcall.FHIR], "hook_auth": "open", "card_users": []}
    with pytest.raises(SettingsError, match="`card_users` needs at least one type"):
        settings_from({"public_url": hookcall.PUBLIC, "ehr": [record]})
