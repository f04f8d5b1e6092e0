"""What a person sees where there is no page: unknown addresses, blocked cookies, the EHR's errors
(SMART-6, SMART-23, SMART-43).
"""

import base64
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Response

from runtime import signing_key
from runtime.audit.log import AuditError
from smartapp.launching import discovery
from smartapp.launching.oauth_error import ADVICE
from smartapp.launching.way_out import marked
from tests.support.launch_bench import Bench
from tests.support.small_ehr import SmallEhr

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FRAMED = {"Sec-Fetch-Dest": "iframe"}
OAUTH = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "login_required",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "made_up",
]


def ways(page) -> list[str]:
    return re.findall(r'class="button" href="([^"]*)"', page.text)


@pytest.mark.parametrize("path", ["/nothing", "/l/", "/launch/x", "/l/a/b/c", "/model-card/x/y"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_gets_a_page_at_an_unknown_address(bench, path, method):
    """Not JSON: with the words of a person, a reference, the headers of a page, and for HEAD too."""
    answer = bench.browser().client.open(path, method=method, headers=HTML)
    assert answer.status_code == 404 and answer.mimetype == "text/html"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert method == "HEAD" or (
        "There is nothing at this address" in answer.text
        and answer.headers["X-Request-Id"] in answer.text
        and "not a cleared medical device" in answer.text
    )


@pytest.mark.parametrize(
    "path, headers",
    [
        ("/nothing", {}),
        ("/nothing", {"Accept": "*/*"}),
        ("/nothing", {"Accept": "application/json, text/html;q=0.5"}),
        ("/cds-services/nothing", HTML),
        ("/cds-services/vigil-patient-view", HTML),
    ],
)
def test_a_machine_gets_json(bench, path, headers):
    """Whoever does not ask for HTML, and all below /cds-services."""
    answer = bench.browser().get(path, headers=headers)
    assert answer.mimetype == "application/json"
    assert answer.json["resourceType"] == "OperationOutcome"


def test_a_wrong_method_is_a_page_that_names_the_right_ones(bench):
    """As after Back onto what a button sent."""
    answer = bench.browser().post("/launch", headers=HTML)
    assert answer.status_code == 405 and answer.mimetype == "text/html"
    assert "GET" in answer.headers["Allow"] and "does not answer that" in answer.text
    assert bench.browser().post("/launch").json["resourceType"] == "OperationOutcome"


def test_a_missing_slash_is_mended(bench):
    """The framework's own redirect is handed on."""
    browser = bench.browser()
    place = browser.sign_in()
    answer = browser.get(place.rstrip("/"), headers=HTML)
    assert answer.status_code == 308 and urlsplit(answer.headers["Location"]).path == place


def test_an_unknown_part_is_a_page_for_the_script(bench):
    """parts.js shows the words of <main>, not JSON."""
    answer = bench.browser().get("/l/x/nothing", headers={"Accept": "*/*", "Vigil-Part": "1"})
    assert answer.status_code == 404 and "<main" in answer.text


@pytest.mark.rule("SMART-23")
@pytest.mark.parametrize("error", OAUTH)
@pytest.mark.parametrize("where", ["authorize", "token"])
def test_every_oauth_error_says_what_to_do(bench, ehr, where, error):
    """At either endpoint: a title, what happened, what helps, and the reference of the log."""
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    if where == "token":
        ehr.token_extra = {"error": error}
    else:
        back = {"state": back["state"], "error": error}
    answer = browser.callback(back)
    assert answer.status_code in {400, 403, 502}
    assert "chart" in answer.text or "administrator" in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    told = ADVICE.get(error, ())
    assert all(line.replace("'", "&#39;") in answer.text for line in told)


@pytest.mark.rule("SMART-23")
def test_errors_that_trying_again_does_not_mend_say_so(bench, ehr):
    """Who is not registered as the EHR expects need not press again."""
    for error in ("invalid_client", "unauthorized_client", "invalid_scope", "invalid_request"):
        assert "Trying again does not help" in ADVICE[error][-1]
    for error in ("server_error", "temporarily_unavailable"):
        assert "Try again in a minute" in ADVICE[error][-1]


@pytest.mark.rule("SMART-50")
def test_a_standalone_launch_that_fails_leads_back_to_the_choice(bench, ehr):
    """There is no chart to open it from again."""
    browser = bench.browser()
    answer = browser.get("/standalone", query_string={"iss": ehr.iss})
    state = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["state"]
    answer = browser.callback({"state": state, "error": "access_denied"})
    assert answer.status_code == 403 and ways(answer) == ["/standalone"]
    assert ways(browser.get("/standalone?iss=https://unknown.example.org")) == ["/standalone"]
    launched = ehr.approve(browser.launch())["state"]
    assert ways(browser.callback({"state": launched, "error": "access_denied"})) == []


def test_what_is_down_for_a_minute_can_be_tried_again(bench, monkeypatch):
    """The audit log is full: the link leads to the same page."""
    browser = bench.browser()
    place = browser.sign_in()

    def fail(*args):
        raise AuditError("full")

    monkeypatch.setattr(bench.audit, "append", fail)
    answer = browser.get(place)
    assert answer.status_code == 503 and ways(answer) == [place]


@pytest.mark.rule("SMART-10")
def test_a_launch_that_met_a_server_in_trouble_can_be_tried_again(bench, ehr, monkeypatch):
    """Nobody was asked for anything yet, so the same address begins the launch anew."""
    monkeypatch.setattr(discovery, "FAILED_SECONDS", 0)
    ehr.configuration_answer = Response("busy", 503)
    answer = bench.browser().get("/launch", query_string={"iss": ehr.iss, "launch": "a&b"})
    (way,) = ways(answer)
    assert answer.status_code == 502 and "reference" in answer.text
    ehr.configuration_answer = None
    assert bench.browser().get(way.replace("&amp;", "&")).status_code == 303


@pytest.mark.rule("SMART-43")
def test_a_browser_without_cookies_gets_a_message_and_no_loop(bench, ehr):
    """The callback is a page, whatever the browser's cookies; nothing sends it anywhere."""
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    answer = bench.browser().callback(back)
    assert answer.status_code == 400 and "Location" not in answer.headers
    assert "did not let Vigil sign in" in answer.text and "cookie" in answer.text
    assert ways(answer) == [] and not any(path == "/token" for path, _ in ehr.requests)


@pytest.mark.rule("SMART-43", "E1")
def test_out_of_a_frame_without_cookies_leads_a_window_of_its_own(bench, ehr):
    """The same launch again, at the same EHR, top-level: a link that the user presses."""
    browser = bench.browser()
    back = ehr.approve(browser.launch("opaque & long", headers=FRAMED))
    answer = bench.browser().get("/callback", query_string=back, headers=FRAMED)
    assert answer.status_code == 400 and 'target="_blank" rel="noopener noreferrer"' in answer.text
    (way,) = ways(answer)
    link = urlsplit(way.replace("&amp;", "&"))
    assert link.path == "/launch"
    assert dict(parse_qsl(link.query)) == {"iss": ehr.iss, "launch": "opaque & long"}
    started = bench.browser().get(f"/launch?{link.query}")
    assert started.status_code == 303 and "opaque" in started.headers["Location"]


@pytest.mark.rule("SMART-43", "E1", "E3")
@pytest.mark.parametrize(
    "end",
    ["[" * 4000, '["{iss}", "\\ud83d"]', "[[], []]", "{}", "null", '["{iss}"]', "\u00ff", "7"],
)
def test_whatever_ends_a_state_is_a_page(bench, ehr, end):
    """Anybody may write one: deep nesting, half characters, other JSON, none."""
    text = end.replace("{iss}", ehr.iss).encode()
    state = f"a.{base64.urlsafe_b64encode(text).decode().rstrip('=')}"
    answer = bench.browser().get("/callback", query_string={"state": state}, headers=FRAMED)
    assert answer.status_code == 400 and ways(answer) == []


@pytest.mark.rule("SMART-43", "E1", "E7")
@pytest.mark.parametrize(
    "launch, iss, framed",
    [("x" * 600, None, True), ("xyz", "https://evil.example.org", True), ("xyz", None, False)],
)
def test_a_way_out_leads_to_trusted_launches_only(bench, ehr, launch, iss, framed):
    """None for another server, outside of a frame, or a launch too long for a state."""
    browser = bench.browser()
    headers = FRAMED if framed else {}
    back = ehr.approve(browser.launch(launch, headers=headers))
    if iss:
        back["state"] = marked("a" * 43, iss, launch)
    answer = bench.browser().get("/callback", query_string=back, headers=FRAMED)
    assert answer.status_code == 400 and ways(answer) == [] and "evil" not in answer.text
    assert len(back["state"]) <= 600


@pytest.mark.rule("SMART-43")
@pytest.mark.parametrize("end", ["", ".", ".%%%", ".bnVsbA", ".WzFd", ".WzEsMl0", "." + "A" * 9999])
def test_an_odd_end_of_a_state_is_no_fault(bench, end):
    answer = bench.browser().get(
        "/callback", query_string={"state": f"x{end}", "code": "y"}, headers=FRAMED
    )
    assert answer.status_code == 400 and ways(answer) == []


@pytest.mark.rule("SMART-24", "SMART-43")
def test_back_onto_the_callback_is_told_from_blocked_cookies(bench, ehr, logged):
    """A sign-in that was used needs no advice about cookies."""
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    browser.callback(back)
    answer = browser.callback(back)
    assert answer.status_code == 400 and "This sign-in is over" in answer.text
    assert "cookie" not in answer.text and logged()[-1]["reason"] == "state used before"


@pytest.mark.rule("SMART-3", "SMART-2")
def test_client_and_scopes_are_each_ehrs_own(bench, ehr, tmp_path):
    """One Vigil, two EHRs, two client ids and scope lists: each launch uses its own."""
    other = SmallEhr()
    folder = tmp_path / "two"
    folder.mkdir()
    second = {
        "fhir_base": [other.iss],
        "smart_client_id": "of-the-second",
        "smart_scopes": "launch user/Patient.read",
    }
    both = Bench(folder, ehr, second=second, smart_scopes="launch patient/Patient.r")
    asked = []
    for iss in (ehr.iss, other.iss):
        answer = both.browser().get("/launch", query_string={"iss": iss, "launch": "x"})
        asked.append(dict(parse_qsl(urlsplit(answer.headers["Location"]).query)))
    other.stop()
    assert [one["client_id"] for one in asked] == ["vigil-1", "of-the-second"]
    assert [one["scope"] for one in asked] == [
        "launch patient/Patient.r",
        "launch user/Patient.read",
    ]


@pytest.mark.rule("SMART-12")
def test_a_long_request_goes_by_a_form_where_the_server_takes_one(bench, ehr):
    """The parameters are those of the redirect, the endpoint keeps its query, the policy lets the
    form go there, and without a script there is a button.
    """
    ehr.configuration = {
        "capabilities": ["launch-ehr", "authorize-post", "sso-openid-connect"],
        "authorization_endpoint": f"{ehr.url}/authorize?realm=a%26b",
    }
    browser = bench.browser()
    short = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    assert short.status_code == 303
    page = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "y" * 2000})
    assert page.status_code == 200 and 'method="post"' in page.text
    assert f'action="{ehr.url}/authorize?realm=a%26b"' in page.text and "<button" in page.text
    sent = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text))
    asked = dict(parse_qsl(urlsplit(short.headers["Location"]).query))
    assert set(sent) == set(asked) - {"realm"} and sent["launch"] == "y" * 2000
    policy = page.headers["Content-Security-Policy"]
    assert f"form-action 'self' {ehr.url} https:" in policy and "unsafe" not in policy
    code = ehr.approve(f"{ehr.url}/authorize?{'&'.join(f'{k}={v}' for k, v in sent.items())}")
    assert browser.callback(code).status_code == 303


