"""Launches as browsers make them: top-level, in a frame of another site, with cookies blocked,
standalone, in two tabs, with every error of the authorization server, and by keyboard alone.
"""

import re
from urllib.parse import urlsplit

import pytest

from demo.playing.troubles import REFUSALS, TOKENS

PAGE = re.compile(r"/l/[^/]+/$")
# Chromium's settings of cookies: all, none of third parties (as Debian installs it), none.
ALL_COOKIES = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
NO_THIRD_PARTIES = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}
NO_COOKIES = {"profile": {"default_content_setting_values": {"cookies": 2}}}
TITLES = {
    "access_denied": "Access was not granted",
    "other_state": "Your browser did not let Vigil sign in",
    "no_patient": "No patient is open",
}
# In the page's main part the EHR's word and what to do; a minute's wait is for these alone.
WAIT = {"server_error", "temporarily_unavailable", "token_slow"}
COOKIES = """
() => {
  document.cookie = "plain=1; Secure; SameSite=None; Path=/";
  document.cookie = "parted=1; Secure; SameSite=None; Path=/; Partitioned";
  return document.cookie;
}
"""


@pytest.fixture
def visitor(chromium):
    """Give a page that fails its test on a script error or a refused policy; pages that say no
    are its business.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults = watched(page)
    yield page
    context.close()
    assert not faults


def watched(page) -> list[str]:
    """Return where a page's script errors and refusals by policy will stand."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    return faults


def elsewhere(url: str) -> str:
    """Return the demonstration's address as that of another site than Vigil's."""
    return url.replace("//localhost", "//ehr.localhost")


def launch_url(url: str, patient: str, **more: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in more.items())
    return f"{url}chart/{patient}/launch?{query}"


def in_frame(page, url: str, patient: str = "sepsis"):
    """Open the app in the chart's frame; return the frame once Vigil has answered."""
    page.goto(f"{url}chart/{patient}?user=new")
    page.get_by_role("link", name="Open Vigil", exact=True).click()
    frame = page.frame(name="app")
    frame.wait_for_url(re.compile(r"/l/[^/]+/|/callback"))
    frame.wait_for_load_state()
    return frame


def name_on(page) -> str:
    return page.locator("header.banner .name").inner_text()


def test_a_launch_in_a_tab_of_its_own(visitor, demo_url):
    """Top-level: the address is clean, and Back leads before the launch, not into it."""
    visitor.goto(f"{demo_url}chart/sepsis?user=new")
    name = visitor.locator(".banner .name").inner_text()
    visitor.goto(launch_url(demo_url, "sepsis"))
    assert PAGE.search(visitor.url) and name_on(visitor) == name
    visitor.go_back()
    assert visitor.url.startswith(f"{demo_url}chart/sepsis")
    visitor.go_forward()
    assert PAGE.search(visitor.url) and name_on(visitor) == name


@pytest.mark.rule("SMART-24", "SMART-22")
def test_back_onto_the_callback_is_a_page_that_says_so(visitor, demo_url):
    """The address of the sign-in, once more: no second exchange, and no word of cookies."""
    seen = []
    visitor.on("request", lambda request: seen.append(request.url))
    visitor.goto(launch_url(demo_url, "sepsis"))
    place = visitor.url
    callback = next(url for url in seen if "/callback?" in url)
    visitor.goto(callback)
    assert visitor.locator("h1").inner_text() == "This sign-in is over"
    assert "cookie" not in visitor.locator("main").inner_text()
    visitor.goto(place)
    assert PAGE.search(visitor.url) and visitor.locator("header.banner").count() == 1


@pytest.mark.rule("SMART-42", "SMART-45", "E5")
@pytest.mark.parametrize(
    "preferences, flags, blocked",
    [
        (ALL_COOKIES, (), False),
        (NO_THIRD_PARTIES, (), True),
        ({}, ("--test-third-party-cookie-phaseout",), True),
    ],
    ids=["allowed", "blocked by the user", "blocked for all"],
)
def test_in_a_frame_of_another_site(profiled, demo_url, preferences, flags, blocked):
    """Also where third-party cookies are blocked: the session's cookie is the frame's own."""
    page = profiled(preferences, *flags).new_page()
    faults = watched(page)
    frame = in_frame(page, elsewhere(demo_url))
    assert PAGE.search(frame.url) and frame.locator("header.banner").count() == 1
    assert urlsplit(page.url).hostname == "ehr.localhost" != urlsplit(frame.url).hostname
    # That it was blocked at all is seen by a cookie that is not partitioned.
    kept = frame.evaluate(COOKIES)
    assert "parted=1" in kept and ("plain=1" in kept) is not blocked
    frame.goto(frame.url)
    assert frame.locator("header.banner").count() == 1
    frame.locator("details#session summary").click()
    frame.locator("button", has_text="Close Vigil").click()
    frame.wait_for_selector("text=Vigil is closed")
    assert not faults


