"""What a clinician sees without a scroll, at the desk and on a phone: findings, what is asked for,
every risk and NEWS2; and that nothing of it moves, overlaps or needs a script.
"""

import re

import pytest

from tests.browser.test_demo import open_app, sideways

PATIENTS = ("sepsis", "opioid", "conflict", "potassium", "stable")
SCREENS = {1280: (1280, 800), 400: (400, 800)}
HEAVIEST = 150_000
OPEN = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
# Rectangles of all words that can be seen, and of all marks that must not run through one.
CROSSED = """
() => {
  // What is for screen readers alone is clipped away.
  const clipped = one => one && (getComputedStyle(one).clipPath !== "none" || clipped(one.parentElement));
  const seen = one => one.checkVisibility({opacityProperty: true, visibilityProperty: true}) && !clipped(one);
  const words = [];
  const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (!node.textContent.trim() || !seen(node.parentElement) || node.parentElement.closest("title, desc")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      // A letter's box has room above and below it that no ink fills.
      if (box.width > 2) words.push([node.textContent.trim(), box.left, box.top + 3, box.right, box.bottom - 3]);
    }
  }
  const marks = [...document.querySelectorAll("main svg :is(line, .bar, .points, circle)")].filter(seen)
    .map(mark => [mark.outerHTML.slice(0, 60), mark.getBoundingClientRect()]);
  return words.flatMap(([text, left, top, right, bottom]) => marks
    .filter(([, box]) => left < box.right && box.left < right && top < box.bottom && box.top < bottom)
    .map(([mark]) => text + " / " + mark));
}
"""
SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => list.getEntries().forEach(one => shifts.push(one.value)))
  .observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture
def screen(chromium):
    """Give a function that opens a patient's page alone in a window, and returns it."""
    contexts = []

    def shown(demo_url: str, patient: str, size: tuple[int, int], **options):
        scripts, slower = options.pop("java_script_enabled", True), options.pop("slower", 1)
        first = chromium.new_context()
        address = open_app(first.new_page(), demo_url, patient).url
        state = first.storage_state()
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            storage_state=state,
            java_script_enabled=scripts,
            **options,
        )
        contexts.extend([first, context])
        page = context.new_page()
        page.add_init_script(SHIFTS)
        rate = {"rate": slower}
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", rate)
        page.answer = page.goto(address)
        return page

    yield shown
    for context in contexts:
        context.close()


def bottom(place) -> float:
    """Return how far down a place reaches that can be seen."""
    assert place.is_visible(), place
    box = place.bounding_box()
    return box["y"] + box["height"]


@pytest.mark.parametrize("patient", PATIENTS)
def test_all_that_matters_is_on_a_desks_first_screen(screen, demo_url, patient):
    """Banner, disclaimer, findings, response, both outcomes with figure, band, interval, trend and
    waterfall, and NEWS2 with its day, side by side.
    """
    page = screen(demo_url, patient, SCREENS[1280])
    panels = page.locator(".panels > section")
    assert panels.count() == 3
    for place in (".banner", ".disclaimer", ".findings", ".told li", ".response", ".strip"):
        assert bottom(page.locator(place).first) <= 800, place
    tops = {panels.nth(n).bounding_box()["y"] for n in range(3)}
    assert len(tops) == 1 and max(bottom(panels.nth(n)) for n in range(3)) <= 800
    for n in range(2):
        text = panels.nth(n).inner_text()
        assert re.search(r"Risk of .+: (under )?[\d.]+ %", text) and "Interval" in text
        assert "Six hours earlier" in text and "this patient" in text
        assert 3 <= panels.nth(n).locator(".waterfall tbody tr").count() <= 10


@pytest.mark.parametrize("patient", PATIENTS)
def test_all_that_matters_is_on_a_phones_first_screen(screen, demo_url, patient):
    """The same, one panel at a time; the others are chosen by touch or by keyboard, and nothing
    moves when they are.
    """
    page = screen(demo_url, patient, SCREENS[400])
    for place in (".banner", ".disclaimer", ".findings", ".told li", ".response"):
        assert bottom(page.locator(place).first) <= 800, place
    panels, labels = page.locator(".panels > section"), page.locator(".outcomes > label")
    assert labels.count() == panels.count() == 3
    top = labels.first.bounding_box()["y"]
    for n in range(3):
        assert labels.nth(n).bounding_box()["height"] >= 44
        labels.nth(n).click()
        seen = [panels.nth(m).is_visible() for m in range(3)]
        assert seen == [m == n for m in range(3)]
        assert bottom(panels.nth(n)) <= 800 and labels.first.bounding_box()["y"] == top
    page.keyboard.press("ArrowRight")
    assert panels.first.is_visible() and not panels.nth(2).is_visible()
    assert page.evaluate("document.activeElement.id") == "show-1"


@pytest.mark.parametrize("patient", [*PATIENTS, "not-certain", "chart-mess"])
@pytest.mark.parametrize("width", [1280, 768, 400, 320])
def test_no_line_runs_through_a_word_and_nothing_scrolls_sideways(screen, demo_url, patient, width):
    """As the browser draws it, with every part unfolded."""
    page = screen(demo_url, patient, (width, 900))
    assert page.evaluate(CROSSED) == [] and sideways(page) == 0
    page.evaluate(OPEN)
    page.locator(".multiples .row").first.wait_for()
    page.evaluate(OPEN)
    assert page.evaluate(CROSSED) == [] and sideways(page) == 0


