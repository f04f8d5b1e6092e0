"""The response: cards, their links and their words (CDS Hooks 2.0 "CDS Service Response")."""

import html
import json
import re
import socket
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

from cdshooks import cards as making
from ehr.markdown import escape
from runtime import logs, sqlite, store
from runtime.audit.log import AuditError
from tests.support import hookcall
from tests.support.chained import chain
from tests.support.hookcall import (
    CALM,
    FEEDBACK,
    LABS,
    PUBLIC,
    SERVICE,
    SICK,
    bundle,
    observations,
    patient,
    prefetch,
)


@pytest.fixture
def card(world):
    return world.cards(hookcall.request())[0]


def without_pulse(chart):
    """Return a chart without a heart rate, of which the model here makes a low risk."""
    return {name: row for name, row in chart.items() if name != "heart_rate"}


def well(**members):
    return prefetch(
        vitals=bundle(observations(without_pulse(CALM))),
        labs=None,
        **members,
    )


def lint(card):
    """Check what the standard demands of any card."""
    assert isinstance(card["summary"], str) and 0 < len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert isinstance(card["source"]["label"], str)
    assert "systemActions" not in card
    assert ("suggestions" in card) == ("selectionBehavior" in card)
    _no_empty(card)


def _no_empty(value):
    assert value not in (None, "", [], {})
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        _no_empty(inner)


@pytest.mark.rule("R61")
@pytest.mark.rule("R63")
@pytest.mark.rule("R6")
def test_a_call_is_answered_with_cards_alone(world):
    answer = world.post(hookcall.request())
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert set(answer.json) == {"cards"} and len(answer.json["cards"]) == 1


@pytest.mark.rule("R64")
@pytest.mark.rule("R65")
@pytest.mark.rule("R66")
@pytest.mark.rule("R2")
@pytest.mark.rule("R3")
@pytest.mark.rule("R92")
def test_the_card_says_risk_time_and_news2(card):
    lint(card)
    risk = round(100 * hookcall.expected_risk())
    assert card["summary"].startswith("NEWS2 12 to 17 (high): emergency review.")
    assert f"High risk: {risk} % death in hospital." in card["summary"]
    assert card["summary"].endswith("Data to 13:05 UTC")
    assert card["indicator"] == "critical"


@pytest.mark.parametrize(
    ("zone", "words"),
    [("Asia/Kolkata", "Data to 18:35 IST"), ("Pacific/Auckland", "Data to 02:05 NZDT")],
)
def test_the_card_tells_the_time_in_the_wards_zone(build, zone, words):
    """`time_zone` of the EHR's record decides, and the zone is named; a day counts as the ward's."""
    card = build(time_zone=zone).cards(hookcall.request())[0]
    assert card["summary"].endswith(words)


@pytest.mark.rule("R65")
@pytest.mark.parametrize(
    ("chart", "heart_rate", "lactate", "indicator"),
    [
        (CALM, None, 0.1, "info"),
        (CALM, 60, 2.0, "warning"),
        (CALM, 60, 3.9, "critical"),
        (SICK, 20, 0.5, "critical"),
    ],
)
def test_the_indicator_follows_the_graver_of_band_and_news2(
    world, chart, heart_rate, lactate, indicator
):
    """A low risk does not quiet a NEWS2 of seven or more."""
    rows = without_pulse(chart)
    rows |= {"heart_rate": ("8867-4", "/min", heart_rate)} if heart_rate else {}
    vitals = bundle(observations(rows))
    labs = bundle(observations({"lactate": ("2524-7", "mmol/L", lactate)}))
    card = world.cards(hookcall.request(prefetch=prefetch(vitals=vitals, labs=labs)))[0]
    lint(card)
    assert card["indicator"] == indicator


def test_what_makes_a_card_urgent_comes_first(world):
    """A critical card does not open with "Low risk": a grave NEWS2 is named before the model's
    number.
    """
    vitals = bundle(observations(SICK | {"heart_rate": ("8867-4", "/min", 20)}))
    card = world.cards(hookcall.request(prefetch=prefetch(vitals=vitals, labs=None)))[0]
    assert (
        card["indicator"] == "critical"
        and card["summary"].startswith("NEWS2")
        and "(low)" in card["summary"]
    )


