"""Answering and acting on the page, in the demonstration as a user does it: in the chart's frame, with
the EHR's window around it.
"""

import io
import re

import pypdf
import pytest

from tests.browser.test_demo import open_app

ANSWER = re.compile("^Answer$")


def answering(page, demo_url, patient, user="nurse"):
    """Open the app in the chart's frame as somebody, and unfold the part; return the frame."""
    page.goto(f"{demo_url}chart/{patient}?user={user}")
    page.get_by_role("link", name="Open Vigil").click()
    frame = page.frame(name="app")
    frame.wait_for_url(re.compile(r"/l/[^/]+/"))
    frame.wait_for_load_state()
    frame.get_by_role("link", name=ANSWER).click()
    frame.locator("#answer h3").first.wait_for()
    return frame


def test_an_answer_is_given_and_changed(page, demo_url):
    """By the keyboard: the reason is asked for, what was said stands there and has the focus, and
    is changed.
    """
    frame = answering(page, demo_url, "heart-failure")
    frame.get_by_role("button", name="I see it differently").click()
    assert frame.get_by_text("You said at").count() == 0
    frame.get_by_label("Why you see it differently").select_option("disagree")
    frame.get_by_label("In your words").fill("<b>looks well</b>")
    frame.get_by_role("button", name="I see it differently").focus()
    page.keyboard.press("Enter")
    said = frame.get_by_text("You said at")
    said.wait_for()
    frame.wait_for_function("document.activeElement.matches('.did')")
    assert "Does not fit the clinical picture <b>looks well</b>" in said.inner_text()
    frame.get_by_text("Change what you said").click()
    frame.get_by_role("button", name="I agree").click()
    frame.get_by_text("I agree", exact=True).first.wait_for()
    frame.wait_for_function("document.activeElement.textContent.includes('I agree')")


def test_what_is_held_back_stays_away_when_the_chart_is_opened_again(page, demo_url):
    """The next patient-view hears it; taken back, cards come again."""
    frame = answering(page, demo_url, "not-certain", "doctor")
    frame.get_by_role("button", name="Already known or being treated").click()
    frame.get_by_text("held back for you").wait_for()
    page.goto(f"{demo_url}chart/not-certain?user=doctor")
    assert "snoozed: known" in page.locator(".behind").inner_text()
    frame = answering(page, demo_url, "not-certain", "doctor")
    frame.get_by_role("button", name="Show cards again").click()
    frame.get_by_text("held back for you").wait_for(state="detached")
    page.goto(f"{demo_url}chart/not-certain?user=doctor")
    assert "snoozed" not in page.locator(".behind").inner_text()


def test_the_window_closes_the_app_and_takes_a_draft(page, demo_url):
    """After a handshake only: an order of the card in the chart's list, then Done."""
    frame = answering(page, demo_url, "sepsis")
    draft = frame.get_by_role("button", name=re.compile("rapid response team"))
    draft.click()
    frame.get_by_text("Drafted in the EHR.").wait_for()
    assert draft.is_disabled()
    page.get_by_text(": draft, from the app").wait_for()
    frame.get_by_role("button", name="Done").click()
    page.get_by_text("Closed by Vigil.").wait_for()
    assert not page.locator("iframe").is_visible()
    page.reload()
    assert "draft" in page.locator("section[aria-labelledby=orders]").inner_text()


def test_without_the_window_nothing_is_offered_that_needs_it(page, demo_url):
    """At the top level nobody answers the handshake, and a stranger who frames or opens the page
    gets no message.
    """
    frame = answering(page, demo_url, "sepsis")
    alone = page.context.new_page()
    alone.goto(frame.url)
    alone.get_by_role("link", name=ANSWER).click()
    alone.locator("#answer h3").first.wait_for()
    assert alone.get_by_role("button", name="Print").is_visible()
    assert not alone.get_by_role("button", name="Done").is_visible()
    assert not alone.get_by_text("Draft an order").is_visible()
    stranger = page.context.new_page()
    stranger.goto(re.sub("localhost:[0-9]+", "127.0.0.1:" + demo_url.split(":")[2], demo_url))
    stranger.evaluate(
        "address => { window.heard = []; addEventListener('message', e => heard.push(e.data));"
        " open(address); }",
        frame.url,
    )
    opened = page.context.pages[-1]
    opened.wait_for_load_state()
    opened.wait_for_timeout(500)
    assert stranger.evaluate("heard") == []
    assert not opened.get_by_role("button", name="Done").is_visible()


