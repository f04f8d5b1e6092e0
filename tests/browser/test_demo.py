"""The main job end to end: open a chart, read the card, open the app in the frame, see the
plots, give feedback.
"""

import re

import pytest

SICK = ("sepsis", "haemorrhage", "respiratory-failure", "heart-failure")
SCORED = (
    *SICK,
    "withdrawal",
    "kidney",
    "opioid",
    "potassium",
    "conflict",
    "unreadable",
    "copd",
    "post-operative",
    "improving",
    "stable",
    "chart-mess",
)
# The rows of NEWS2 and its total; the course of the risk comes with what changed.
PLOTS = 8
WIDTHS = (1280, 768, 400, 320)


def open_app(page, url: str, patient: str, button: str = "Explain this estimate"):
    """Open a chart and the app in its frame; return the frame once its page is there."""
    # By somebody new, to whom Vigil has shown nothing before.
    page.goto(f"{url}chart/{patient}?user=new")
    page.get_by_role("link", name=button).click()
    frame = page.frame(name="app")
    frame.wait_for_url(re.compile(r"/l/[^/]+/"))
    frame.wait_for_load_state()
    return frame


def sideways(frame) -> int:
    """Return how many pixels a page is wider than its window."""
    return frame.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def card_percent(page) -> str:
    """Return the risk that leads the card's detail."""
    return re.search(
        r"(?i)risk of [^:]+: ((?:under )?[\d.]+ %)", page.locator(".card").inner_text()
    )[1]


def test_the_list_leads_to_every_chart(page, demo_url):
    """Eighteen adults and a child are offered, each by a link that the keyboard reaches."""
    page.goto(demo_url)
    links = page.locator("ul.patients a")
    assert links.count() == 19
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate(
        "document.activeElement.getAttribute('href')"
    ) == links.first.get_attribute("href")


@pytest.mark.rule("SMART-45")
@pytest.mark.parametrize("patient", SCORED)
def test_card_and_page_say_the_same_number(page, demo_url, patient):
    """The app explains the very assessment of the card: same percentage, every plot drawn, each
    input with its source.
    """
    frame = open_app(page, demo_url, patient)
    assert card_percent(page) in frame.locator("main").inner_text()
    assert frame.locator(".strip svg").count() >= PLOTS
    assert frame.locator(".waterfall").count() == 2
    assert frame.locator("td.source", has_text="Observation/").count() >= 5
    assert "explains the card" in frame.locator("main").inner_text()
    assert "not a cleared medical device" in frame.locator("body").inner_text()


@pytest.mark.parametrize(
    ("patient", "why"),
    [("child", "9 years old"), ("stale", "too old"), ("sparse", "too few vital signs")],
)
def test_without_a_number_card_and_page_say_why(page, demo_url, patient, why):
    """A child, stale data and an empty chart get a reason and no percentage anywhere."""
    frame = open_app(page, demo_url, patient)
    card = page.locator(".card").inner_text()
    main = frame.locator("main").inner_text()
    assert "Risk not calculated" in card and why in card
    assert "Risk not calculated" in main and why in main and "waterfall" not in frame.content()


@pytest.mark.parametrize(
    ("patient", "level", "first"),
    [
        ("opioid", "Warning", r"Respiratory rate [3-8] /min"),
        ("potassium", "Critical", r"Potassium [67]\.\d mmol/L"),
        ("conflict", "Warning", r"NEWS2 6 \(medium\): urgent review\. Systolic pressure \d\d mmHg"),
        ("unreadable", "Warning", r"[^.]*SpO2[^.]*<70 %"),
    ],
)
def test_one_grave_value_leads_the_card(page, demo_url, patient, level, first):
    """What makes the card urgent is its first word, with the level before it, whatever the model
    thinks of the rest.
    """
    page.goto(f"{demo_url}chart/{patient}")
    head = page.locator(".card h3").inner_text()
    assert re.match(rf"{level}\s+{first}", head), head