@pytest.mark.rule("R67")
@pytest.mark.rule("R68")
def test_the_source_is_vigil_and_not_the_patient(card):
    assert card["source"]["label"] == "Vigil"
    for name in ("url", "icon"):
        assert card["source"][name].startswith(PUBLIC) and "p1" not in card["source"][name]


@pytest.mark.rule("R70")
def test_the_detail_names_what_drives_the_risk_and_what_is_missing(card):
    detail = card["detail"]
    assert "heart rate 128 /min, 1 h ago: +" in detail
    assert "lactate 4.1 mmol/L" in detail
    assert "NEWS2 12 to 17 (high): air or oxygen and consciousness not charted" in detail
    assert "RCP: emergency review" in detail
    assert "Not in the chart:" in detail and "more that are missing" in detail
    assert "Model test 1.0.0" in detail
    assert "Research software, not a medical device; does not replace clinical judgement." in detail
    assert "| --" not in detail and "<" not in detail


def test_the_detail_names_stale_and_rejected_data(world):
    old = observations({"lactate": LABS["lactate"]}, hours=30)
    odd = observations({"creatinine": ("2160-0", "mg/dL", 9999)})
    detail = world.cards(hookcall.request(prefetch=prefetch(labs=bundle(old + odd))))[0]["detail"]
    assert "Too old to count:\n- 30 h ago: lactate 4.1 mmol/L" in detail
    assert "- 1 outside what is physically plausible" in detail


def test_what_is_left_out_is_said_once(world):
    """By name where it has one, else by number; and values of one age stand in one line."""
    withdrawn = observations({"potassium": ("2823-3", "mmol/L", 4)})
    withdrawn[0]["status"] = "entered-in-error"
    old = observations({name: LABS[name] for name in list(LABS)[:2]}, hours=30)
    detail = world.cards(hookcall.request(prefetch=prefetch(labs=bundle(withdrawn + old))))[0]
    lines = detail["detail"].splitlines()
    assert sum("entered in error" in line for line in lines) == 1
    assert sum("30 h ago" in line for line in lines) == 1


@pytest.mark.rule("R71")
def test_each_call_has_a_card_uuid_of_its_own(world):
    assert len({world.cards(hookcall.request())[0]["uuid"] for _ in range(3)}) == 3


@pytest.mark.rule("R72")
def test_override_reasons_are_complete_codings(card):
    assert card["overrideReasons"]
    for reason in card["overrideReasons"]:
        assert set(reason) == {"code", "system", "display"} and all(reason.values())


@pytest.mark.rule("D2")
@pytest.mark.rule("R86")
@pytest.mark.rule("R87")
@pytest.mark.rule("R88")
@pytest.mark.rule("R90")
def test_the_link_launches_the_app_with_the_assessment(world, card):
    (link,) = card["links"]
    assert (link["type"], link["url"]) == ("smart", f"{PUBLIC}/launch")
    assert link["label"] and not urlsplit(link["url"]).query
    context = json.loads(link["appContext"])
    assert set(context) == {"assessment"} and len(context["assessment"]) >= 22
    assert world.audit.find_assessment(context["assessment"])["patient"] == "p1"


def test_oracle_gets_no_app_context(build):
    (link,) = build(profile="oracle").cards(hookcall.request())[0]["links"]
    assert "appContext" not in link


def test_without_a_smart_client_there_is_no_link(build):
    assert "links" not in build(smart_client_id=None).cards(hookcall.request())[0]


@pytest.mark.rule("R62")
@pytest.mark.parametrize(
    ("ehr", "given", "reason"),
    [
        ({"mode": "shadow"}, prefetch(), "shadow mode"),
        ({"show_from": "medium"}, well(), "below threshold"),
        ({}, prefetch(patient=patient(deceasedBoolean=True)), "deceased"),
    ],
)
def test_what_is_held_back_is_an_empty_array_and_recorded(build, ehr, given, reason):
    world = build(**ehr)
    assert world.cards(hookcall.request(prefetch=given)) == []
    record = world.record()
    assert (record["shown"], record["delivery"], record["cards"]) == (False, reason, [])


