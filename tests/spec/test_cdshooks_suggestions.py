"""What a client can apply: suggestions, their actions and the feedback on them (CDS Hooks 2.0
"Suggestion" and "Action").
"""

import uuid

import pytest
from fhirclient.models.servicerequest import ServiceRequest

from runtime.vendors.profiles import PROFILES
from tests.support import hookcall
from tests.support.hookcall import CALM, FEEDBACK, SICK, bundle, observations, prefetch

ALL = ["observations", "lactate", "cultures", "escalation"]


def sick(**context):
    """Return a call for a NEWS2 of 7 or more whose lactate is not in the chart."""
    return hookcall.request(prefetch=prefetch(labs=bundle([])), **context)


@pytest.fixture
def asked(build):
    """A Vigil whose client takes suggestions."""
    return build(suggestions=ALL)


@pytest.fixture
def card(asked):
    return asked.cards(sick())[0]


@pytest.mark.rule("R73")
@pytest.mark.parametrize(
    ("profile", "behaviour"), [("generic", "any"), ("epic", "any"), ("oracle", "at-most-one")]
)
def test_selection_is_what_the_client_knows(build, profile, behaviour):
    codes = dict.fromkeys(ALL, "urn:oid:1.2|X")
    world = build(profile=profile, suggestions=ALL, suggestion_codes=codes)
    assert world.cards(sick())[0]["selectionBehavior"] == behaviour


@pytest.mark.rule("R74")
@pytest.mark.rule("R78")
def test_without_a_suggestion_there_is_no_selection_behaviour(asked, build):
    calm = prefetch(vitals=bundle(observations(CALM)), labs=None)
    for world, given in ((asked, calm), (build(), prefetch())):
        made = world.cards(hookcall.request(prefetch=given))[0]
        assert not {"suggestions", "selectionBehavior"} & set(made)


@pytest.mark.rule("R75")
@pytest.mark.rule("R76")
@pytest.mark.rule("R79")
@pytest.mark.rule("R80")
@pytest.mark.rule("R81")
@pytest.mark.rule("R84")
def test_a_suggestion_is_one_action_that_creates_a_whole_draft(card):
    """Label, uuid, one create with words of its own; nothing of 3.0, nothing empty."""
    assert len(card["suggestions"]) >= 3
    for one in card["suggestions"]:
        assert set(one) <= {"label", "uuid", "isRecommended", "actions"}
        assert one["label"] and str(uuid.UUID(one["uuid"])) == one["uuid"]
        (action,) = one["actions"]
        assert set(action) == {"type", "description", "resource"}
        assert action["type"] == "create" and action["description"]
        order = action["resource"]
        assert ServiceRequest(order).as_json() == order
        assert (order["status"], order["intent"]) == ("draft", "proposal")
        assert order["subject"] == {"reference": "Patient/p1"} and order["code"]["text"]
        assert not {"requester", "id", "performer"} & set(order)
        assert not [v for v in (*one.values(), *action.values(), *order.values()) if not v]


@pytest.mark.rule("R82")
@pytest.mark.rule("R83")
def test_nothing_is_updated_or_deleted(card):
    """What an update or a delete must hold is kept by giving neither."""
    assert {a["type"] for s in card["suggestions"] for a in s["actions"]} == {"create"}


@pytest.mark.rule("R77")
def test_only_what_a_guideline_asks_for_is_recommended(card):
    """At a NEWS2 of 7 or more the RCP asks for an emergency review; at most one is pre-selected."""
    (one,) = (s for s in card["suggestions"] if s.get("isRecommended"))
    assert one["label"].startswith("Call the rapid response team: NEWS2")


def test_the_link_stays(card):
    assert card["links"][0]["type"] == "smart"


@pytest.mark.rule("R116")
def test_the_stay_is_named_where_it_is_known(asked):
    for encounter in (None, "e1"):
        call = sick()
        call["context"].pop("encounterId", None)
        call["context"] |= {"encounterId": encounter} if encounter else {}
        order = asked.cards(call)[0]["suggestions"][0]["actions"][0]["resource"]
        assert order.get("encounter") == (
            {"reference": f"Encounter/{encounter}"} if encounter else None
        )


@pytest.mark.rule("G12")
def test_a_repeated_call_suggests_the_same(asked):
    call = sick()
    assert asked.cards(call) == asked.cards(call)
    assert asked.cards(call)[0]["suggestions"] != asked.cards(sick())[0]["suggestions"]


