"""What changed, and an hour of the course: chosen and pointed at by mouse, by keyboard, and without
a script.
"""

import re

import pytest

from tests.browser.test_demo import open_app, sideways

PART = "#changed"
HOURS = "svg.course a.hour"


def unfold(page, demo_url, patient="sepsis"):
    """Open a patient's page by itself and unfold what changed; wait until it is there."""
    frame = open_app(page, demo_url, patient)
    page.goto(frame.url)
    page.locator(f"{PART} > summary").click()
    page.locator(HOURS).first.wait_for(state="attached")


def shown_hour(page) -> str:
    """Return the heading of the hour that is shown, once it is there."""
    heading = page.locator("#hour-title")
    heading.wait_for()
    return heading.inner_text()


def test_a_moment_is_chosen_in_place(page, demo_url):
    """The address stays, the focus stays on what was pressed, and both figures of each outcome
    come, with a waterfall in between that adds up.
    """
    unfold(page, demo_url)
    address = page.url
    assert page.locator(".choices [aria-current]").inner_text() == "6 h"
    page.locator("#since-24").focus()
    page.keyboard.press("Enter")
    page.locator("#since-24[aria-current]").wait_for()
    assert page.evaluate("document.activeElement.id") == "since-24" and page.url == address
    headings = page.locator(f"{PART} h4", has_text="→").all_inner_texts()
    assert len(headings) == 2
    for heading in headings:
        assert re.search(r": [\d.]+ %.+→ [\d.]+ %", heading.replace("\n", " ")), heading
    for table in page.get_by_role("region", name="What changed the risk of").all():
        start, *points, end = (
            float(text.strip(" %▲▼").replace("−", "-"))
            for text in table.locator("td.n").all_inner_texts()
        )
        assert start + sum(points) == pytest.approx(end, abs=0.0501 * len(points))
    told = page.locator(PART).inner_text()
    assert "critical" in told and "Lactate" in told and "NEWS2" in told


def test_an_hour_is_pointed_at_by_the_mouse(page, demo_url):
    """Anywhere above its place on the axis; it is marked in the plot of each outcome, and the form
    goes on from it.
    """
    unfold(page, demo_url)
    plot = page.locator("svg.course").first
    plot.scroll_into_view_if_needed()
    spot = page.locator(f"{HOURS}[href='hour?back=12']").first.bounding_box()
    page.mouse.move(spot["x"] + spot["width"] / 2, spot["y"] + 20)
    assert "Risk of" in page.locator(".readout").first.inner_text()
    page.mouse.click(spot["x"] + spot["width"] / 2, spot["y"] + 20)
    assert "12 h before now" in shown_hour(page)
    assert page.locator("a.hour.chosen").count() == page.locator("svg.course").count()
    assert page.locator("#hour-back").input_value() == "12"
    page.locator("#hour-back").fill("30")
    page.keyboard.press("Enter")
    page.locator("#hour-title", has_text="30 h before now").wait_for()
    page.locator("#hour-later").click()
    page.locator("#hour-title", has_text="29 h before now").wait_for()
    assert page.evaluate("document.activeElement.id") == "hour-later"


def test_an_hour_is_pointed_at_by_the_keyboard(page, demo_url):
    """A plot is one stop of the Tab key; arrow keys, Home and End go through its hours."""
    unfold(page, demo_url)
    plot = page.locator("svg.course").first
    assert plot.locator("a[tabindex='0']").count() == 1
    plot.locator("a[tabindex='0']").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    focused = "document.activeElement.getAttribute('href')"
    assert page.evaluate(focused) == "hour?back=3"
    page.keyboard.press("Home")
    assert page.evaluate(focused) == "hour?back=48"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "hour?back=47"
    page.keyboard.press("Enter")
    assert "47 h before now" in shown_hour(page)
    assert page.locator("#hour-said").inner_text() == page.locator("#hour-title").inner_text()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.locator("#hour-title", has_not_text="before now").wait_for()


def test_both_parts_are_whole_without_a_script(chromium, demo_url):
    """As pages, by links and a form that is sent."""
    context = chromium.new_context()
    address = open_app(context.new_page(), demo_url, "improving").url.partition("?")[0]
    bare = chromium.new_context(java_script_enabled=False, storage_state=context.storage_state())
    page = bare.new_page()
    page.goto(address)
    page.locator(f"{PART} > summary").click()
    page.locator(f"{PART} a", has_text="Open what changed").click()
    page.locator("#since-12").click()
    assert page.url.endswith("changed?since=12")
    assert page.locator("#since-12[aria-current]").count() == 1
    page.locator("#hour-back").fill("20")
    page.locator("#hour-form button").click()
    assert page.url.endswith("hour?back=20") and "20 h before now" in shown_hour(page)
    page.locator("#hour-earlier").click()
    assert "21 h before now" in shown_hour(page)
    page.go_back(), page.go_back()
    page.locator(f"{HOURS}[href='hour?back=40']").first.click()
    assert "40 h before now" in shown_hour(page)
    page.get_by_role("link", name="Back to the whole page").click()
    assert page.locator("#findings").count() == 1
    bare.close()
    context.close()


@pytest.mark.parametrize("patient", ["stale", "child", "not-certain"])
def test_without_a_number_it_says_so(page, demo_url, patient):
    """Never a zero, and never a change of nothing."""
    frame = open_app(page, demo_url, patient)
    page.goto(frame.url)
    page.locator(f"{PART} > summary").click()
    page.locator(f"{PART} .choices").wait_for()
    told = page.locator(PART).inner_text()
    if patient == "not-certain":
        assert "an interval stands in place of the number" in told and " to " in told
    else:
        assert "No number can be given" in told and "not mean that the risk is low" in told


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 400, 320])
def test_both_parts_fit_every_screen(page, demo_url, width, scheme):
    """And each button is large enough for a finger."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    unfold(page, demo_url)
    page.locator("#hour-form button").click()
    shown_hour(page)
    assert sideways(page) == 0
    for box in page.locator(".choices a, .steps a, .hours input, .hours button").all():
        size = box.bounding_box()
        assert size["height"] >= 44 and size["width"] >= 44