@pytest.mark.parametrize("threshold", ["low", "medium", "high"])
def test_a_high_risk_is_shown_from_every_threshold(build, threshold):
    assert build(show_from=threshold).cards(hookcall.request())


NO_NUMBER = {
    "child": (prefetch(patient=patient(birthDate="2020-01-01"), labs=None), "adults only"),
    "insufficient": (prefetch(vitals=bundle([]), labs=None), "too little data"),
    "unknown age": (
        prefetch(patient=patient(birthDate=None), vitals=bundle(observations(CALM)), labs=None),
        "age is unknown",
    ),
    "stale": (prefetch(vitals=bundle(observations(CALM, hours=20)), labs=None), "too old"),
}


@pytest.mark.parametrize("case", NO_NUMBER)
def test_without_a_number_an_info_card_says_why(build, case):
    given, words = NO_NUMBER[case]
    card = build(show_from="high").cards(hookcall.request(prefetch=given))[0]
    lint(card)
    assert card["summary"].startswith("Risk not calculated: ") and words in card["summary"]
    assert card["indicator"] == "info" and "%" not in card["summary"]
    assert "**Risk not calculated: " in card["detail"]


@pytest.mark.rule("G7")
def test_a_model_that_fails_leaves_news2(build):
    world = build(models=())
    card = world.cards(hookcall.request())[0]
    lint(card)
    assert "model is unavailable" in card["summary"] and "NEWS2" in card["summary"]


@pytest.mark.rule("G12")
def test_a_repeated_call_gets_the_same_cards(world):
    body = hookcall.request()
    first = world.cards(body)
    world.now += timedelta(minutes=1)
    assert world.cards(body) == first
    assert world.record()["repeat"] is True and world.record()["repeat_of"]
    hooks = list(world.audit.records(type="hook"))
    assert [record["repeat"] for record in hooks] == [True, False]


def test_a_hook_instance_used_again_with_another_chart_is_answered_anew(world):
    """The patient's newest data are never hidden behind an older card."""
    body = hookcall.request()
    first = world.cards(body)
    again = world.cards(body | {"prefetch": well()})
    assert again[0]["uuid"] != first[0]["uuid"] and world.record()["repeat"] is False


def test_an_old_instance_or_another_patient_is_no_repeat(world):
    body = hookcall.request()
    first = world.cards(body)
    other = body | {
        "context": {"userId": "Practitioner/d1", "patientId": "p2"},
        "prefetch": {"vitals": None},
    }
    assert world.cards(other)[0]["uuid"] != first[0]["uuid"]
    world.now += timedelta(minutes=11)
    assert world.cards(body)[0]["uuid"] != first[0]["uuid"]


PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](https://evil.example)",
    "![a](https://evil.example/x.png)",
    "https://evil.example",
    "www.evil.example",
    "a@evil.example",
    "`code` **bold** _it_ ~~x~~",
    "# heading",
    "| a | b |\n| - | - |",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe",
    "\x1b[31m\x00\r\n",
    "&lt;script&gt;",
]


@pytest.mark.rule("D1")
@pytest.mark.rule("R70")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_from_a_chart_stays_text(payload):
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    rendered = reader.render("x " + escape(payload))
    # GitHub's readers find bare addresses in the text after all else is undone.
    assert not re.search(r"\w://|www\.\w|\w@\w", html.unescape(rendered))
    for live in (
        "<script",
        "<img",
        "<a ",
        "<code",
        "<strong",
        "<em",
        "<s>",
        "<h1",
        "<table",
        "\u202e",
        "\x1b",
        "49",
    ):
        assert live not in rendered, rendered


@pytest.mark.rule("D1")
def test_chart_text_does_not_reach_a_card(world):
    marked = [
        o | {"code": o["code"] | {"text": "<b>CANARY</b>"}, "note": [{"text": "CANARY"}]}
        for o in observations(SICK)
    ]
    card = world.cards(
        hookcall.request(
            prefetch=prefetch(vitals=bundle(marked), patient=patient(name=[{"family": "CANARY"}]))
        )
    )[0]
    assert "CANARY" not in json.dumps(card)


