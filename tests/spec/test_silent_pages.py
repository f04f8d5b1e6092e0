"""The SMART page in a silent phase and in a trial: closed to who is not named, silent about the
models in a control arm, and it says why.
"""

import re

import pytest

from tests.spec.test_smart_session import CARD, pages, record_card
from tests.support.launch_bench import Bench
from tests.support.trials import trial


def opened(bench):
    """Return the page that a launch ends on."""
    browser = bench.browser()
    return browser.get(browser.sign_in())


def text(answer) -> str:
    return re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))


def test_a_silent_page_is_closed_to_who_is_not_named(tmp_path, ehr):
    """And the refusal is recorded; nothing was read of the chart."""
    bench = Bench(tmp_path, ehr, mode="silent", open_to=["Practitioner/none"])
    answer = opened(bench)
    assert answer.status_code == 403 and "not open to you yet" in text(answer)
    assert not pages(bench)
    assert next(bench.audit.records(type="refusal"))["reason"] == "silent mode"


def test_a_silent_page_says_so_to_who_is_named(tmp_path, ehr):
    """As do its record, and the page of a shadow phase."""
    known = Bench(tmp_path, ehr)
    opened(known)
    user = pages(known)[0]["user"]
    assert user
    bench = Bench(tmp_path, ehr, mode="silent", open_to=[user])
    answer = opened(bench)
    assert answer.status_code == 200 and "in its silent phase here" in text(answer)
    assert pages(bench)[0]["mode"] == "silent"
    assert "in shadow mode here" in text(opened(Bench(tmp_path, ehr, mode="shadow")))


@pytest.mark.parametrize(("share", "arm"), [(0.999, "control"), (0.001, "intervention")])
def test_a_page_in_the_control_arm_holds_nothing_that_a_model_says(tmp_path, ehr, share, arm):
    """NEWS2 stays; risk, waterfall and course are gone, of the card's view and of the newest."""
    bench = Bench(tmp_path, ehr, trial=trial(tmp_path, control_share=share))
    told = text(opened(bench))
    assert ("estimate withheld" in told) == (arm == "control")
    assert ("percentage points" in told) == (arm == "intervention") and "NEWS2" in told
    record = pages(bench)[0]
    assert record["trial"]["arm"] == arm
    assert (record["probability"] is None) == (arm == "control")


@pytest.mark.parametrize("stopped", [False, True])
def test_the_arm_of_the_card_is_that_of_its_page(tmp_path, ehr, stopped):
    """A card may have been allocated by what a session doesn't know; once the trial is stopped
    nothing is withheld any more.
    """
    bench = Bench(tmp_path, ehr, trial=trial(tmp_path, randomise="unit", control_share=0.001))
    record_card(bench, trial={"arm": "control", "by": "unit"})
    ehr.token_extra = {"appContext": {"assessment": CARD}}
    if stopped:
        bench.settings.trial_stop_path.write_text("")
    told = text(opened(bench))
    assert ("estimate withheld" in told) != stopped and "This explains the card" in told
