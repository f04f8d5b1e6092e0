"""What all parts of a session's page have in common, whichever they are."""

import re

import pytest

from tests.support.launch_bench import PUBLIC

PARTS = ("changed", "hour", "what_if", "trends", "evidence", "compare", "answer", "summary")
ALL = (*PARTS, "session", "charts")


@pytest.fixture
def opened(bench):
    """A browser whose page was shown, and its path."""
    browser = bench.browser()
    place = browser.sign_in()
    assert browser.get(place).status_code == 200
    return browser, place


@pytest.mark.parametrize("part", ALL)
@pytest.mark.rule("E6", "SMART-46")
def test_a_part_is_a_page_of_its_own_that_says_whose(opened, part):
    """Without a script: one heading above all, the patient's banner, the notice."""
    browser, place = opened
    page = browser.get(f"{place}{part}").text
    assert len(re.findall("<h1", page)) == 1
    assert 'aria-label="Patient"' in page and "not a cleared medical device" in page


@pytest.mark.parametrize("part", PARTS)
def test_a_part_alone_is_no_page(opened, part):
    """What parts.js asks for has no head, no banner, and no heading above the page's own."""
    browser, place = opened
    alone = browser.get(f"{place}{part}", headers={"Vigil-Part": "1"}).text
    assert "<html" not in alone and "<h1" not in alone and 'class="banner' not in alone


@pytest.mark.parametrize("part", ALL)
@pytest.mark.rule("E5", "SMART-46")
def test_a_part_opens_for_its_own_browser_alone(bench, opened, part):
    """Another browser that has the address gets nothing of it, nor does one without the page."""
    browser, place = opened
    assert bench.browser().get(f"{place}{part}").status_code == 401


@pytest.mark.parametrize("part", PARTS)
def test_a_part_without_its_page_says_to_load_it(bench, part):
    """Where nothing was shown yet there is no chart to speak of: it says so, and invents none."""
    browser = bench.browser()
    answer = browser.get(f"{browser.sign_in()}{part}")
    assert answer.status_code == 409 and "Load the page again" in answer.text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{PUBLIC}.evil.example"])
@pytest.mark.rule("E5")
def test_what_changes_something_comes_from_a_page_of_the_session(opened, origin):
    """A foreign or unknown Origin is refused, whatever token it brings."""
    browser, place = opened
    page = browser.get(f"{place}session").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    sent = {"csrf_token": token}
    answer = browser.post(f"{place}close", data=sent, headers={"Origin": origin})
    assert answer.status_code == 403 and browser.get(place).status_code == 200
    near = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert browser.post(f"{place}close", data=sent, headers=near).status_code == 200
    assert browser.get(place).status_code == 401
