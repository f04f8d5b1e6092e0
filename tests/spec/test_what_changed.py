"""The parts of the page about time: what changed since a moment, and an hour of the course (E5 to
E7, and a trial's control arm).
"""

import re
from datetime import UTC, datetime, timedelta

import pytest

from runtime.audit.log import AuditError
from smartapp.door import PART
from tests.spec.test_smart_evidence import observed
from tests.spec.test_smart_session import CARD, pages, record_card
from tests.support.launch_bench import Bench
from tests.support.small_ehr import LOINC, VITALS
from tests.support.trials import trial

ALONE = {PART: "1"}


def opened(bench, ehr=None, **claims):
    """Launch and open the page; return the browser and the session's address."""
    if ehr:
        ehr.claims = claims
    browser = bench.browser()
    place = browser.sign_in()
    assert browser.get(place).status_code == 200
    return browser, place


def text(answer) -> str:
    """Return the words of a page; a space for each tag."""
    plain = re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))
    return re.sub(r"\s+", " ", plain)


def call(bench, hours, patient="pat-1", ehr="test", **more):
    """Record a call of the hook so many hours ago."""
    at = datetime.now(UTC) - timedelta(hours=hours)
    record = {"ehr": ehr, "patient": patient, "user": "Practitioner/dr-1", "at": at.isoformat()}
    shown = {"shown": True, "form": "whole", "given_level": "warning", "repeat": False}
    bench.audit.append("hook", record | shown | more)


def view(bench, hours, user, **more):
    """Record that the page was opened so many hours ago."""
    at = datetime.now(UTC) - timedelta(hours=hours)
    record = {"ehr": "test", "patient": "pat-1", "user": user, "route": "explanation"}
    bench.audit.append("page", record | {"read_at": at.isoformat()} | more)


@pytest.mark.rule("E5")
@pytest.mark.parametrize("part", ["changed", "hour"])
def test_without_the_sessions_cookie_there_is_nothing(bench, part):
    """Whoever has the address alone reads no part either."""
    _, place = opened(bench)
    assert bench.browser().get(f"{place}{part}").status_code == 401


@pytest.mark.parametrize("part", ["changed", "hour"])
def test_a_part_needs_its_page(bench, part):
    """Before the page was shown nobody knows of what chart it would speak."""
    browser = bench.browser()
    assert browser.get(f"{browser.sign_in()}{part}").status_code == 409


@pytest.mark.rule("E7")
def test_both_parts_are_recorded_before_they_leave(bench):
    """With the moments that were shown, and what was said of each."""
    browser, place = opened(bench)
    assert browser.get(f"{place}changed?since=12", headers=ALONE).status_code == 200
    record = pages(bench)[0]
    assert (record["route"], record["since"]) == ("changed", "12")
    then, now = (datetime.fromisoformat(record[name]["at"]) for name in ("then", "now"))
    assert now - then == timedelta(hours=12)
    assert record["then"]["status"] == "insufficient" and record["now"]["status"] == "scored"
    assert len(record["now"]["risks"]) == len(bench.models)
    assert browser.get(f"{place}hour?back=2").status_code == 200
    record = pages(bench)[0]
    assert (record["route"], record["back"], record["status"]) == ("hour", 2, "insufficient")
    assert record["patient"] == "pat-1" and record["session"]


@pytest.mark.parametrize("part", ["changed", "hour"])
def test_what_can_not_be_recorded_is_not_shown(bench, part, monkeypatch):
    browser, place = opened(bench)

    def fails(*_):
        raise AuditError("full")

    monkeypatch.setattr(bench.audit, "append", fails)
    answer = browser.get(f"{place}{part}")
    assert answer.status_code == 503 and "NEWS2" not in answer.text


def test_a_part_is_a_page_without_a_script_and_a_piece_with_one(bench):
    """The piece begins without a heading of the first level; the page leads back."""
    browser, place = opened(bench)
    for part in ("changed", "hour"):
        piece, page = browser.get(place + part, headers=ALONE), browser.get(place + part)
        assert "<html" not in piece.text and "<h1" not in piece.text
        assert "Back to the whole page" in page.text and "not a cleared medical device" in page.text
        assert "no-store" in page.headers["Cache-Control"]


def test_where_no_number_was_due_it_says_so_and_tells_what_it_can(bench):
    """Six hours ago nothing was charted: no risk, no difference of one, and never a zero."""
    browser, place = opened(bench)
    told = text(browser.get(f"{place}changed?since=6"))
    assert "No number could be given at" in told and "too few vital signs" in told
    assert "no number → " in told and "percentage points" not in told
    assert "NEWS2 not given →" in told or "NEWS2 0 to 20 →" in told
    assert "Not known then, known now: heart rate" in told