@pytest.mark.parametrize("width", [1280, 400, 320])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_nothing_moves_while_the_page_comes(screen, demo_url, width, zone):
    """No layout shift at all, also on a slow computer, which draws before it has read the page, and
    where the computer's clock is told to run in another zone.
    """
    page = screen(demo_url, "sepsis", (width, 800), timezone_id=zone, slower=6)
    page.wait_for_function("performance.getEntriesByType('paint').length")
    page.wait_for_timeout(600)
    assert ("not in this computer" in page.locator(".zone").inner_text()) == (zone != "UTC")
    assert page.evaluate("shifts") == []


@pytest.mark.parametrize("width", [1280, 320])
def test_a_page_that_was_cut_on_its_way_shows_no_half(screen, demo_url, width):
    """Half a list of findings would be falsely calm: a line says what to do, and nothing else."""
    page = screen(demo_url, "sepsis", (width, 800))
    assert not page.locator(".arriving").is_visible()
    whole = page.content()
    for end in ('class="panels"', "<footer"):
        cut = whole[: whole.index(end)]
        page.route(
            "**/l/**", lambda route, _, cut=cut: route.fulfill(body=cut, content_type="text/html")
        )
        page.goto(page.url)
        assert not page.locator("main").is_visible() and not page.locator(".banner").is_visible()
        page.get_by_text("This page is not whole. If that lasts, load it again.").wait_for()
        assert sideways(page) == 0
        page.unroute("**/l/**")


@pytest.mark.parametrize("patient", PATIENTS)
def test_a_page_is_light(screen, demo_url, patient):
    page = screen(demo_url, patient, SCREENS[1280])
    assert 20_000 < len(page.answer.body()) < HEAVIEST


@pytest.mark.parametrize("width", SCREENS)
def test_the_first_screen_needs_no_script(screen, demo_url, width):
    """All panels are reached without one."""
    page = screen(demo_url, "sepsis", SCREENS[width], java_script_enabled=False)
    panels = page.locator(".panels > section")
    for n in range(3):
        if width == 400:
            page.locator(".outcomes > label").nth(n).click()
        assert bottom(panels.nth(n)) <= 800
    assert bottom(page.locator(".response")) <= 800


@pytest.mark.parametrize("width", [1280, 400])
def test_in_the_charts_frame_the_risks_are_on_the_first_screen(page, demo_url, width):
    """The demonstration's frame is lower than a window; figures and bands stand in it all the
    same.
    """
    page.set_viewport_size({"width": width, "height": 800})
    frame = open_app(page, demo_url, "sepsis")
    height = frame.evaluate("innerHeight")
    shown = frame.locator(".panels > section:visible").first
    reached = shown.bounding_box()["y"] - page.locator("iframe").bounding_box()["y"]
    assert reached + 60 <= height
    if width == 1280:
        place = frame.locator(".panels").bounding_box()
        assert place["y"] + place["height"] - page.locator("iframe").bounding_box()["y"] <= height


def test_ranges_of_time_are_chosen_in_place(screen, demo_url):
    """12 hours, 48 hours and 7 days; the page around them stays as it is."""
    page = screen(demo_url, "sepsis", SCREENS[1280])
    page.locator("#trends > summary").click()
    page.get_by_role("link", name="12 hours").click()
    page.get_by_role("heading", name="The last 12 hours").wait_for()
    assert page.locator("#trends a[aria-current]").inner_text() == "12 hours"
    page.get_by_role("link", name="7 days").click()
    page.get_by_role("heading", name="The last 7 days").wait_for()
    assert page.locator(".outcomes").is_visible()


def test_measurements_are_a_page_of_their_own_without_a_script(screen, demo_url):
    """Each range is a link, and what was measured is all there."""
    page = screen(demo_url, "sepsis", SCREENS[1280], java_script_enabled=False)
    page.locator("#trends > summary").click()
    page.get_by_role("link", name="Open measurements").click()
    page.get_by_role("link", name="7 days").click()
    assert "?hours=168" in page.url and page.locator("svg.trend").count() > 20
    page.get_by_role("link", name="Back to the whole page").click()
    page.locator(".outcomes").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_raising_warning_and_critical_are_three_colours_and_signs(screen, demo_url, scheme):
    """None of them is told by its colour alone: each has a word, and a mark before it."""
    page = screen(demo_url, "sepsis", SCREENS[1280], color_scheme=scheme)
    style = "one => { const s = getComputedStyle(one); return [s.backgroundColor, s.color]; }"
    critical = page.locator(".told .critical").first.evaluate(style)
    warning = page.locator(".told .warning").first.evaluate(style)
    raises = page.locator(".amount.raises").first.evaluate(style)
    assert len({critical[0], warning[1], raises[1]}) == 3
    marks = "one => getComputedStyle(one, '::before').content.split('/')[0].trim()"
    signs = [
        page.locator(f".told .{level}").first.evaluate(marks) for level in ("critical", "warning")
    ]
    assert "■" in signs[0] and "◆" in signs[1]
    assert page.locator(".amount.raises").first.inner_text().startswith("▲")