def test_a_forged_answer_is_not_taken(page, demo_url):
    """A message that answers no message of ours, or comes from elsewhere, shows no button."""
    frame = open_app(page, demo_url, "sepsis", "Open Vigil")
    alone = page.context.new_page()
    alone.goto(frame.url)
    alone.evaluate("postMessage({responseToMessageId: 'x', payload: {}}, '*')")
    alone.wait_for_timeout(300)
    assert not alone.get_by_role("button", name="Done").is_visible()


def test_the_estimate_is_written_once(page, demo_url):
    """A click, then no button any more; the chart has one, with a percentage."""
    frame = answering(page, demo_url, "copd")
    frame.get_by_role("button", name="Write it into the chart").dblclick()
    frame.get_by_text("Written at").wait_for()
    page.goto(f"{demo_url}chart/copd")
    written = page.locator("section[aria-labelledby=estimates] li")
    assert written.count() == 1 and re.search(r"death in hospital.* \d", written.inner_text())


@pytest.mark.parametrize("allowed", [True, False])
def test_the_summary_is_copied_or_selected(chromium, demo_url, allowed):
    """To the clipboard where the page may; in a frame without that right the text is selected, and
    the page says how.
    """
    context = chromium.new_context()
    page = context.new_page()
    frame = open_app(page, demo_url, "sepsis", "Open Vigil")
    address, place = frame.url, frame
    if allowed:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        place = context.new_page()
        place.goto(address)
    place.get_by_role("link", name=re.compile("^Summary$")).click()
    text = place.locator("#note-1")
    text.wait_for()
    place.get_by_role("button", name="Copy as plain text").click()
    if allowed:
        place.get_by_text("Copied as plain text.").wait_for()
        assert place.evaluate("navigator.clipboard.readText()") == text.input_value()
    else:
        place.get_by_text("Press Ctrl-C").wait_for()
        whole = "[note_1.selectionStart, note_1.selectionEnd]".replace(
            "note_1", "document.getElementById('note-1')"
        )
        assert place.evaluate(whole) == [0, len(text.input_value())]
    context.close()


@pytest.mark.parametrize("patient", ["sepsis", "stable", "chart-mess", "not-certain"])
def test_a_page_is_printed_on_two_sheets_with_name_and_time_on_each(page, demo_url, patient):
    """A4; birth date and number too, and what it is at the foot of each."""
    frame = open_app(page, demo_url, patient)
    alone = page.context.new_page()
    alone.goto(frame.url)
    name = alone.locator(".banner .name").inner_text()
    number = re.search(r"DEMO-\d+", alone.locator(".banner").inner_text())[0]
    sheets = pypdf.PdfReader(io.BytesIO(alone.pdf(format="A4"))).pages
    assert 1 <= len(sheets) <= 2
    for sheet in sheets:
        text = sheet.extract_text()
        assert name in text and number in text and "Born" in text
        assert re.search(r"Computed\s+\d+ \w{3} \d\d:\d\d UTC", text)
        assert "not a cleared medical device" in text
    assert "Values" in "".join(sheet.extract_text() for sheet in sheets)


def test_answering_needs_no_script(chromium, demo_url):
    """A page of its own with forms: an answer is given and shown, the summary can be selected."""
    context = chromium.new_context()
    address = open_app(context.new_page(), demo_url, "copd", "Open Vigil").url
    bare = chromium.new_context(java_script_enabled=False, storage_state=context.storage_state())
    page = bare.new_page()
    page.goto(address)
    page.get_by_role("link", name=ANSWER).click()
    page.get_by_role("button", name="I agree").click()
    page.get_by_text("You said at").wait_for()
    page.reload()
    assert page.get_by_text("You said at").count() == 1
    page.goto(f"{address}summary")
    assert "NEWS2" in page.locator("#note-1").input_value()
    assert page.get_by_role("button", name="Copy as plain text").count() == 0
    bare.close()
    context.close()
