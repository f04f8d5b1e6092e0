"""From what the page says to the Observation behind it, and what the marks of its plots say: by
mouse, keyboard and touch, and without a script.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_demo import open_app

ROWS = "table.evidence tbody"


def opened(page, url: str, patient: str = "sepsis"):
    """Open the page of a chart by itself, with the session of its frame."""
    page.goto(open_app(page, url, patient).url)
    return page


def unfolded(page, url: str, patient: str = "chart-mess"):
    opened(page, url, patient)
    page.locator("#evidence > summary").click()
    page.locator(ROWS).first.wait_for()
    return page


def focused(page) -> str:
    return page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel")


def plot(page):
    """Return a plot over time that is seen."""
    return page.locator("svg:has([data-variable=heart_rate][data-time]):visible").first


@pytest.mark.parametrize("width", [1280, 320])
def test_the_evidence_is_filtered_in_place(page, demo_url, width):
    """What was left out for one reason, then everything again; nothing is wider than the page."""
    page.set_viewport_size({"width": width, "height": 800})
    unfolded(page, demo_url)
    address, before = page.url, page.locator(ROWS).count()
    page.get_by_label("Reason").select_option("range")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name="Show all").wait_for()
    assert 0 < page.locator(ROWS).count() < before
    assert all("plausible" in text for text in page.locator(ROWS).all_inner_texts())
    assert page.evaluate("document.activeElement.closest('form').id") == "evidence-form"
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("link", name="Show all").wait_for(state="detached")
    assert page.locator(ROWS).count() == before
    assert page.url == address
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_pages_of_the_evidence_follow_each_other_in_place(page, demo_url):
    """Fifty at a time, older ones by a link."""
    unfolded(page, demo_url)
    first = page.locator(ROWS).first.inner_text()
    page.get_by_role("link", name="Older").click()
    page.get_by_role("link", name="Newer").wait_for()
    assert page.locator(ROWS).first.get_attribute("id") == "e51"
    assert page.locator(ROWS).first.inner_text() != first


def test_an_input_leads_to_its_observation_and_back(page, demo_url):
    """The row of the value that the model used has the focus; Back leads to where the link is."""
    opened(page, demo_url)
    link = page.locator("table.inputs a.to-evidence[href*='variable=lactate']")
    page.locator("#inputs > summary").click()
    source = link.inner_text()
    link.click()
    page.locator(ROWS).first.wait_for()
    page.locator("tbody:focus").wait_for()
    assert source.removeprefix("Observation/") in focused(page)
    assert "used by the model" in focused(page)
    page.go_back()
    expect(link).to_be_in_viewport()
    expect(link).to_be_focused()


def test_a_bar_of_the_waterfall_leads_to_its_observation(page, demo_url):
    """By keyboard alone: along the bars, then Enter."""
    opened(page, demo_url)
    bar = page.locator(".waterfall [data-mark][data-variable=lactate]").first
    bar.evaluate(
        "bar => (bar.closest('[data-marks]') || bar.closest('svg')).querySelector('[tabindex=\"0\"]').focus()"
    )
    for _ in range(12):
        if page.evaluate("document.activeElement.dataset.variable") == "lactate":
            break
        page.keyboard.press("ArrowDown")
    assert "actate" in page.locator(".mark-tip").inner_text()
    page.keyboard.press("Enter")
    page.locator("tbody:focus").wait_for()
    assert "actate" in focused(page) and "used by the model" in focused(page)


def test_a_mark_leads_to_the_observation_of_its_moment(page, demo_url):
    """Not only to the newest one."""
    opened(page, demo_url)
    unfold_trends(page)
    mark = plot(page).locator("[data-mark]").nth(2)
    said = mark.get_attribute("data-mark")
    mark.focus()
    page.keyboard.press("Enter")
    page.locator("tbody:focus").wait_for()
    value, time = re.search(r"(\d+) /min, (\d+ \w+ \d\d:\d\d)", said).groups()
    assert time in focused(page) and f"{value} /min" in focused(page)


def unfold_trends(page):
    details = page.locator("details#trends")
    if details.count():
        details.locator("> summary").click()
    plot(page).wait_for()


def test_the_marks_of_a_plot_are_walked_by_the_arrows(page, demo_url):
    """One stop of Tab for each plot; Home and End; Escape takes the words away, then leaves."""
    opened(page, demo_url)
    unfold_trends(page)
    one = plot(page)
    assert one.locator("[tabindex='0']").count() == 1
    one.locator("[tabindex='0']").focus()
    tip = page.locator(".mark-tip")
    said = {focused(page)}
    for key in ("Home", "ArrowRight", "ArrowRight", "End", "ArrowLeft"):
        page.keyboard.press(key)
        said.add(focused(page))
        assert tip.inner_text().startswith(focused(page))
    assert len(said) == 5 and one.locator("[tabindex='0']").count() == 1
    page.keyboard.press("Escape")
    assert tip.is_hidden() and page.evaluate("document.activeElement.dataset.mark")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.activeElement.dataset.mark")


def test_what_a_mark_says_stays_while_it_is_pointed_at(page, demo_url):
    """It comes near the mark, stays while the pointer is on it, goes by Escape, or soon after the
    pointer went (WCAG 1.4.13); and it stays in the window.
    """
    opened(page, demo_url)
    unfold_trends(page)
    tip, mark = page.locator(".mark-tip"), plot(page).locator("[data-mark]").nth(1)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2 - 9)
    tip.wait_for()
    assert tip.inner_text().startswith(mark.get_attribute("data-mark"))
    inside = tip.bounding_box()
    assert inside["x"] >= 0 and inside["x"] + inside["width"] <= 1280
    page.mouse.move(inside["x"] + 20, inside["y"] + 12, steps=4)
    page.wait_for_timeout(600)
    assert tip.is_visible()
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    page.mouse.move(box["x"] + 3, box["y"])
    tip.wait_for()
    page.mouse.move(2, 2)
    tip.wait_for(state="hidden")


def test_a_finger_beside_a_mark_means_it(chromium, demo_url):
    """Within 22 pixels, so that each mark is a target of 44; a tap elsewhere takes it away."""
    context = chromium.new_context(viewport={"width": 400, "height": 800}, has_touch=True)
    page = opened(context.new_page(), demo_url)
    unfold_trends(page)
    mark = plot(page).locator("[data-mark]").first
    mark.scroll_into_view_if_needed()
    box, around = mark.bounding_box(), plot(page).bounding_box()
    middle = box["y"] + box["height"] / 2
    inwards = 18 if middle < around["y"] + around["height"] / 2 else -18
    page.touchscreen.tap(box["x"] + box["width"] / 2, middle + inwards)
    tip = page.locator(".mark-tip")
    tip.wait_for()
    assert tip.inner_text().startswith(mark.get_attribute("data-mark"))
    inside = tip.bounding_box()
    assert inside["x"] >= 0 and inside["x"] + inside["width"] <= 400
    tip.get_by_role("link", include_hidden=True).tap()
    page.locator("tbody:focus").wait_for()
    assert tip.is_hidden()
    context.close()


def test_without_a_script_links_and_a_form_do_the_same(chromium, demo_url):
    """The evidence is a page of its own, and titles and tables say what the marks say."""
    context = chromium.new_context(java_script_enabled=False)
    page = opened(context.new_page(), demo_url, "chart-mess")
    assert page.locator("svg [data-mark] > title").count() or page.locator("details table").count()
    page.locator("#evidence > summary").click()
    page.get_by_role("link", name="Open evidence").click()
    assert page.locator("h1").inner_text() == "Evidence"
    page.get_by_label("What became of it").select_option("left")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "state=left" in page.url
    rows = page.locator(ROWS).all_inner_texts()
    assert rows and all("left out" in row for row in rows)
    context.close()