@pytest.mark.rule("SMART-43")
def test_with_all_cookies_blocked_there_is_a_message_and_no_loop(profiled, demo_url):
    """In the frame, and in the window of its own that the message offers."""
    context = profiled(NO_COOKIES)
    page, asked = context.new_page(), []
    context.on("request", lambda request: asked.append(urlsplit(request.url).path))
    frame = in_frame(page, elsewhere(demo_url))
    assert frame.locator("h1").inner_text() == "Your browser did not let Vigil sign in"
    with context.expect_page() as opened:
        frame.get_by_role("link", name="Open Vigil in a window of its own").click()
    window = opened.value
    window.wait_for_load_state()
    assert window.locator("h1").inner_text() == "Your browser did not let Vigil sign in"
    assert window.get_by_role("link", name="window of its own").count() == 0
    assert asked.count("/callback") == 2


@pytest.mark.rule("SMART-43")
def test_out_of_a_frame_without_cookies_the_launch_works_in_a_window(profiled, demo_url):
    """The browser blocks cookies within the chart only: one press, and the same patient's page."""
    page_of_all = profiled({}).new_page()
    vigil = _origin(in_frame(page_of_all, demo_url).url)
    there = f"{vigil},{_origin(elsewhere(demo_url))}"
    blocked = {
        "profile": {"content_settings": {"exceptions": {"cookies": {there: {"setting": 2}}}}}
    }
    context = profiled(blocked)
    page = context.new_page()
    frame = in_frame(page, elsewhere(demo_url))
    assert frame.locator("h1").inner_text() == "Your browser did not let Vigil sign in"
    with context.expect_page() as opened:
        frame.get_by_role("link", name="Open Vigil in a window of its own").click()
    window = opened.value
    window.wait_for_url(PAGE)
    assert name_on(window) == page.locator(".banner .name").inner_text()


@pytest.mark.rule("SMART-50")
def test_a_standalone_launch_picks_the_ehr_and_the_patient(visitor, demo_url):
    """And where the user picks nobody, a link leads back to the choice."""
    visitor.goto(launch_url(demo_url, "stable"))
    choice = f"{_origin(visitor.url)}/standalone"
    visitor.goto(choice)
    visitor.get_by_role("link", name="demo", exact=True).click()
    visitor.get_by_role("button", name="Cancel").click()
    visitor.get_by_role("link", name="Choose the EHR again").click()
    visitor.get_by_role("link", name="demo", exact=True).click()
    chosen = visitor.locator("label", has=visitor.get_by_role("radio")).nth(3)
    name = chosen.inner_text().strip().rpartition(",")[0]
    chosen.click()
    visitor.get_by_role("button", name="Open").click()
    visitor.wait_for_url(PAGE)
    assert name_on(visitor) == name


@pytest.mark.rule("SMART-46", "SMART-7", "E6")
def test_two_patients_in_two_tabs_stay_apart(visitor, demo_url):
    """Launched one after the other, each reloaded after the other, parts loaded, one closed: no
    tab ever shows the other's patient.
    """
    tabs = {"sepsis": visitor, "stable": visitor.context.new_page()}
    names = {}
    for patient, tab in tabs.items():
        tab.goto(launch_url(demo_url, patient))
        names[patient] = name_on(tab)
    assert len(set(names.values())) == 2
    for _ in range(2):
        for patient, tab in tabs.items():
            tab.reload()
            assert name_on(tab) == names[patient]
            tab.locator("details#session summary").click()
            tab.wait_for_selector("text=may be read")
    tabs["stable"].locator("button", has_text="Close Vigil").click()
    tabs["stable"].wait_for_selector("text=Vigil is closed")
    visitor.reload()
    assert name_on(visitor) == names["sepsis"]


@pytest.mark.rule("SMART-23", "SMART-31")
@pytest.mark.parametrize("trouble", [*REFUSALS, *TOKENS])
def test_every_error_of_the_authorization_server_is_a_page(visitor, demo_url, trouble):
    """With a title, what to do, and a reference for the administrator; never a banner of anybody."""
    visitor.goto(launch_url(demo_url, "sepsis", trouble=trouble))
    main = visitor.locator("main").inner_text()
    assert TITLES.get(trouble, "sign-in with the EHR failed") in main
    assert "patient's chart" in main or "administrator" in main
    assert re.search(r"reference [0-9a-f]{16}", main)
    assert visitor.locator("header.banner").count() == 0
    assert ("in a minute" in main) is (trouble in WAIT), main
    assert "code=" not in visitor.locator("body").inner_html()


