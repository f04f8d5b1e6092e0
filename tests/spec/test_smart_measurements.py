"""The part of a session's page that shows what was measured: opened, recorded and withheld as the
page is (E5, D3).
"""

import pytest

from smartapp.door import PART
from tests.spec.test_smart_session import pages
from tests.support.launch_bench import Bench
from tests.support.trials import trial


@pytest.mark.rule("E5")
def test_measurements_are_a_part_and_a_page(bench):
    """For the script alone, else in a page that leads back; each is recorded before it leaves, and
    opens to the session's browser only.
    """
    browser = bench.browser()
    place = browser.sign_in()
    assert browser.get(place + "trends").status_code == 409, "the page has shown nothing yet"
    browser.get(place)
    alone = browser.get(place + "trends", headers={PART: "1"}).text
    whole = browser.get(place + "trends").text
    assert "<html" not in alone and "respiratory rate" in alone
    assert "<html" in whole and "Back to the whole page" in whole and "not a cleared" in whole
    assert [one["route"] for one in pages(bench)] == ["trends", "trends", "explanation"]
    assert bench.browser().get(place + "trends").status_code == 401


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("12", "12 hours"), ("168", "7 days"), ("", "48 hours"), ("-1", "48 hours")],
)
def test_the_range_of_time_is_one_of_three(bench, asked, shown):
    """What is none of them is the usual one, which the link of it says."""
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    text = browser.get(f"{place}trends?hours={asked}").text
    assert f"<h3>The last {shown}</h3>" in text
    assert text.count('aria-current="true"') == 1 and f'aria-current="true">{shown}</a>' in text


@pytest.mark.parametrize(("share", "shown"), [(0.999, False), (0.001, True)])
def test_measurements_in_the_control_arm_hold_nothing_of_a_model(tmp_path, ehr, share, shown):
    """Nothing is marked as used; what was measured is all there."""
    bench = Bench(tmp_path, ehr, trial=trial(tmp_path, control_share=share))
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    text = browser.get(place + "trends").text
    assert "respiratory rate" in text and ("used by the model" in text) == shown