@pytest.mark.rule("SMART-12")
def test_a_long_request_is_a_redirect_where_the_server_takes_no_form(bench, ehr):
    answer = bench.browser().get("/launch", query_string={"iss": ehr.iss, "launch": "y" * 2000})
    assert answer.status_code == 303


@pytest.mark.rule("SMART-31")
@pytest.mark.parametrize(
    "context",
    ["Patient/7", ["Patient/7", 5], [{"reference": "ImagingStudy/1", "role": "x"}, {}], {}],
)
def test_a_fhir_context_of_any_form_is_borne(bench, ehr, context):
    """SMART 2.0 sends texts, 2.2 objects; the patient is the token answer's own."""
    ehr.token_extra = {"fhirContext": context, "intent": "summary-timeline-view"}
    browser = bench.browser()
    assert "MRN-pat-1" in browser.get(browser.sign_in()).text


@pytest.mark.rule("E6", "SMART-47")
@pytest.mark.parametrize("needed", [True, False, None])
def test_name_and_number_stand_on_the_page_whatever_the_ehr_shows(bench, ehr, needed):
    """Where the EHR has a banner of its own, ours is smaller, and never gone."""
    ehr.token_extra = {"need_patient_banner": needed}
    browser = bench.browser()
    page = browser.get(browser.sign_in()).text
    assert "MRN-pat-1" in page and "Ada" in page and "1951-03-09" in page
    assert ("banner brief" in page) is (needed is False)


@pytest.mark.rule("SMART-29")
def test_a_launch_under_way_outlives_a_change_of_the_signing_key(tmp_path, ehr):
    """Both keys are published before and after, the new one signs, and whoever began with the old
    one signs in.
    """
    first = Bench(tmp_path, ehr)
    (old,) = published(first)
    signing_key.change(tmp_path, "add")
    both = Bench(tmp_path, ehr, first.store)
    assert published(both)[0] == old and len(published(both)) == 2
    browser = both.browser()
    back = ehr.approve(browser.launch())
    signing_key.change(tmp_path, "use")
    changed = Bench(tmp_path, ehr, first.store)
    new, kept = published(changed)
    assert kept == old and changed.key.kid == new == ehr.client_key["kid"]
    browser.bench, jar = changed, browser.client._cookies
    browser.client = changed.app.test_client()
    browser.client._cookies = jar
    assert browser.callback(back).status_code == 303
    signing_key.change(tmp_path, "drop")
    assert published(Bench(tmp_path, ehr)) == [new]


def published(bench) -> list[str]:
    keys = bench.browser().get("/.well-known/jwks.json").json["keys"]
    assert not any("d" in key for key in keys)
    return [key["kid"] for key in keys]
