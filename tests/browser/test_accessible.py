"""Every page of Vigil, of the demonstration and of the reports by axe-core (WCAG 2.2 AA), light and
dark, wide and narrow; what it can't tell of contrast is measured.
"""

import json
import re

import pytest

from cdshooks.reporting import printed
from models.fitted.registry import TRAINED
from studies.report.report import report
from tests.browser.accessibility import judged, too_faint
from tests.browser.test_demo import open_app
from tests.clients import environments
from tests.support.absent import absent
from tests.unit.cdshooks.test_feedback_report import END, START, Log

WAYS = [(1280, "light"), (1280, "dark"), (320, "light"), (320, "dark")]
OPEN = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
SCHEME = "matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"
CHARTS = ("sepsis", "not-certain", "chart-mess", "child", "potassium")


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core, from npm."""
    try:
        _, place = environments.node("axe")
    except environments.Absent as why:
        absent(f"axe {why}")
    return (place / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}-{way[1]}")
def shown(request, page):
    """A page of one width in one scheme."""
    width, scheme = request.param
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    return page


def assert_good(page, axe):
    found = judged(page, axe)
    assert found["violations"] == []
    assert found["incomplete"] == []
    assert too_faint(page) == []


@pytest.mark.parametrize("patient", CHARTS)
def test_the_page_of_a_chart(shown, demo_url, axe, patient):
    """With every part unfolded, each of which is loaded."""
    frame = open_app(shown, demo_url, patient)
    shown.goto(frame.url)
    shown.evaluate(OPEN)
    shown.wait_for_load_state("networkidle")
    shown.evaluate(OPEN)
    assert_good(shown, axe)


def test_a_hypothesis(shown, demo_url, axe):
    """The part "what if" with values tried, taken away and refused."""
    shown.goto(open_app(shown, demo_url, "not-certain").url)
    shown.locator("#what_if > summary").click()
    for name, value in {"spo2": "85", "systolic": "", "heart_rate": "999"}.items():
        shown.locator(f"[name={name}]:not(button)").fill(value)
    shown.locator("[data-said]", has_text="Not used: heart rate").wait_for()
    shown.evaluate(OPEN)
    # What sticks to the window lies over words in a picture of the whole page.
    shown.evaluate("scrollTo(0, 0)")
    assert_good(shown, axe)


@pytest.mark.parametrize("path", ["", "chart/sepsis?user=new", "chart/sepsis?user=new&client=epic"])
def test_the_demonstrations_pages(shown, demo_url, axe, path):
    shown.goto(f"{demo_url}{path}")
    shown.evaluate(OPEN)
    assert_good(shown, axe)


@pytest.mark.parametrize(
    "path", ["guide", "model-card", "model-card/deterioration/label", "standalone"]
)
def test_the_pages_without_a_session(shown, demo_url, axe, path):
    shown.goto(f"{vigil_url(shown, demo_url)}{path}")
    shown.evaluate(OPEN)
    assert_good(shown, axe)


@pytest.mark.parametrize("path", ["launch", "callback?state=x", "l/unknown/"])
def test_the_pages_that_say_what_went_wrong(chromium, demo_url, axe, path):
    """They come with a status that the browser logs as an error, which is none of the page."""
    page = chromium.new_context(viewport={"width": 320, "height": 700}).new_page()
    page.goto(f"{vigil_url(page, demo_url)}{path}")
    assert_good(page, axe)
    page.context.close()


def vigil_url(page, demo_url: str) -> str:
    page.goto(f"{demo_url}chart/stable?user=new")
    source = page.get_by_role("link", name="Vigil", exact=True).get_attribute("href")
    return re.match(r"https?://[^/]+/", source)[0]


def validation_page() -> str:
    """The report of the shipped models, from what lies in their folders."""
    files = sorted(TRAINED.glob("*/0.5.0/validation.json"))
    found = [json.loads(file.read_text("utf-8")) for file in files]
    return report(found[0] | {"models": found})


def feedback_page() -> str:
    """A week with cards of every level, and answers to them."""
    log = Log()
    for n in range(60):
        level = ("info", "warning", "critical")[n % 3]
        log.card(f"card-{n}", n, level)
        log.feedback(
            f"card-{n}", n + 0.2, ("accepted", "overridden")[n % 2], fb_reason={"code": "known"}
        )
    made = printed.report(log.gathered(), log.pages(), START, END, 0)
    return printed.page(made)


@pytest.mark.parametrize("made", [validation_page, feedback_page])
def test_the_reports(shown, axe, made, tmp_path):
    """They are files, without a server."""
    page = tmp_path / "report.html"
    page.write_text(made(), "utf-8")
    bare = shown.context.new_page()
    bare.emulate_media(color_scheme=shown.evaluate(SCHEME))
    bare.goto(page.as_uri())
    bare.evaluate(OPEN)
    assert_good(bare, axe)


def test_the_list_of_charts(shown, demo_url, axe):
    """After some charts were opened."""
    for patient in CHARTS:
        shown.goto(f"{demo_url}chart/{patient}")
    shown.goto(f"{demo_url}chart/stable/launch")
    shown.get_by_role("link", name="Your charts").click()
    assert_good(shown, axe)