def test_the_card_is_what_it_is_compared_with_where_there_is_one(bench, ehr):
    """By its own chart, which may know less than today's says of its hour: the card's risk is the
    one that it showed, and points lead from there to now's.
    """
    record_card(bench)
    ehr.token_extra = {"appContext": {"assessment": CARD}}
    browser, place = opened(bench)
    told = text(browser.get(f"{place}changed"))
    record = pages(bench)[0]
    assert record["since"] == "card" and record["view"] == "card"
    assert "percentage points" in told and "this patient 2 h earlier" in told
    assert "heart rate 70 /min (30 min old) → 128 /min (1 h old)" in told
    assert "known at each" in told
    assert pages(bench)[0]["then"]["risks"] != pages(bench)[0]["now"]["risks"]


def test_my_last_look_is_mine_and_not_the_present_one(bench, ehr):
    """Reading the page anew is no look; neither is another user's, or one of another page."""
    user = f"{ehr.issuer}|dr-1"
    view(bench, 30, user)
    view(bench, 8, user)
    view(bench, 5, f"{ehr.issuer}|dr-2")
    view(bench, 4, user, route="changed")
    view(bench, 0.2, user)
    view(bench, 0.1, user)
    browser, place = opened(bench)
    browser.get(place)
    assert browser.get(f"{place}changed?since=look").status_code == 200
    record = pages(bench)[0]
    then, now = (datetime.fromisoformat(record[name]["at"]) for name in ("then", "now"))
    assert record["since"] == "look" and abs(now - then - timedelta(hours=8)) < timedelta(minutes=1)


@pytest.mark.parametrize("wish", ["look", "card", "7", "<script>", "6" * 5000])
def test_what_is_not_there_to_choose_is_the_shortest_time(bench, wish):
    """And it is said that there was no look."""
    browser, place = opened(bench)
    answer = browser.get(f"{place}changed", query_string={"since": wish})
    assert "My last look: none known" in text(answer) and "<script>alert" not in answer.text
    assert pages(bench)[0]["since"] == "6"


@pytest.mark.parametrize(
    ("wish", "back"),
    [("0", 0), ("48", 48), ("49", 48), ("-3", 6), ("x", 6), ("", 6), ("٣", 6), ("9" * 99, 6)],
)
def test_an_hour_lies_within_two_days(bench, wish, back):
    browser, place = opened(bench)
    told = text(browser.get(f"{place}hour", query_string={"back": wish}))
    assert pages(bench)[0]["back"] == back
    assert ("h before now" in told) == bool(back)


def test_the_hour_of_now_says_what_the_page_says(bench):
    """The same risk by the same door."""
    browser, place = opened(bench)
    page = pages(bench)[0]
    answer = browser.get(f"{place}hour?back=0")
    record = pages(bench)[0]
    assert record["risks"][0][1:] == [page["probability"], page["band"]]
    assert "heart rate 128 /min" in text(answer)


def test_what_went_is_told_in_words_that_stand_alone(bench, ehr):
    """A set that was overdue is about no value: "14 h" alone would say nothing."""
    taken = (datetime.now(UTC) - timedelta(hours=20)).isoformat()
    ehr.more = [
        observed(n, code={"coding": [{"system": LOINC, "code": code}]}, effectiveDateTime=taken)
        | {"valueQuantity": {"value": value, "unit": unit}}
        for n, (code, (value, unit)) in enumerate(VITALS.items())
    ]
    browser, place = opened(bench)
    told = text(browser.get(f"{place}changed?since=6"))
    gone = told.split("Gone or less grave")[1].split("Values")[0]
    assert "warning then: Observations overdue: no set of all five vital signs for 14 h" in gone
    assert "No longer found." in gone and "Not so any more" not in gone


def test_what_was_filed_later_is_named_where_an_earlier_hour_is_shown(bench, ehr):
    """Of hours back and in what changed; not of now, nor beside a card's own chart."""
    now = datetime.now(UTC)
    taken, filed = (now - timedelta(hours=hours) for hours in (8, 1))
    late = {"effectiveDateTime": taken.isoformat(), "issued": filed.isoformat()}
    ehr.more = [observed(1, **late), observed(2, status="entered-in-error", **late)]
    browser, place = opened(bench)
    for part in ("changed?since=6", "hour?back=6"):
        told = text(browser.get(place + part))
        assert "Not all of this was known at" in told and "known then" not in told.split("Risks")[0]
        assert "Filed only later, and counted here: lactate 4.1 mmol/L (taken" in told
        assert "Entered in error, and not counted here" in told
    assert "Not all of this" not in text(browser.get(f"{place}hour?back=0"))
    record_card(bench)
    ehr.token_extra = {"appContext": {"assessment": CARD}}
    browser, place = opened(bench)
    assert "Not all of this" not in text(browser.get(f"{place}changed"))


