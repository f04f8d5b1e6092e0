"""The decision by itself: each way of holding back, what breaks it, and what no policy can do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdshooks.delivering.decision import decide, recorded
from cdshooks.delivering.history import Before, History, Snooze, standing, still_standing
from cdshooks.delivering.memory import count_name, snoozes_after
from cdshooks.delivering.seen import Risk, Seen
from cdshooks.delivering.snoozes import KINDS, snooze_of
from models.certainty import INDETERMINATE
from models.findings.finding import LEVELS
from runtime.settings import Policy

AT = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
NOTHING = History()
CALM = ("info", "news2", None, "NEWS2 1")
RED = ("warning", "red", "spo2", "SpO2 90 %")
POTASSIUM = ("critical", "laboratory", "potassium", "potassium 7.0")
UNREAD = ("info", "unread", None, "labs")
OF_BAND = {"low": "info", "medium": "warning", INDETERMINATE: "warning", "high": "critical"}


def call(*findings, risk=0.2, band="medium", hours=0.0, **more) -> Seen:
    """Return a call some hours after AT, of a patient with one risk and some findings."""
    risks = (Risk("death", risk, band),) if band else ()
    told = [(OF_BAND[one.band], "risk", None, "a risk") for one in risks]
    listed = (*(findings or (CALM,)), *told)
    level = max((found[0] for found in listed), key=LEVELS.index)
    usual = {"ehr": "e", "user": "Practitioner/1", "patient": "p", "status": "scored"}
    return Seen(
        **usual | {"at": AT + timedelta(hours=hours)} | more,
        findings=listed,
        risks=risks,
        level=level,
    )


def after(first: Seen, **more) -> History:
    return History(standing(first), **more)


def made(found: Seen, history: History = NOTHING, silent=None, **policy):
    return decide(found, history, Policy(**policy), UTC, silent)


def test_a_second_call_of_a_shift_is_quiet():
    """Until eight hours after the card, or as long as is set."""
    history = after(call())
    quiet = made(call(hours=7.9), history)
    assert quiet[:3] == ("none", "info", "quiet period")
    assert quiet.until == AT + timedelta(hours=8)
    assert made(call(hours=8), history).form == "whole"
    assert made(call(hours=1), history, quiet_hours=0.5).form == "whole"
    assert made(call(hours=-1), history).form == "whole", "a clock that went back"


def test_a_grave_card_stays_as_one_line():
    history = after(call(RED))
    assert made(call(RED, hours=1), history)[:3] == ("line", "warning", "quiet period")
    graver = after(call(POTASSIUM, band="high"))
    assert made(call(POTASSIUM, band="high"), graver)[:2] == ("line", "critical")


NEWS = {
    "the model's level": (call(), call(band="high", risk=0.25), "level risen"),
    "a parameter of 3 points": (call(band="high"), call(RED, band="high"), "new finding"),
    "a critical value": (call(RED, band="high"), call(RED, POTASSIUM, band="high"), "new finding"),
    "a graver value": (
        call(("warning", "laboratory", "potassium", "6.1"), band="high"),
        call(POTASSIUM, band="high"),
        "new finding",
    ),
    "what can't be read": (call(), call(CALM, UNREAD), "new finding"),
    "no band any more": (call(), call(band=INDETERMINATE), "new finding"),
    "no number any more": (call(), call(band=None, status="stale"), "new finding"),
    "a model that failed": (call(), call(degraded=("model missing: sepsis",)), "new finding"),
    "ten points": (call(risk=0.2), call(risk=0.31), "risk moved"),
    "ten points down": (call(risk=0.3), call(risk=0.19), "risk moved"),
    "a band": (call(RED, band="low"), call(RED, band="medium"), "risk moved"),
}


@pytest.mark.parametrize("case", NEWS)
def test_news_breaks_the_quiet(case):
    first, then, word = NEWS[case]
    assert made(then, after(first))[:3:2] == ("whole", word)
    assert made(then, after(then)).form != "whole", "and is news once"


def test_what_is_less_is_no_news():
    """Neither a smaller move, nor a band down, nor a value that is less grave."""
    for first, then in (
        (call(risk=0.2), call(risk=0.29)),
        (call(band="medium"), call(band="low")),
        (call(POTASSIUM), call(("warning", "laboratory", "potassium", "6.1"))),
    ):
        assert made(then, after(first)).reason == "quiet period"


def test_what_went_and_comes_back_is_news():
    first, without = call(CALM, UNREAD), call()
    before = still_standing(standing(first), without, 0.1)
    assert made(first, History(before)).reason == "new finding"


@pytest.mark.parametrize(("show_from", "form"), [("low", "whole"), ("medium", "none")])
def test_the_threshold_holds_back_calm_cards(show_from, form):
    assert made(call(band="low"), show_from=show_from).form == form


@pytest.mark.parametrize(
    ("user", "form"),
    [
        ("Practitioner/1", "whole"),
        ("https://ehr.example.org/PractitionerRole/1", "whole"),
        ("Patient/p", "none"),
        ("RelatedPerson/r", "none"),
    ],
)
def test_a_site_says_who_gets_cards(user, form):
    """All types that the hook allows, unless a site names fewer."""
    staff = ("Practitioner", "PractitionerRole")
    assert made(call(POTASSIUM, user=user), card_users=staff).form == form
    assert made(call(POTASSIUM, user=user)).form == "whole"


def test_a_silent_service_shows_nothing():
    assert made(call(POTASSIUM), silent="shadow mode")[:3] == ("none", "critical", "shadow mode")
    assert made(call(status="deceased")).reason == "deceased"


def test_beyond_the_daily_limit_a_model_alone_interrupts_nobody():
    """What NEWS2 and values say does; and the card stays whole."""
    full = {"interrupts": 200}
    alone, beside = call(band="high"), call(RED, band="high")
    assert made(alone, History(**full), interrupts_per_day=200)[:3] == (
        *("whole", "info"),
        "daily limit",
    )
    assert made(beside, History(**full), interrupts_per_day=200)[:2] == ("whole", "warning")
    assert made(alone, History(interrupts=199), interrupts_per_day=200).level == "critical"
    assert made(alone, History(**full)).level == "critical", "no limit unless set"


def test_interruptions_are_counted_by_ward_and_local_day():
    late = call(hours=9)
    names = {count_name(one, UTC) for one in (call(), call(unit="w1"), call(unit="w2"), late)}
    assert len(names) == 3 and count_name(late, ZoneInfo("Europe/Berlin")) not in names


def snoozed(code: str, card: Seen, now: datetime | None = None, **told) -> History:
    said = {"fb_outcome": "overridden", "fb_reason": {"code": code}} | told
    asked = snooze_of(said, card, Policy(), now or card.at)
    return History(snoozes=dict([asked])) if asked else History()


@pytest.mark.parametrize("code", ["known", "action-completed", "inappropriate-recipient"])
def test_known_is_quiet_for_a_day(code):
    history = snoozed(code, call())
    assert made(call(hours=23), history)[:3] == ("none", "info", "snoozed: known")
    assert made(call(hours=24), history).form == "whole"
    assert made(call(band="high", hours=1), history).form == "whole", "it got worse"
    assert made(call(risk=0.4, hours=1), history).form == "none", "within its level it moved"
    assert made(call(RED, hours=1), history).form == "whole", "something new is not known"


def test_treatment_limits_last_for_the_encounter():
    """And where none is known, for three days; a graver model is expected then."""
    inside = snoozed("limits", call(encounter="e1"))
    assert made(call(encounter="e1", hours=700, band="high"), inside).reason == "snoozed: limits"
    assert made(call(encounter="e2", hours=1), inside).form == "whole"
    alone = snoozed("limits", call())
    assert made(call(hours=71), alone).form == "none"
    assert made(call(hours=72), alone).form == "whole"
    assert made(call(RED, hours=1), alone)[:2] == ("line", "warning")
    assert made(call(CALM, UNREAD, hours=1), alone).form == "line"


def test_wrong_data_is_quiet_until_there_are_newer():
    old = AT - timedelta(hours=1)
    history = snoozed("data", call(data_time=old))
    assert made(call(data_time=old, hours=5), history).reason == "snoozed: data"
    assert made(call(data_time=AT, hours=5), history).form == "whole"


@pytest.mark.parametrize("code", ["disagree", "other", "a code of theirs"])
def test_other_reasons_last_as_long_as_is_set(code):
    card = call()
    assert not snoozed(code, card).snoozes
    told = {"fb_outcome": "overridden", "fb_reason": {"code": code}}
    kind, snooze = snooze_of(told, card, Policy(snooze_other_hours=2), AT)
    assert (kind, snooze.until) == ("other", AT + timedelta(hours=2))


def test_a_dismissal_counts_from_when_it_was_made():
    """Late feedback is no longer quiet; without a time that can be told it is as old as its card,
    and one before its card or in the future counts for nothing.
    """
    card, hours = call(), timedelta(hours=1)
    told = {"fb_outcome": "overridden", "fb_reason": {"code": "known"}}
    for time, now, until in (
        ("2026-11-20T15:05:00Z", AT + 20 * hours, AT + 25 * hours),
        ("2026-11-19T15:05:00Z", AT + hours, AT + 24 * hours),
        ("2027-11-20T15:05:00Z", AT + hours, AT + 25 * hours),
        ("2026-11-20T15:05:00", AT + hours, AT + 24 * hours),
        ("a moment ago", AT + hours, AT + 24 * hours),
    ):
        assert snooze_of(told | {"fb_time": time}, card, Policy(), now)[1].until == until
    assert (
        snooze_of(told | {"fb_time": "2026-11-20T15:05:00Z"}, card, Policy(), AT + 30 * hours)
        is None
    )
    assert snooze_of({"fb_outcome": "accepted"}, card, Policy(), AT) is None


def test_a_record_of_before_tells_its_decision():
    """It knew no forms, and the oldest no levels."""
    old = {"ehr": "e", "user": "Practitioner/1", "patient": "p", "at": AT.isoformat()}
    old |= {"status": "scored", "shown": True, "delivery": "at or above threshold"}
    old["risks"] = [{"outcome": "death", "probability": 0.4, "band": "high"}]
    old["news2"] = {"total": 5, "low": 5, "high": 5}
    assert recorded(old)[:2] == ("whole", "critical")
    assert recorded(old | {"shown": False}).form == "none"
    assert msgspec.convert(old, Seen).floor == "warning"


levels = st.sampled_from(LEVELS)
findings = st.lists(
    st.tuples(
        levels,
        st.sampled_from(
            ["news2", "red", "zero", "laboratory", "sensor", "unread", "unusable", "overdue"]
        ),
        st.sampled_from([None, "spo2", "potassium", "systolic"]),
        st.sampled_from(["vitals", "labs"]),
    ),
    max_size=4,
)
probabilities = st.floats(0.001, 0.999)


@st.composite
def calls(draw) -> Seen:
    found = draw(findings)
    band = draw(st.sampled_from([*OF_BAND, None]))
    return call(
        *found,
        risk=draw(probabilities),
        band=band,
        hours=draw(st.floats(0, 100)),
        status="scored" if band else draw(st.sampled_from(["stale", "unread", "child"])),
        encounter=draw(st.sampled_from([None, "e1", "e2"])),
        data_time=draw(st.sampled_from([None, AT, AT - timedelta(hours=1)])),
        withheld=draw(st.booleans()),
    )


befores = calls().map(standing)
snoozes = st.builds(
    Snooze,
    st.floats(-100, 200).map(lambda hours: AT + timedelta(hours=hours)),
    befores,
    st.sampled_from([None, "e1"]),
    st.sampled_from([None, AT]),
)
histories = st.builds(
    History,
    st.none() | befores,
    st.dictionaries(st.sampled_from(KINDS), snoozes),
    st.integers(0, 3),
)
policies = st.builds(
    Policy,
    show_from=st.sampled_from(["low", "medium", "high"]),
    quiet_hours=st.floats(0, 72),
    risk_points=st.floats(1, 100),
    interrupts_per_day=st.none() | st.integers(0, 2),
)


@settings(max_examples=600, deadline=None)
@given(calls(), histories, policies)
def test_no_policy_lowers_what_is_grave_without_the_model(found, history, policy):
    """For every assessment, history and policy: what is shown is at least as urgent as all but the
    model's findings, and at most as urgent as all of them.
    """
    decision = decide(found, history, policy, UTC)
    shown = LEVELS.index(decision.level)
    assert LEVELS.index(found.floor) <= shown <= LEVELS.index(found.total)
    assert decision.shown or found.floor == "info"
    assert decision.form == "whole" or decision.level == found.floor


@settings(max_examples=600, deadline=None)
@given(calls(), histories, policies)
def test_nothing_new_that_is_uncertain_is_hidden(found, history, policy):
    """A card that is held back hides no "not certain", no missing number and, from the lowest
    threshold on, nothing unreadable that was not there when a card was given whole; a trial's
    control arm is as approved.
    """
    decision = decide(found, history, policy, UTC)
    if decision.shown or (decision.reason == "below threshold" and not found.uncertain):
        return
    if decision.reason == "control arm":
        return
    lasting = [history.before, *(snooze.before for snooze in history.snoozes.values())]
    known = [set(before.signs) for before in lasting if isinstance(before, Before)]
    blind = {
        name
        for name in found.signs
        if name.startswith(("unread", "unusable", "partial", "not certain", "no number"))
    }
    assert any(blind <= one for one in known)


@settings(max_examples=300, deadline=None)
@given(calls(), histories, policies)
def test_a_decision_can_be_made_again_from_its_record(found, history, policy):
    """History and policy as JSON give them back as they were."""
    stored = msgspec.json.decode(msgspec.json.encode(history), type=History)
    once, again = (decide(found, one, policy, UTC) for one in (history, stored))
    assert once == again


def test_a_news2_that_rises_within_a_level_is_news():
    """Seven points and fourteen are both critical, and not the same patient."""
    seven, fourteen = (("critical", "news2", None, f"NEWS2 {n}") for n in (7, 14))
    first = call(seven, band="high", news2={"low": 7})
    risen = call(fourteen, band="high", hours=1, news2={"low": 14})
    assert made(risen, after(first))[::2] == ("whole", "new finding")
    near = call(seven, band="high", hours=1, news2={"low": 8})
    assert made(near, after(first)).form == "line"
    fallen = still_standing(standing(risen), first, 0.1)
    assert made(call(fourteen, band="high", hours=2, news2={"low": 14}), History(fallen)).form == (
        "whole"
    )


def test_a_level_that_rises_at_treatment_limits_is_told_in_a_line():
    card = call(band="medium")
    snooze = Snooze(AT + timedelta(hours=72), standing(card))
    found = made(call(risk=0.8, band="high", hours=1), History(snoozes={"limits": snooze}))
    assert found[:3] == ("line", "info", "snoozed: limits")


@pytest.mark.parametrize("system", ["urn:epic:site", "http://else.example"])
def test_a_code_of_another_system_is_not_ours(system):
    told = {"fb_outcome": "overridden", "fb_reason": {"code": "limits", "system": system}}
    assert snooze_of(told, call(), Policy(), AT) is None


@pytest.mark.parametrize(
    ("before", "now", "form"),
    [
        ("potassium 6.6 mmol/L", "potassium 9.0 mmol/L", "whole"),
        ("potassium 9.0 mmol/L", "potassium 1.8 mmol/L", "whole"),
        ("glucose 30 mg/dL", "glucose 700 mg/dL", "whole"),
        ("PaCO2 78 mmHg", "PaCO2 79 mmHg", "line"),
        ("potassium 7.0 mmol/L", "potassium 7.1 mmol/L", "line"),
    ],
)
def test_a_value_that_moves_on_beyond_its_limit_is_news(before, now, form):
    """Or beyond the other one; a tenth is none."""
    name = before.split()[0].lower()
    first, second = (("critical", "laboratory", name, written) for written in (before, now))
    assert made(call(second, hours=1), after(call(first))).form == form


def test_a_dismissal_learns_that_a_patient_got_better():
    """Risk 31 % dismissed as known, then 5 %, then 31 % again: it is news; a dip of less is none."""
    high = call(risk=0.31, band="high")
    dismissed = snoozed("known", high)
    for risk, form in ((0.05, "whole"), (0.28, "none")):
        better = call(risk=risk, band="low" if risk < 0.1 else "medium", hours=2)
        learned = dismissed.snoozes | snoozes_after(better, dismissed, Policy())
        again = call(risk=0.31, band="high", hours=4)
        assert made(again, History(snoozes=learned)).form == form
    lost = call(band=None, hours=2)
    back = dismissed.snoozes | snoozes_after(
        call(band="high", risk=0.3, hours=3), snoozed("known", lost), Policy()
    )
    assert made(call(band=None, hours=5), History(snoozes=back)).form == "whole"


def test_a_stays_dismissal_lasts_its_hours_where_a_call_names_no_stay():
    """Thirty days at most in the encounter, 72 h for calls that name none."""
    history = snoozed("limits", call(encounter="e1"))
    assert made(call(encounter="e1", hours=20 * 24), history).form == "none"
    assert made(call(hours=71), history)[2:] == ("snoozed: limits", AT + timedelta(hours=72))
    assert made(call(hours=73), history).form == "whole"
    assert snoozed("limits", call(), AT + timedelta(days=30)) == NOTHING, "a card of a month ago"