def test_a_risk_that_is_not_certain_reads_so_on_card_and_page(page, demo_url):
    """An interval stands in place of the number, with what is missing; the page explains the
    best estimate.
    """
    frame = open_app(page, demo_url, "not-certain")
    card, main = page.locator(".card").inner_text(), frame.locator("main").inner_text()
    span = re.search(r"Risk of death in hospital not certain: ([\d.]+ to \d+ %)", card).group(1)
    assert (
        f"Risk not certain: {span} death in hospital" in card
        and f"Risk of death in hospital: {span} not certain" in main
    )
    for text in (card, main):
        assert "is not known, above all Glasgow coma score" in text
    assert "no band is given" in main and "high risk" not in card.lower()


def test_the_sick_come_before_the_well(page, demo_url):
    """The four emergencies have a higher risk of death on their cards than every other chart; the
    risk that leads may be of another outcome.
    """
    found = {}
    for patient in SCORED:
        page.goto(f"{demo_url}chart/{patient}?user=new")
        said = re.search(
            r"risk of death in hospital:? (?:under )?([\d.]+) %", page.locator(".card").inner_text()
        )
        found[patient] = float(said[1])
    assert min(found[p] for p in SICK) > max(found[p] for p in SCORED if p not in SICK), found


def test_scale_2_is_used_for_the_patient_with_a_target(page, demo_url):
    """The COPD patient's saturation is scored on scale 2, and says so."""
    frame = open_app(page, demo_url, "copd")
    assert "scale 2" in frame.locator("main").inner_text()


def test_what_a_messy_chart_loses_is_counted(page, demo_url):
    """Card and page count what was left out, by reason, and invent nothing from it."""
    frame = open_app(page, demo_url, "chart-mess")
    frame.locator("#inputs > summary").click()
    for text in (page.locator(".card").inner_text(), frame.locator("main").inner_text()):
        assert (
            "entered in error" in text
            and "in an unknown unit" in text
            and "dated in the future" in text
        )


def test_a_card_can_be_dismissed_with_a_reason(page, demo_url):
    """Feedback reaches Vigil and the chart says so."""
    page.goto(f"{demo_url}chart/heart-failure")
    page.get_by_text("Dismiss this card").click()
    page.get_by_label("Reason").select_option("known")
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_role("status").filter(has_text="Dismissed").wait_for()
    assert page.get_by_role("alert").count() == 0


def test_the_app_opens_without_a_card_too(page, demo_url):
    """Launched from the chart itself, the page is computed from the chart as it is now."""
    frame = open_app(page, demo_url, "stable", "Open Vigil")
    assert "computed from the chart as it is now" in frame.locator("main").inner_text()


