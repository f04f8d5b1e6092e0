"""The lists of charts in a browser: one's own after a round of charts, and a list of the EHR that
fills while somebody looks, stops by keyboard and works without a script.
"""

import re

import pytest

from tests.browser.test_demo import WIDTHS, sideways
from tests.spec.test_patient_lists import USER_SCOPES
from tests.support.served import Served
from tests.support.small_ehr import SmallEhr

MANY = 400


def names(page) -> list[str]:
    return page.locator(".chart .who strong").all_inner_texts()


@pytest.fixture
def own(page, demo_url):
    """The list of a clinician who opened some charts."""
    for patient in ("stable", "sepsis", "opioid"):
        page.goto(f"{demo_url}chart/{patient}")
    page.goto(f"{demo_url}chart/potassium/launch")
    page.get_by_role("link", name="Your charts").click()
    page.locator(".chart").first.wait_for()
    return page


def test_the_charts_that_were_opened_are_listed_the_gravest_first(own):
    """Each with its level in a word, and by name where the user may read that; none opens here."""
    assert "no census" in own.locator(".notice").first.inner_text()
    levels = own.locator(".chart .who .band").all_inner_texts()
    assert levels == sorted(levels, key=["critical", "warning", "info"].index)
    assert {"Samplewood, Juniper", "Contrivance, Heath"} <= set(names(own))
    row = own.locator(".chart", has_text="Contrivance, Heath")
    assert "potassium 7.1 mmol/L" in row.inner_text() and row.get_by_role("link").count() == 1
    assert own.locator(".chart", has_text="Samplewood, Juniper").get_by_role("link").count() == 0


def test_the_demonstrations_wards_are_lists_of_the_ehr(own):
    """Each of their patients is read and assessed, whom nobody opened; names come with the leave."""
    own.get_by_role("link", name="Lists of the EHR").click()
    offers = own.locator(".offers li")
    told = re.sub(r"\s+", " ", " ".join(offers.all_inner_texts()))
    assert "Assess All wards 19 patients" in told and "Assess Renal unit 2C 1 patient " in told
    own.get_by_role("button", name="Assess All wards").click()
    own.get_by_text("All 19 charts were read or tried.").wait_for()
    assert own.locator(".chart").count() == 19 and "Patient " not in " ".join(names(own))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(own, scheme):
    own.emulate_media(color_scheme=scheme)
    for width in WIDTHS:
        own.set_viewport_size({"width": width, "height": 900})
        assert sideways(own) <= 0, width


def test_the_demonstrations_list_fills_with_vigils_levels(page, demo_url):
    """Nineteen calls, none of which holds the list up."""
    page.goto(demo_url)
    assert page.locator("ul.patients a").count() == 19
    page.locator(".told .indicator").nth(18).wait_for()
    row = page.locator("li", has_text="Critical potassium")
    assert re.sub(r"\s+", " ", row.locator(".told").inner_text()) == "critical NEWS2 0"


@pytest.fixture
def ward(tmp_path):
    """A Vigil at an EHR with a list, which it reads slowly."""
    ehr = SmallEhr()
    ehr.claims = {"fhirUser": f"{ehr.iss}/Practitioner/dr-1"}
    ehr.groups = {"The whole ward": [f"p{n}" for n in range(MANY)]}
    ehr.token_extra = {"scope": USER_SCOPES}
    ehr.delay = 0.15
    vigil = Served(
        tmp_path,
        f'[[ehr]]\nid = "test"\nfhir_base = ["{ehr.iss}"]\nhook_auth = "open"\n'
        'smart_client_id = "vigil-1"\nsmart_client_auth = "none"\n',
    )
    yield f"{vigil.url}/launch?iss={ehr.iss}&launch=xyz"
    vigil.stop()
    ehr.stop()


def begin(page, ward) -> None:
    """Launch and begin with the list."""
    page.goto(ward)
    page.get_by_role("link", name="Your charts").click()
    page.get_by_role("link", name="Lists of the EHR").click()
    page.get_by_role("button", name="Assess The whole ward").click()
    page.locator("#progress").wait_for()


def test_a_list_fills_by_itself_and_stops_by_keyboard(page, ward):
    """Rows come without a reload; the button keeps the focus while the progress goes on."""
    begin(page, ward)
    page.evaluate("document.body.dataset.same = '1'")
    page.locator(".chart").nth(2).wait_for()
    page.get_by_role("button", name="Stop").focus()
    seen = page.locator("progress").get_attribute("value")
    page.locator(f"progress:not([value='{seen}'])").wait_for()
    assert page.evaluate("document.activeElement.innerText") == "Stop"
    assert page.evaluate("document.body.dataset.same") == "1"
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("Stopped after")).wait_for()
    assert 0 < page.locator(".chart").count() < MANY


def test_a_list_works_without_a_script(chromium, ward):
    """By the link to look again."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    begin(page, ward)
    seen = 0
    while not seen:
        page.get_by_role("link", name="Look again").click()
        seen = page.locator(".chart").count()
    page.get_by_role("button", name="Stop").click()
    while page.get_by_role("link", name="Look again").count():
        page.get_by_role("link", name="Look again").click()
    assert "Stopped after" in page.locator("#progress").inner_text()
    context.close()