@pytest.mark.rule("R64")
def test_a_summary_is_short_whatever_the_model_calls_its_outcome(world):
    from dataclasses import replace

    from models.assess import assess
    from models.patient.chart import Chart

    world.cards(hookcall.request())
    assessment = assess(Chart.from_json(world.record()["chart"]), hookcall.AT, (hookcall.model(),))
    for length in range(1, 300, 7):
        lead = replace(assessment.lead, label="x" * length)
        assert len(making.summary(replace(assessment, risks=(lead,)))) < 140


def test_the_record_holds_all_that_a_replay_needs(world):
    from models.assess import assess
    from models.patient.chart import Chart
    from models.patient.vocabulary import vocabulary_sha256
    from models.reference import VERSION

    context = json.loads(world.cards(hookcall.request())[0]["links"][0]["appContext"])
    record = world.audit.find_assessment(context["assessment"])
    again = assess(Chart.from_json(record["chart"]), hookcall.AT, (hookcall.model(),))
    assert again.lead.probability == record["probability"]
    assert {"assessment_id", "patient", "ehr", "at", "chart", "model"} <= set(record)
    explanation = again.lead.explanation
    assert record["top"] == [[c.variable, c.log_odds] for c in explanation.contributions[:5]]
    assert record["reference"] == {
        "version": VERSION,
        "vocabulary_sha256": vocabulary_sha256(),
        "log_odds": explanation.baseline,
    }
    assert chain(world.audit).broken_at is None


@pytest.mark.rule("G5")
def test_without_a_record_there_is_no_card(world, monkeypatch):
    def full(*_):
        raise AuditError("The audit record could not be written: disk full.")

    monkeypatch.setattr(world.audit, "append", full)
    answer = world.post(hookcall.request())
    assert answer.status_code == 503 and "cards" not in answer.json
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.rule("B8")
def test_no_exception_tells_what_it_holds(world, monkeypatch):
    monkeypatch.setattr(making, "card", lambda *_: {}["CANARY"])
    answer = world.post(hookcall.request())
    assert answer.status_code == 500 and "CANARY" not in answer.text and "Incident" in answer.text


@pytest.mark.rule("R93")
@pytest.mark.rule("R94")
@pytest.mark.rule("R95")
@pytest.mark.rule("R97")
def test_feedback_is_recorded(world):
    accepted = {
        "card": "c1",
        "outcome": "accepted",
        "outcomeTimestamp": "2026-11-20T14:06:00Z",
        "acceptedSuggestions": [{"id": "s1"}],
    }
    dismissed = {
        "card": "c2",
        "outcome": "overridden",
        "outcomeTimestamp": "2026-11-20T14:06:00.123Z",
    }
    answer = world.post({"feedback": [accepted, dismissed, dismissed]}, path=FEEDBACK)
    assert (answer.status_code, answer.json) == (200, {})
    records = list(world.audit.records(type="feedback"))
    assert [record["card"] for record in records] == ["c2", "c2", "c1"]
    assert records[2]["suggestions"] == ["s1"] and records[2]["ehr"] == "ehr"


def told(world):
    records = list(world.audit.records(type="feedback"))[::-1]
    return [(record["known"], record["repeat"]) for record in records]


@pytest.mark.rule("R93")
@pytest.mark.rule("R97")
def test_feedback_on_an_unknown_card_or_again_is_told_apart(world):
    """All of it is answered 200, since a client can do nothing about it."""
    (card,) = world.cards(hookcall.request())
    item = {"card": card["uuid"], "outcome": "accepted"}
    batches = ([item], [item, item | {"outcome": "overridden"}], [item | {"card": "c9"}] * 2)
    for batch in batches:
        assert world.post({"feedback": batch}, path=FEEDBACK).status_code == 200
    assert told(world) == [
        (True, False),
        (True, True),
        (True, False),
        (False, False),
        (False, True),
    ]
    hook = world.record("hook")
    assert [
        one["card"] for one in world.audit.of_assessment(hook["assessment_id"], "feedback")
    ] == [card["uuid"]] * 3


