"""A server that is not reached while a page is open: nothing false is said, nothing old stays for
new, and it can be tried again.
"""

import pytest

from tests.browser.test_demo import open_app


@pytest.fixture
def unheard(chromium, demo_url):
    """Give a page whose requests fail as a test says; its console may tell of them."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(open_app(page, demo_url, "sepsis").url)
    yield page
    context.close()


def unfolded(page, name: str, inside: str):
    page.locator(f"#{name} > summary").click()
    page.locator(inside).first.wait_for()
    return page.locator(f"#{name} [data-part]").first


def lost(route):
    route.abort()


def refused(route):
    words = "<main><h1>Vigil can't answer at the moment</h1></main>"
    route.fulfill(status=503, body=words, content_type="text/html")


@pytest.mark.parametrize("answer", [lost, refused])
def test_the_bar_tells_no_figures_of_other_values(unheard, answer):
    """It sticks to the window while the values above are changed."""
    unfolded(unheard, "what_if", "#if-heart_rate")
    bar = unheard.locator("[data-said]")
    unheard.locator("#if-heart_rate").fill("70")
    bar.filter(has_text="Hypothetical:").wait_for()
    unheard.route("**/what_if", answer)
    unheard.locator("#if-heart_rate").fill("160")
    bar.filter(has_text="is not known: no answer came").wait_for()
    assert "Hypothetical" not in bar.inner_text()
    unheard.unroute("**/what_if")
    unheard.locator("#if-heart_rate").fill("150")
    bar.filter(has_text="Hypothetical:").wait_for()


def test_an_act_whose_answer_is_lost_is_not_called_undone(unheard):
    """It may have been done; the button shows whether it was."""
    part = unfolded(unheard, "answer", "#agree")
    unheard.route("**/answer/say", lost)
    part.get_by_role("button", name="I agree").click()
    look = part.get_by_role("button", name="Look")
    look.wait_for()
    assert "it is not known whether that was done" in part.inner_text()
    assert look.evaluate("one => one === document.activeElement")
    look.click()
    part.get_by_role("button", name="I agree").wait_for()


def test_what_was_not_reached_is_tried_again_where_it_stands(unheard):
    """By its button, and by unfolding the part anew; the keyboard's place is kept."""
    part = unfolded(unheard, "trends", ".ranges")
    unheard.route("**/trends?**", lost)
    unheard.get_by_role("link", name="7 days").click()
    again = part.get_by_role("button", name="Try again")
    again.wait_for()
    assert again.evaluate("one => one === document.activeElement")
    unheard.unroute("**/trends?**")
    again.click()
    unheard.get_by_role("heading", name="The last 7 days").wait_for()


def test_what_went_wrong_in_a_part_is_read_out(unheard):
    """Its words stand in a live region (WCAG 4.1.3), and unfolding it anew loads it."""
    unheard.route("**/changed", refused)
    part = unfolded(unheard, "changed", "#changed h1")
    assert part.get_attribute("role") == "status"
    unheard.unroute("**/changed")
    unheard.locator("#changed > summary").click()
    unfolded(unheard, "changed", "#changed-risks")
    assert part.get_attribute("role") is None