def test_the_course_marks_what_was_given_and_held_back(bench, ehr):
    """Of this patient at this record alone; nobody is named."""
    call(bench, 3)
    call(bench, 2, user="Practitioner/somebody-else", form="line", given_level="critical")
    call(bench, 1, shown=False, form="none", delivery="quiet period", given_level="critical")
    call(bench, 4, repeat=True)
    call(bench, 5, patient="pat-2", given_level="info")
    call(bench, 5, ehr="other", given_level="info")
    call(bench, 60)
    feedback = {"ehr": "test", "patient": "pat-1", "card": "c", "fb_outcome": "overridden"}
    reason = {"code": "known", "display": "Known or being treated"}
    bench.audit.append("feedback", feedback | {"fb_reason": reason})
    bench.audit.append("feedback-comment", feedback | {"comment": "never seen"})
    browser, place = opened(bench, ehr, fhirUser=f"{ehr.iss}/Practitioner/dr-1")
    answer = browser.get(f"{place}changed", headers=ALONE)
    told = text(answer)
    assert "Card given to you, warning" in told
    assert "Card of one line given to another user, critical" in told
    assert "Card held back to you: nothing was new since the last card" in told
    assert "Card overridden: Known or being treated" in told
    assert "4 in all" in told and ", info" not in told
    assert not any(word in answer.text for word in ("somebody-else", "never seen", "Practitioner"))


def test_what_a_client_sent_as_a_reason_is_only_text(bench):
    """An override reason is the EHR's text, and stands in a plot as well as in a table."""
    said = {"ehr": "test", "patient": "pat-1", "card": "c", "fb_outcome": "overridden"}
    reason = {"display": '<img src=x onerror="alert(1)"></title><script>x</script>'}
    bench.audit.append("feedback", said | {"fb_reason": reason})
    browser, place = opened(bench)
    page = browser.get(f"{place}changed", headers=ALONE).text
    assert "<img" not in page and "<script" not in page and 'onerror="' not in page
    escaped = page.count("Card overridden: &lt;img src=x")
    assert page.count("Card overridden: ") == escaped > len(bench.models)


def test_whose_a_card_was_is_not_guessed(bench, ehr):
    """Without a fhirUser, or for a role, nobody knows whether it was this user."""
    call(bench, 3)
    call(bench, 2, user="PractitionerRole/r-1")
    browser, place = opened(bench)
    assert "to you" not in text(browser.get(f"{place}changed"))
    browser, place = opened(bench, ehr, fhirUser=f"{ehr.iss}/Practitioner/dr-1")
    told = text(browser.get(f"{place}changed"))
    assert "Card given to you, warning" in told and "Card given, warning" in told
    assert "another user" not in told


def test_a_chart_that_many_people_open_stays_light(bench):
    """The same of one half hour is one sign and one line that counts; all of it is counted."""
    for n in range(300):
        call(bench, 20 * n / 300, user=f"Practitioner/dr-{n % 9}")
    call(bench, 3, user="PractitionerRole/r-1", given_level="critical")
    browser, place = opened(bench)
    answer = browser.get(f"{place}changed")
    page = answer.text
    assert "301 in all" in text(answer) and len(page) < 150_000
    counted = [int(found) for found in re.findall(r"\((\d+) times in this half hour\)</td>", page)]
    assert 40 <= len(counted) <= 41 and 290 <= sum(counted) <= 300
    assert "Card given, critical" in page


@pytest.mark.rule("E6")
def test_another_patients_cards_are_never_marked(bench, ehr):
    """In a second tab, by the same browser."""
    call(bench, 3)
    browser, first = opened(bench)
    ehr.patient = "pat-2"
    second = browser.sign_in()
    browser.get(second)
    assert "1 in all" in text(browser.get(f"{first}changed"))
    assert "0 in all" in text(browser.get(f"{second}changed"))


def test_each_hour_of_the_course_is_a_link_to_it(bench):
    """Of each outcome; the Tab key does not stop at each of them."""
    browser, place = opened(bench)
    page = browser.get(f"{place}changed", headers=ALONE).text
    links = re.findall(
        r'<a class="hour" href="hour\?back=(\d+)" data-inside="hour" tabindex="-1">', page
    )
    assert [int(back) for back in links] == list(range(48, -1, -1)) * len(bench.models)
    titles = re.findall(r"<title>(Risk of [^<]*: [^<]*)</title>", page)
    assert len(set(titles)) == len(links)


@pytest.mark.parametrize(("share", "arm"), [(0.999, "control"), (0.001, "intervention")])
def test_in_the_control_arm_no_part_says_what_a_model_says(tmp_path, ehr, share, arm):
    """Neither a risk, nor its change, nor its course; NEWS2 and values stay."""
    bench = Bench(tmp_path, ehr, trial=trial(tmp_path, control_share=share))
    call(bench, 1, shown=False, form="none", delivery="below threshold")
    record_card(bench)
    ehr.token_extra = {"appContext": {"assessment": CARD}}
    browser, place = opened(bench)
    for part in ("changed?since=card", "hour?back=0"):
        told = text(browser.get(place + part))
        assert ("percentage points" in told) == (arm == "intervention")
        assert ("death in hospital" in told) == (arm == "intervention")
        assert ("study protocol" in told) == (arm == "control")
        assert "heart rate" in told and "NEWS2" in told
        record = pages(bench)[0]
        assert "risks" not in str(record) or arm == "intervention" or "[]" in str(record)
    told = text(browser.get(f"{place}changed"))
    assert "Card held back" in told and ("below the level" in told) == (arm == "intervention")
    assert ("course-1" in browser.get(f"{place}changed").text) == (arm == "intervention")