@pytest.mark.rule("R93", "R96")
def test_feedback_that_comes_weeks_later_in_either_spelling_is_of_its_card(world):
    """A client may hold it back and send it with others, as Epic does."""
    cards = [world.cards(hookcall.request())[0]["uuid"] for _ in range(3)]
    world.now += timedelta(days=40)
    items = [
        {"card": cards[0], "outcome": "overridden", "overrideReason": {"reason": REASON}},
        {"card": cards[1], "outcome": "overridden", "overrideReasons": [{"reason": REASON}]},
        {"card": "123456", "outcome": "accepted"},
        {
            "card": cards[2],
            "outcome": "overridden",
            "overrideReasons": {"extension": EPIC_EXTENSION},
        },
    ]
    for _ in range(2):
        assert world.post({"feedback": items}, path=FEEDBACK).status_code == 200
    known = [(True, False), (True, False), (False, False), (True, False)]
    # On a card that is not known here nobody looks for what was said before.
    assert told(world) == [*known, *((one, one) for one, _ in known)]


def test_a_card_of_another_ehr_is_unknown(world):
    (card,) = world.cards(hookcall.request())
    record = world.record("hook")
    world.audit.append("hook", record | {"assessment_id": "of-another", "ehr": "other"})
    world.audit.append("hook", record | {"assessment_id": "not-shown", "shown": False})
    items = [{"card": name, "outcome": "accepted"} for name in ("of-another", "not-shown")]
    world.post({"feedback": items}, path=FEEDBACK)
    assert told(world) == [(False, False), (False, False)]


def test_five_hundred_items_are_one_commit(world, monkeypatch):
    """All or none, and others do not wait for a thousand of them."""
    commits = []
    real = sqlite.transaction
    monkeypatch.setattr(sqlite, "transaction", lambda *given: commits.append(1) or real(*given))
    items = [
        {"card": f"c{n}", "outcome": "overridden", "overrideReason": {"userComment": "no"}}
        for n in range(500)
    ]
    assert world.post({"feedback": items}, path=FEEDBACK).status_code == 200
    used_tokens = 1
    assert len(commits) == 1 + used_tokens
    assert chain(world.audit).records == 1000


REASON = {"code": "limits", "system": "urn:vigil:override-reason"}
EPIC_EXTENSION = {"com.epic.cdshooks.feedback.overrideReason.reasonDisplay": "Not relevant"}


@pytest.mark.rule("R96")
@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"overrideReason": {"reason": REASON}}, REASON),
        ({"overrideReasons": {"reason": REASON | {"display": "x"}}}, REASON | {"display": "x"}),
        ({"overrideReasons": [{"reason": REASON}]}, REASON),
        ({"overrideReasons": {"extension": EPIC_EXTENSION}}, EPIC_EXTENSION),
        ({"overrideReason": {"userComment": "seen"}}, None),
        ({"overrideReason": {"reason": "odd"}}, None),
        ({"overrideReason": 5, "extension": {"x": 1}}, None),
        ({}, None),
    ],
)
def test_every_form_of_a_reason_is_read(world, members, reason):
    item = {"card": "123456", "outcome": "overridden", "outcomeTimestamp": "x"} | members
    assert world.post({"feedback": [item]}, path=FEEDBACK).status_code == 200
    assert world.record("feedback").get("fb_reason") == reason


@pytest.mark.rule("R96")
def test_a_comment_is_kept_apart(world):
    item = {
        "card": "c1",
        "outcome": "overridden",
        "overrideReason": {"userComment": "palliative", "reason": REASON},
    }
    world.post({"feedback": [item]}, path=FEEDBACK)
    assert "palliative" not in str(world.record("feedback"))
    assert world.record("feedback-comment")["comment"] == "palliative"


@pytest.mark.rule("R95")
def test_bad_items_are_named_and_the_others_kept(world):
    good = {"card": "c1", "outcome": "accepted"}
    bad = [
        {"outcome": "accepted"},
        {"card": "c", "outcome": "liked"},
        {"card": "c", "outcome": ["accepted"]},
        5,
        {"card": 5, "outcome": "accepted"},
    ]
    answer = world.post({"feedback": [good, *bad]}, path=FEEDBACK)
    assert answer.status_code == 400 and "2, 3, 4, 5, 6" in answer.text
    assert world.record("feedback")["card"] == "c1"


@pytest.mark.rule("R94")
@pytest.mark.parametrize(
    "body", [{}, [], {"feedback": {}}, {"feedback": None}, b"{", b"", {"feedback": [{}] * 501}]
)
def test_feedback_without_a_list_is_400(world, body):
    assert world.post(body, path=FEEDBACK).status_code == 400


