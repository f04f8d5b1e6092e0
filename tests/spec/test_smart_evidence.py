"""The evidence of a session: each Observation behind its page, of this patient alone, recorded, and
with nothing of it in an address (E5 to E7, B6).
"""

import re
from html import unescape

import msgspec
import pytest

from smartapp.door import Door
from tests.spec.test_smart_session import CARD, pages, record_card

HOSTILE = '<script>alert(1)</script>"\u202e\u2066'


def observed(number: int, patient: str = "pat-1", **more) -> dict:
    """Return an Observation that comes with the vital signs of the small EHR."""
    return {
        "resourceType": "Observation",
        "id": f"more-{number}",
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "2524-7"}]},
        "valueQuantity": {"value": 4.1, "unit": "mmol/L"},
    } | more


def opened(bench, query: str = ""):
    """Return the browser, the page's address and the answer of its evidence."""
    browser = bench.browser()
    place = browser.sign_in()
    assert browser.get(place).status_code == 200
    return browser, place, browser.get(f"{place}evidence{query}")


def test_every_observation_is_listed_with_what_became_of_it(bench, ehr):
    """What the model used, what can't be used and what was left out, with the reason."""
    ehr.more = [observed(1), observed(2, status="entered-in-error")]
    _, _, answer = opened(bench)
    page = unescape(answer.text)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert len(re.findall(r'<tbody id="e\d+"', page)) == 7
    assert page.count("used by the model") >= 5
    assert "left out: not final, or entered in error" in page
    assert "without a time" in page and "newest word, so unknown now" in page


def test_the_evidence_is_asked_for_by_words_alone(bench, ehr):
    """A filter in the address names a variable and a reason, and shows these alone."""
    ehr.more = [observed(1), observed(2, status="entered-in-error")]
    _, _, answer = opened(bench, "?variable=lactate&reason=status")
    assert len(re.findall(r'<tbody id="e\d+"', answer.text)) == 1
    assert "more-2" in answer.text and "more-1" not in answer.text


@pytest.mark.rule("E7")
def test_no_address_of_the_evidence_holds_an_id_a_value_or_a_time(bench, ehr):
    """Links and forms name variables and numbers, here and on the page that leads here."""
    ehr.more = [observed(n) for n in range(60)]
    browser, place, answer = opened(bench)
    for page in (answer.text, browser.get(place).text):
        links = re.findall(r'(?:href|action|data-part)="/l/[^"/]+/evidence([^"]*)"', page)
        assert links
        for rest in map(unescape, links):
            assert re.fullmatch(
                r"(\?[a-z_]+=[a-z_0-9]+(&[a-z]+=[a-z_0-9]+)*)?(#[a-z_0-9-]+)?", rest
            )
            assert not re.search(r"more-|4\.1|2026|128|pat-1", rest)


@pytest.mark.rule("B6")
def test_of_another_patients_observation_there_is_the_number_alone(bench, ehr):
    """Neither its value nor its id nor its words are shown, or kept for being shown."""
    ehr.more = [observed(77, "pat-2", code={"text": "SECRET"}, valueString="SECRET")]
    _, _, answer = opened(bench)
    assert "more-77" not in answer.text and "SECRET" not in answer.text
    assert "1 more Observation is about another patient" in answer.text


@pytest.mark.rule("D3")
def test_texts_of_the_chart_are_text(bench, ehr):
    """Markup of a chart is shown as it is written, without marks that turn the way of reading."""
    text = {"text": HOSTILE, "coding": [{"system": HOSTILE, "code": HOSTILE, "display": HOSTILE}]}
    ehr.more = [
        observed(
            ehr,
            1,
            id=HOSTILE,
            status=HOSTILE,
            code=text,
            performer=[{"display": HOSTILE}],
            device={"display": HOSTILE},
            method=text,
            bodySite=text,
            valueString=HOSTILE,
            valueQuantity=None,
            effectiveDateTime=HOSTILE,
            component=[{"code": text, "valueString": HOSTILE}],
        ),
    ]
    _, _, answer = opened(bench)
    assert answer.status_code == 200 and "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", answer.text)


def test_what_was_shown_is_recorded(bench, ehr):
    """Which Observations, and what was asked for."""
    ehr.more = [observed(1)]
    opened(bench, "?variable=lactate")
    record = next(one for one in pages(bench) if one["route"] == "evidence")
    assert record["asked"] == {"variable": "lactate"} and record["observations"] == ["more-1"]


def test_where_the_card_is_explained_its_values_are_held_against_what_was_read_now(bench, ehr):
    """Those that are not found again are said."""
    record_card(bench)
    ehr.token_extra = {"appContext": {"assessment": CARD}}
    browser, place, answer = opened(bench)
    page = unescape(answer.text)
    assert "explains the card" in page
    assert (
        "In the card's chart, not in what was read now" in page and "Observation/heart_rate" in page
    )
    assert "not in the chart of the card" in page
    browser.get(f"{place}?view=now")
    assert "In the card's chart" not in unescape(browser.get(f"{place}evidence").text)


@pytest.mark.rule("E5")
def test_the_evidence_needs_its_page_and_its_browser(bench, ehr):
    """Without the cookie nothing, and before the page was shown a word how to get it."""
    browser = bench.browser()
    place = browser.sign_in()
    assert browser.get(f"{place}evidence").status_code == 409
    browser.get(place)
    assert bench.browser().get(f"{place}evidence").status_code == 401


def test_an_empty_chart_has_an_empty_list(bench, ehr):
    """Where nothing could be read, that is what it says, and never that nothing is there."""
    ehr.observations = 500
    _, _, answer = opened(bench)
    assert answer.status_code == 200 and "Incomplete data." in answer.text
    assert "No Observation that came with the chart is so." in answer.text


def test_evidence_that_another_version_kept_is_not_known(bench, monkeypatch):
    """The page says to load it again, and is no fault."""
    now = Door.sight

    def older(door, session):
        return msgspec.structs.replace(now(door, session), evidence=msgspec.Raw(b"[]"))

    monkeypatch.setattr(Door, "sight", older)
    browser, place, answer = opened(bench)
    for part in (answer, browser.get(f"{place}changed"), browser.get(f"{place}hour?back=6")):
        assert part.status_code == 409 and "Load it again" in part.text