@pytest.mark.rule("SMART-40", "SMART-18")
@pytest.mark.parametrize(
    "trouble, words",
    [
        ("fhir_slow", "Lactate"),
        ("fhir_partial", "Laboratory results could not be read"),
        ("vitals_only", "Laboratory results may not be read here"),
        ("patient_only", "Vital signs may not be read here"),
        ("fhir_refused", "no longer lets this page read the chart"),
    ],
)
def test_slow_and_partial_charts_say_what_is_missing(visitor, demo_url, trouble, words):
    """Slow answers make a whole page, later; what can't be read is named, not taken for normal."""
    visitor.set_default_timeout(40_000)
    visitor.goto(launch_url(demo_url, "sepsis", trouble=trouble))
    assert words in visitor.locator("main").inner_text()


@pytest.mark.rule("SMART-35", "SMART-36")
@pytest.mark.parametrize(
    "trouble, words",
    [
        ("short", None),
        ("refresh_refused", "This session has ended"),
        ("refresh_other", "Another patient is open in the EHR"),
    ],
)
def test_short_tokens_are_renewed_or_end_the_session(visitor, demo_url, trouble, words):
    """Each page renews a token that ends soon, and two tabs of one page share what came of it."""
    visitor.goto(launch_url(demo_url, "sepsis", trouble=trouble))
    if words is None:
        twin = visitor.context.new_page()
        for page in (visitor, twin, visitor, twin):
            page.goto(visitor.url)
            assert page.locator("header.banner").count() == 1
    else:
        assert words in visitor.locator("main").inner_text()
        assert visitor.locator("header.banner").count() == 0


@pytest.mark.rule("E5")
def test_a_session_that_ended_says_so_and_shows_nobody(visitor, demo_url):
    """As after fifteen idle minutes, or in a browser that never signed in; in a part's place too."""
    visitor.goto(launch_url(demo_url, "sepsis"))
    visitor.context.clear_cookies()
    visitor.locator("details#session summary").click()
    visitor.wait_for_selector("text=This session has ended")
    visitor.reload()
    assert visitor.locator("h1").inner_text() == "This session has ended"
    assert visitor.locator("header.banner").count() == 0


def test_the_ehrs_style_and_banner_are_heeded(visitor, demo_url):
    """Its ground and fonts in the light scheme, ours in the dark one, and a banner in either."""
    visitor.goto(launch_url(demo_url, "sepsis", trouble="own_banner"))
    ground = "getComputedStyle(document.body).backgroundColor"
    assert visitor.evaluate(ground) == "rgb(244, 247, 242)"
    assert "Georgia" in visitor.evaluate("getComputedStyle(document.body).fontFamily")
    assert visitor.locator("header.banner.brief").is_visible() and name_on(visitor)
    visitor.emulate_media(color_scheme="dark")
    assert visitor.evaluate(ground) == "rgb(18, 23, 28)"


@pytest.mark.rule("SMART-12")
def test_a_long_request_goes_by_post_by_itself(visitor, demo_url):
    """The policy lets the form through to the EHR and back from there, with script and without."""
    visitor.goto(launch_url(demo_url, "sepsis"))
    origin = _origin(visitor.url)
    address = f"{origin}/launch?iss={demo_url}fhir&launch={'y' * 2000}"
    visitor.goto(address)
    visitor.wait_for_url(re.compile("/callback"))
    assert "does not know Vigil" in visitor.locator("main").inner_text()
    bare = visitor.context.browser.new_context(java_script_enabled=False)
    page = bare.new_page()
    page.goto(address)
    page.get_by_role("button", name="Go on to the EHR").click()
    page.wait_for_url(re.compile("/callback"))
    bare.close()


def test_an_unknown_address_is_a_page(visitor, demo_url):
    visitor.goto(launch_url(demo_url, "sepsis"))
    visitor.goto(f"{_origin(visitor.url)}/l/nothing/here")
    assert visitor.locator("h1").inner_text() == "There is nothing at this address"
    assert visitor.get_by_role("link", name="About the model").count() == 1


def test_a_launch_and_its_page_by_keyboard_alone(visitor, demo_url):
    """From the chart into the frame, through the page, into a part, and out: Tab, Enter, Escape
    from nothing; the focus is always seen.
    """
    visitor.goto(f"{demo_url}chart/sepsis?user=new")
    _tab_to(visitor, "Open Vigil")
    visitor.keyboard.press("Enter")
    frame = visitor.frame(name="app")
    frame.wait_for_url(PAGE)
    frame.wait_for_load_state()
    summary = frame.locator("details#session summary")
    for _ in range(400):
        visitor.keyboard.press("Tab")
        if summary.evaluate("element => element === document.activeElement"):
            break
    else:
        raise AssertionError("Tab never reached the last part of the page")
    assert summary.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
    visitor.keyboard.press("Enter")
    frame.wait_for_selector("text=Close Vigil")
    visitor.keyboard.press("Tab")
    assert frame.evaluate("document.activeElement.textContent") == "Close Vigil"
    visitor.keyboard.press("Enter")
    frame.wait_for_selector("text=Vigil is closed")


def _tab_to(page, words: str) -> None:
    """Press Tab until a link of this name has the focus."""
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == words:
            return
    raise AssertionError(f"Tab never reached {words}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