@pytest.mark.rule("SMART-46", "E6")
def test_two_charts_in_two_tabs_never_mix(page, demo_url):
    """A reload of the first tab, after the second was launched, still shows the first patient
    (SMART-46).
    """
    first = open_app(page, demo_url, "sepsis")
    name = first.locator("header").first.inner_text()
    other = page.context.new_page()
    second = open_app(other, demo_url, "stable")
    first.goto(first.url)
    assert (
        first.locator("header").first.inner_text()
        == name
        != second.locator("header").first.inner_text()
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways(page, demo_url, width, scheme):
    """List, chart and app fit 1280, 768, 400 and 320 pixels, light and dark."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(demo_url)
    assert sideways(page) == 0
    frame = open_app(page, demo_url, "sepsis")
    assert sideways(page) == 0 and sideways(frame) == 0


@pytest.mark.rule("SMART-24", "E7")
def test_nothing_personal_or_secret_in_addresses_and_storage(page, demo_url):
    """No token, code or state stays in an address, and nothing in the browser's storage
    (SMART-24, E7).
    """
    frame = open_app(page, demo_url, "sepsis")
    for part in ("code=", "state=", "token", "sepsis", "launch="):
        assert part not in frame.url
    assert frame.evaluate("localStorage.length + sessionStorage.length") == 0


def test_the_model_card_needs_no_session(page, demo_url):
    """The card's source leads to what is known of the model."""
    page.goto(f"{demo_url}chart/sepsis")
    source = page.get_by_role("link", name="Vigil", exact=True).get_attribute("href")
    for address in (source, source.removesuffix("model-card")):
        page.goto(address)
        assert "deterioration" in page.locator("main").inner_text()


@pytest.mark.parametrize("patient", SICK)
def test_what_is_urgent_stands_above_the_risk_as_on_the_card(page, demo_url, patient):
    """The page leads with the card's level, and its first finding is the card's."""
    frame = open_app(page, demo_url, patient)
    first = frame.locator(".told li").first
    assert first.locator("strong").inner_text() in page.locator(".card").inner_text()
    assert frame.locator("h1").inner_text() == "Critical findings"
    assert first.bounding_box()["y"] < frame.locator(".risk").first.bounding_box()["y"]


def test_times_do_not_change_with_the_computers_zone(chromium, demo_url):
    """Card and page tell the same time on every computer; where its clock runs in another zone, the
    page says so.
    """
    context = chromium.new_context(timezone_id="Asia/Kolkata")
    frame = open_app(context.new_page(), demo_url, "stable")
    card = frame.page.locator(".card").inner_text()
    clock = re.search(r"Data to (?:\d\d \w{3} )?(\d\d:\d\d) UTC", card)[1]
    main = frame.locator("main").inner_text()
    assert "Times are in UTC, not in this computer's zone" in main
    assert clock in frame.locator(".facts").first.inner_text()
    context.close()


def test_the_page_is_whole_without_script(chromium, demo_url):
    """With scripts turned off every plot, list and table is there, and a details element opens by
    the keyboard.
    """
    context = chromium.new_context()
    address = open_app(context.new_page(), demo_url, "sepsis").url
    bare = chromium.new_context(java_script_enabled=False, storage_state=context.storage_state())
    page = bare.new_page()
    page.goto(address)
    assert page.locator("svg[role=img]").count() >= PLOTS and page.locator(".told li").count() > 1
    page.locator("#why > summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == 1
    page.locator("#trends > summary").click()
    page.get_by_role("link", name="Open measurements").click()
    assert page.locator("svg.trend").count() > 10
    bare.close()
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("client", ["epic", "oracle", "meditech", "medplum", "sandbox"])
def test_each_client_fits_every_screen(page, demo_url, client, width, scheme):
    """A card in its client's form, critical or not, makes no page scroll sideways."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for patient in ("sepsis", "stable"):
        page.goto(f"{demo_url}chart/{patient}?user=new&client={client}")
        assert page.locator(".card").count() == 1 and sideways(page) == 0


def test_oracles_popup_is_for_the_keyboard_too(page, demo_url):
    """It takes the focus, Escape closes it, and its button opens the app."""
    page.goto(f"{demo_url}chart/sepsis?user=new&client=oracle")
    popup = page.locator("dialog.popup")
    assert popup.is_visible() and popup.evaluate("one => one.contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert not popup.is_visible()
    page.goto(f"{demo_url}chart/sepsis?user=new&client=oracle")
    page.keyboard.press("Enter")
    page.frame(name="app").wait_for_url(re.compile(r"/l/[^/]+/"))
    assert not popup.is_visible()


def test_what_vigil_decides_can_be_watched(page, demo_url):
    """Dismiss, open again, let the risk rise, change client and user: each opening has its row with
    what was seen and why.
    """
    page.goto(f"{demo_url}chart/not-certain?user=nurse")
    page.locator(".card summary", has_text="Dismiss").click()
    page.get_by_label("Reason").select_option(index=1)
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_role("link", name="Ask again").click()
    page.get_by_role("button", name="Chart worse vital signs").click()
    page.get_by_text("Worse vital signs were charted.").first.wait_for()
    page.get_by_label("Play as").select_option("epic")
    page.get_by_label("Signed in").select_option("doctor")
    page.get_by_role("button", name="Open the chart").click()
    rows = page.locator("section[aria-labelledby=openings] tbody tr")
    rows.nth(3).wait_for()
    told = [rows.nth(n).inner_text() for n in range(4)]
    assert "Epic" in told[0] and "Dr Robin Demonstrator" in told[0]
    assert "Worse vital signs were charted." in told[1] and "Alex Specimen, nurse" in told[1]
    assert "Dismissed (" in told[3] and "Vigil has been told." in told[3]
    assert all(re.search("(shown|one line|held back): ", row) for row in told)
    assert re.search("(shown|one line|held back): ", page.locator(".behind").inner_text())
    page.get_by_role("link", name="For developers").click()
    page.get_by_text('"delivery"').wait_for()
