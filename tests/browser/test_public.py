"""Guide and model cards in a real browser: they fit each width in both schemes, the guide fits one
sheet of paper, and what was kept is not sent twice.
"""

import re

import pytest

from tests.browser.test_demo import open_app, sideways

WIDTHS = (1280, 768, 400, 320)
PAGES = ("/guide", "/model-card", "/model-card/sepsis/label")


@pytest.fixture(scope="module")
def vigil_url(demo_url, chromium):
    """Give Vigil's own address, which the demonstration EHR knows."""
    page = chromium.new_page()
    frame = open_app(page, demo_url, "sepsis")
    address = re.match(r"https?://[^/]+", frame.url)[0]
    page.close()
    return address


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_public_pages_fit_every_width(chromium, vigil_url, path, scheme):
    """Nothing leads sideways, and no text is smaller than a phone's reader can bear."""
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(vigil_url + path)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert sideways(page) <= 0, (path, width)
    size = page.evaluate(
        "Math.min(...[...document.querySelectorAll('main p, main li, main dd')]"
        ".filter(e => e.offsetParent && e.textContent.trim())"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert size >= 13
    context.close()


def test_the_guide_is_one_sheet(chromium, vigil_url):
    """Printed as the browser does it, on A4, with its pictures marked as examples."""
    page = chromium.new_page()
    page.goto(f"{vigil_url}/guide")
    assert page.locator(".tag").count() == page.locator(".guide .example, .guide figure").count()
    assert page.locator(".guide figure").count() == 2
    for size in ({"prefer_css_page_size": True}, {"format": "A4"}, {"format": "Letter"}):
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(**size))) == 1, size
    page.close()


def test_the_guide_is_one_tap_away(page, demo_url):
    """From the page of a patient it opens beside it, out of the frame; the page stays."""
    frame = open_app(page, demo_url, "sepsis")
    with page.context.expect_page() as opened:
        frame.get_by_role("contentinfo").get_by_role("link", name="How to read this").click()
    assert opened.value.get_by_role("heading", level=1).inner_text() == "How to read this"
    assert "/l/" in frame.url


def test_what_was_kept_is_not_sent_twice(chromium, vigil_url):
    """The second visit of a page sends nothing: neither itself nor its style, script or pictures."""
    context = chromium.new_context()
    page = context.new_page()
    sent = (
        "[...performance.getEntriesByType('navigation'), "
        "...performance.getEntriesByType('resource')].map(e => [e.name, e.transferSize])"
    )
    for path in ("/model-card/sepsis/label", "/guide", "/model-card/sepsis/label"):
        page.goto(vigil_url + path)
        page.wait_for_load_state("networkidle")
    again = dict(page.evaluate(sent))
    assert len(again) >= 3 and not any(again.values()), again
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_part_that_compares_unfolds_in_place(page, demo_url, width):
    """By keyboard: a plot for each outcome with the patient inside it, and nothing sideways."""
    frame = open_app(page, demo_url, "sepsis")
    page.goto(frame.url)
    page.set_viewport_size({"width": width, "height": 800})
    page.locator("#compare > summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#compare svg.distribution")
    assert page.locator("#compare svg.distribution").count() == 2
    assert sideways(page) <= 0
    for plot in page.locator("#compare svg.distribution").all():
        box, mark = plot.bounding_box(), plot.locator(".total").bounding_box()
        assert box["x"] <= mark["x"] and mark["x"] + mark["width"] <= box["x"] + box["width"] + 1
    names = page.locator("#compare a").all_inner_texts()
    assert len(names) == len(set(names)) >= 7
    for link in page.locator("#compare .more a").all():
        assert link.bounding_box()["height"] >= 44