def test_feedback_may_not_be_got(world):
    assert world.client.get(FEEDBACK).status_code == 405
    assert world.client.get(SERVICE).status_code == 405


@pytest.fixture
def connection():
    """Both ends of a connection: the server's, and the client's."""
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


@pytest.mark.rule("G3")
def test_a_card_whose_client_has_gone_is_not_taken_for_shown(world, connection):
    """A record `not-delivered` names the call; whoever still waits, or was answered, has none."""
    server, client = connection
    body = hookcall.request()
    world.client.environ_base["gunicorn.socket"] = server
    world.cards(body)
    assert not list(world.audit.records(type="not-delivered"))
    client.close()
    assert world.cards(body)
    gone = world.record("not-delivered")
    assert gone["of"] == "hook" and gone["reason"] == "client gone"
    assert gone["request_id"] == world.record()["request_id"]
    assert gone["hook_instance"] == body["hookInstance"].lower()
    assert len(list(world.audit.records(type="not-delivered"))) == 1


@pytest.mark.rule("G12")
def test_a_call_whose_client_had_gone_is_repeated_with_the_same_cards(world, connection):
    server, client = connection
    body = hookcall.request()
    client.close()
    world.client.environ_base["gunicorn.socket"] = server
    first = world.cards(body)
    del world.client.environ_base["gunicorn.socket"]
    assert world.cards(body) == first


@pytest.mark.rule("G5")
def test_a_log_that_cannot_be_read_but_written_costs_no_card(world, monkeypatch):
    """Only whether the call is a repeat can't be told then."""

    def unreadable(hook_instance, hook):
        raise AuditError("no room for the files beside it")

    monkeypatch.setattr(world.audit, "find_hook", unreadable)
    assert world.cards(hookcall.request()) and world.record()["shown"]


@pytest.fixture
def hosts(tmp_path):
    """Two hosts that share a Redis and the log key, each with a log of its own; and the Redis."""
    server = store.embedded(tmp_path / "shared")
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(hookcall.World(tmp_path / name, redis_url=server.url))
    yield *made, store.connect(server.url)
    server.stop()


@pytest.mark.rule("G12")
def test_a_call_that_comes_again_to_another_host_gets_the_same_cards(hosts):
    """Recorded there as a repeat of the first host's record."""
    one, two, _ = hosts
    body = hookcall.request()
    first = one.cards(body)
    assert two.cards(body) == two.cards(body) == one.cards(body) == first
    assert one.record()["repeat_of"] == two.record()["repeat_of"]
    assert two.cards(body | {"prefetch": well()})[0]["uuid"] != first[0]["uuid"]
    assert two.record()["repeat"] is False


@pytest.mark.rule("F10")
@pytest.mark.rule("C4")
def test_redis_holds_a_call_encrypted_and_for_ten_minutes(hosts):
    one, _, redis = hosts
    body = hookcall.request()
    one.cards(body)
    (key,) = redis.keys("vigil:call:*")
    sealed = redis.get(key)
    assert body["hookInstance"].encode() not in key and 0 < redis.ttl(key) <= 600
    assert one.record()["assessment_id"].encode() not in sealed and b"hook" not in sealed


@pytest.mark.rule("G1")
@pytest.mark.parametrize("fault", ["another log key", "damaged", "away"])
def test_what_another_host_left_and_cannot_be_read_costs_no_card(hosts, fault, monkeypatch):
    """The call is answered anew."""
    one, two, redis = hosts
    body = hookcall.request()
    first = one.cards(body)
    if fault == "another log key":
        monkeypatch.setattr(logs, "_key", b"another" * 5)
        (key,) = redis.keys("vigil:call:*")
        redis.rename(key, f"vigil:call:{logs.keyed_hash(body['hookInstance'].lower())}")
    elif fault == "damaged":
        (key,) = redis.keys("vigil:call:*")
        redis.set(key, b"short")
    else:
        redis.shutdown(nosave=True)
    again = two.cards(body)
    assert again[0]["uuid"] != first[0]["uuid"] and two.record()["repeat"] is False