def test_epic_is_offered_what_has_a_code_of_its_own(build):
    """Epic knows its own order codes only, so without them there is nothing to offer."""
    assert "suggestions" not in build(profile="epic").cards(sick())[0]
    code = "urn:com.epic.cdshooks.action.code.system.preference-list-item|4711"
    world = build(profile="epic", suggestion_codes={"lactate": code})
    (one,) = world.cards(sick())[0]["suggestions"]
    coding = one["actions"][0]["resource"]["code"]["coding"]
    assert [f"{c['system']}|{c['code']}" for c in coding] == [code]


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"epic"}))
def test_elsewhere_suggestions_are_asked_for_first(build, profile):
    assert "suggestions" not in build(profile=profile).cards(sick())[0]
    assert build(profile=profile, suggestions=["lactate"]).cards(sick())[0]["suggestions"]


@pytest.mark.rule("R69")
@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_topic_is_constant_and_never_silences(build, profile):
    """Epic silences later cards of a topic that was acknowledged, so it gets none."""
    calm = prefetch(vitals=bundle(observations(CALM)))
    world = build(profile=profile)
    made = [world.cards(hookcall.request(prefetch=g))[0] for g in (calm, prefetch())]
    topics = [card["source"].get("topic") for card in made]
    assert topics[0] == topics[1] and (topics[0] is None) == (profile in {"epic", "oracle"})
    assert all(set(t) == {"system", "code", "display"} and t["code"].isalnum() for t in topics if t)


@pytest.mark.rule("R72")
def test_reasons_are_ours_and_the_published_ones(card, build):
    """Each with a display; that something was done already, only where something is suggested."""
    given = {reason["code"]: reason for reason in card["overrideReasons"]}
    assert {"known", "limits", "data", "disagree", "other"} < set(given)
    published = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
    for code in ("action-completed", "inappropriate-recipient"):
        assert given[code]["system"] == published and given[code]["display"]
    plain = build().cards(sick())[0]["overrideReasons"]
    assert {reason["code"] for reason in plain} == set(given) - {"action-completed"}
    assert "overrideReasons" not in build(profile="oracle").cards(sick())[0]


def test_the_record_holds_what_was_offered(asked, card):
    offered = asked.record()["cards"][0]["suggestions"]
    assert [one["uuid"] for one in offered] == [one["uuid"] for one in card["suggestions"]]
    assert {one["kind"] for one in offered} >= {"escalation", "observations", "lactate"}


@pytest.mark.rule("R95")
def test_acceptance_names_the_kind(asked, card):
    """By its uuid, in upper case too; an id that is not of this card names nothing."""
    offered = {one["kind"]: one["uuid"] for one in asked.record()["cards"][0]["suggestions"]}
    strange = str(uuid.uuid4())
    for named, kinds in (
        ([offered["lactate"].upper(), strange], ["lactate"]),
        ([strange], None),
    ):
        item = {
            "card": card["uuid"],
            "outcome": "accepted",
            "outcomeTimestamp": "2026-11-20T14:06:00Z",
            "acceptedSuggestions": [{"id": one} for one in named],
        }
        asked.post({"feedback": [item]}, path=FEEDBACK)
        record = asked.record("feedback")
        assert record["suggestions"] == named and record.get("accepted") == kinds
    asked.post({"feedback": [item | {"card": "123456"}]}, path=FEEDBACK)
    assert "accepted" not in asked.record("feedback")


@pytest.mark.rule("R96")
@pytest.mark.parametrize(
    ("reason", "published"),
    [
        ({"code": "disagree", "system": "urn:vigil:override-reason"}, "recipient-does-not-trust"),
        ({"code": "disagree"}, "recipient-does-not-trust"),
        ({"code": "disagree", "system": "urn:other"}, None),
        ({"code": "data", "system": "urn:vigil:override-reason"}, None),
        ({"code": "of the client"}, None),
    ],
)
def test_a_reason_is_recorded_with_the_published_code(asked, card, reason, published):
    item = {"card": card["uuid"], "outcome": "overridden", "overrideReason": {"reason": reason}}
    asked.post({"feedback": [item]}, path=FEEDBACK)
    assert asked.record("feedback").get("fb_published") == published


def test_a_lactate_of_twenty_minutes_is_not_asked_for_again(asked):
    """What the chart shows was just done is not suggested; an old one is."""
    for hours, suggested in ((0.33, False), (3.9, False), (4.1, True), (30, True)):
        labs = bundle(observations({"lactate": ("2524-7", "mmol/L", 1.2)}, hours=hours))
        given = prefetch(vitals=bundle(observations(SICK)), labs=labs)
        made = asked.cards(hookcall.request(prefetch=given))[0]
        labels = " ".join(one["label"] for one in made["suggestions"])
        assert ("Measure lactate" in labels) is suggested, hours
