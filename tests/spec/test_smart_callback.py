"""SMART App Launch 2.2: callback and token request (SMART-22 to SMART-30, E3)."""

import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from smartapp.launching import pending
from tests.support.launch_bench import PUBLIC, Bench

HOST = PUBLIC.removeprefix("https://")


def token_requests(ehr) -> int:
    return sum(path == "/token" for path, _ in ehr.requests)


@pytest.mark.rule("SMART-24", "SMART-25")
def test_a_good_callback_leads_to_a_clean_address(bench, ehr):
    """303 to a fresh handle without code, state or token; the launch's cookie is gone, the
    session's is there.
    """
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    answer = browser.callback(back)
    place = answer.headers["Location"]
    assert answer.status_code == 303 and place.startswith("/l/") and "?" not in place
    assert back["state"] not in place and back["code"] not in place and len(place) >= 43
    cookies = answer.headers.getlist("Set-Cookie")
    assert any("Max-Age=0" in c and "-launch-" in c for c in cookies)
    assert browser.get(place).status_code == 200


@pytest.mark.rule("SMART-42", "E5")
def test_cookies_work_in_an_iframe_and_nowhere_else(bench, ehr):
    browser = bench.browser()
    answer = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    (cookie,) = answer.headers.getlist("Set-Cookie")
    parts = {part.strip() for part in cookie.split(";")}
    assert (
        cookie.startswith("__Host-")
        and {"Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"} <= parts
    )
    assert "Domain" not in cookie


@pytest.mark.rule("SMART-22", "E3")
def test_a_state_is_used_once(bench, ehr):
    """A replay is a 4xx page without a second token request (Back, reload, theft)."""
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    assert browser.callback(back).status_code == 303
    again = browser.callback(back)
    assert again.status_code == 400 and "<h1>" in again.text and token_requests(ehr) == 1


@pytest.mark.rule("SMART-22", "E3")
def test_a_state_of_another_browser_is_refused(bench, ehr):
    """Login CSRF: the attacker's own callback, opened by the victim, gives no session; and the
    owner can still use it.
    """
    attacker, victim = bench.browser(), bench.browser()
    back = ehr.approve(attacker.launch())
    victim.launch()
    assert victim.callback(back).status_code == 400 and token_requests(ehr) == 0
    assert attacker.callback(back).status_code == 303


@pytest.mark.rule("SMART-22")
@pytest.mark.parametrize(
    "change", [{"state": ""}, {"state": "unknown"}, {"state": None}, {"state": "\x00é" * 50}]
)
def test_an_unknown_state_causes_no_token_request(bench, ehr, change):
    browser = bench.browser()
    back = ehr.approve(browser.launch()) | change
    answer = browser.callback({key: value for key, value in back.items() if value is not None})
    assert (
        answer.status_code == 400
        and token_requests(ehr) == 0
        and "Set-Cookie" not in answer.headers
    )


@pytest.mark.rule("SMART-22", "E3")
@pytest.mark.parametrize("age, status", [(599, 303), (600, 400), (86400, 400)])
def test_a_state_lives_ten_minutes(bench, ehr, age, status):
    bench.time = (now := datetime.now(UTC)) - timedelta(seconds=age)
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    bench.time = now
    assert browser.callback(back).status_code == status


@pytest.mark.rule("SMART-22", "E3")
def test_beginning_a_launch_costs_the_service_no_memory(bench):
    """Anyone may do it, so nothing is kept here until the cookie comes back."""
    for _ in range(50):
        bench.browser().launch()
    assert bench.store.data == {}


@pytest.mark.rule("SMART-22", "E3")
@pytest.mark.parametrize(
    "spoil", ["changed", "cut", "no text", "another launch's", "of another key"]
)
def test_a_cookie_that_this_service_did_not_make_is_refused(bench, ehr, tmp_path, spoil):
    """It is sealed with a key of ours and bound to its own state."""
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    (cookie,) = browser.client._cookies.values()
    other = bench.browser()
    if spoil == "of another key":
        (tmp_path / "stranger").mkdir()
        other = Bench(tmp_path / "stranger", ehr).browser()
        ehr.client_key = bench.key.as_dict(private=False)
    other.launch()
    (strange,) = other.client._cookies.values()
    middle = len(cookie.value) // 2
    value = {
        "changed": cookie.value[:middle]
        + ("A" if cookie.value[middle] != "A" else "B")
        + cookie.value[middle + 1 :],
        "cut": cookie.value[:middle],
        "no text": "1.%00\x7f",
        "another launch's": strange.value,
        "of another key": strange.value,
    }[spoil]
    header = {"Cookie": f"{cookie.key}={value}"}
    client = bench.app.test_client(use_cookies=False)
    answer = client.get("/callback", query_string=back, base_url=PUBLIC, headers=header)
    assert answer.status_code == 400 and token_requests(ehr) == 0
    assert browser.callback(back).status_code == 303


@pytest.mark.rule("SMART-22")
@pytest.mark.parametrize("content", [[], [[1], 2.0], {"a": 1}, b"x"])
def test_a_launch_that_another_version_began_is_over(bench, ehr, monkeypatch, content):
    """It says to open Vigil again, and is no fault; the cookie is ours and in order."""
    browser = bench.browser()
    encode = msgspec.msgpack.encode
    monkeypatch.setattr(pending.msgspec.msgpack, "encode", lambda _: encode(content))
    answer = browser.callback(ehr.approve(browser.launch()))
    assert answer.status_code == 400 and "Open Vigil again" in answer.text


@pytest.mark.rule("SMART-7", "E6")
def test_interleaved_launches_keep_their_patients(bench, ehr):
    """Two tabs begin, then end in the other order: each keeps its own patient, also after a
    reload.
    """
    browser = bench.browser()
    first, second = browser.launch("one"), browser.launch("two")
    ehr.patient = "pat-2"
    page_two = browser.callback(ehr.approve(second)).headers["Location"]
    ehr.patient = "pat-1"
    page_one = browser.callback(ehr.approve(first)).headers["Location"]
    assert "MRN-pat-1" in browser.get(page_one).text
    ehr.patient = "pat-2"
    text = browser.get(page_two).text
    assert "MRN-pat-2" in text and "MRN-pat-1" not in text


@pytest.mark.rule("SMART-23")
def test_errors_of_the_ehr_are_shown_escaped(bench, ehr):
    """access_denied is said plainly; nothing of the query is executed or followed, and the state
    is spent.
    """
    browser = bench.browser()
    state = ehr.approve(browser.launch())["state"]
    back = {
        "state": state,
        "error": "access_denied",
        "error_description": "<script>x</script>",
        "error_uri": "https://evil.example.org",
    }
    answer = browser.callback(back)
    assert answer.status_code == 403 and "Access was not granted" in answer.text
    assert (
        "&lt;script&gt;x" in answer.text
        and "<script>x" not in answer.text
        and "evil" not in answer.text
    )
    assert "from the patient&#39;s chart" in answer.text and token_requests(ehr) == 0
    assert browser.callback(back).status_code == 400


@pytest.mark.rule("SMART-23", "E3")
@pytest.mark.parametrize(
    "change",
    [{"code": None}, {"code": ""}, {"error": "server_error"}, {"error": ""}, {"error": "\x00"}],
)
def test_a_callback_without_a_code_is_a_refusal(bench, ehr, change):
    """What a browser brings is no fault of a server: 400, no token request, no session."""
    browser = bench.browser()
    back = ehr.approve(browser.launch()) | change
    answer = browser.callback({key: value for key, value in back.items() if value is not None})
    assert answer.status_code == 400 and "<h1>" in answer.text and token_requests(ehr) == 0


@pytest.mark.rule("SMART-22", "E3")
@pytest.mark.parametrize(
    "change, reason",
    [
        ({"state": ""}, "callback without a state"),
        ({"state": ["a", "b"]}, "two states"),
        ({"state": "another"}, "no cookie of this launch: another browser, or cookies are blocked"),
        ({}, "state unknown, used before, or older than ten minutes"),
    ],
)
def test_the_log_says_why_a_state_was_refused(bench, ehr, logged, change, reason):
    """Blocked cookies, a reload and a forged state need other help, and the page is one."""
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    if not change:
        browser.callback(back)
        cookie = next(c for c in browser.cookies_set if "-launch-" in c)
        browser.client.set_cookie(*cookie.split(";")[0].split("=", 1), domain=HOST, secure=True)
    assert browser.callback(back | change).status_code == 400
    assert logged()[-1]["reason"] == reason and "ehr" in logged()[-1]


@pytest.mark.rule("SMART-23")
@pytest.mark.parametrize(
    "error, reason",
    [
        ("access_denied", "callback error access_denied"),
        ("login_required", "callback error login_required"),
        ("Ada Okafor", "callback error other"),
    ],
)
def test_a_refusal_of_the_ehr_is_in_log_and_audit(bench, ehr, logged, error, reason):
    """By the standard's word; what is not one may be anything, a name too."""
    browser = bench.browser()
    browser.callback({"state": ehr.approve(browser.launch())["state"], "error": error})
    (record,) = bench.audit.records(type="refusal")
    assert record["reason"] == reason == logged()[-1]["reason"]
    assert record["ehr"] == "test" and record["request_id"] == logged()[-1]["request_id"]


@pytest.mark.rule("SMART-23")
@pytest.mark.parametrize(
    "address, shown",
    [
        ("{url}/errors/7", True),
        ("https://evil.example.org/errors/7", False),
        ("{url}@evil.example.org/errors/7", False),
        ("javascript:alert(7)", False),
        ("{url}/errors/" + "7" * 400, False),
    ],
)
def test_only_the_servers_own_help_address_is_shown(bench, ehr, address, shown):
    """As text, never as a link."""
    browser = bench.browser()
    address = address.format(url=ehr.url)
    back = {"state": ehr.approve(browser.launch())["state"], "error": "invalid_scope"}
    page = browser.callback(back | {"error_uri": address}).text
    assert (address in page) is shown and f'href="{address}' not in page


@pytest.mark.rule("SMART-22")
def test_an_error_without_a_known_state_is_not_shown(bench):
    answer = bench.browser().callback(
        {"error": "access_denied", "error_description": "call 555", "state": "x"}
    )
    assert answer.status_code == 400 and "call 555" not in answer.text


@pytest.mark.rule("E3")
def test_an_iss_of_another_server_is_a_mix_up(bench, ehr):
    """RFC 9207: refused before the code goes anywhere; the right one, and unknown parameters,
    are taken.
    """
    browser = bench.browser()
    assert (
        browser.callback(
            ehr.approve(browser.launch()) | {"iss": "https://evil.example.org"}
        ).status_code
        == 400
    )
    assert token_requests(ehr) == 0
    two = {"iss": [f"{ehr.url}/auth", "https://evil.example.org"]}
    assert browser.callback(ehr.approve(browser.launch()) | two).status_code == 400
    good = {"iss": f"{ehr.url}/auth", "scope": "x", "nonce": "y", "session_state": "z"}
    assert browser.callback(ehr.approve(browser.launch()) | good).status_code == 303


@pytest.mark.rule("E3")
@pytest.mark.parametrize(
    ("iss", "status"),
    [
        ("{url}/realms/ward", 303),
        ("{url}", 303),
        ("https://evil.example.org", 400),
        ("{url}@evil.example.org", 400),
        ("{url}.evil.example.org", 400),
        ("", 400),
    ],
)
def test_an_iss_of_a_server_that_names_no_issuer_is_of_its_origin(bench, ehr, iss, status):
    """Keycloak sends one to every client; SMART asks for `issuer` with OpenID alone."""
    ehr.configuration = {"issuer": None}
    browser = bench.browser()
    back = ehr.approve(browser.launch()) | {"iss": iss.format(url=ehr.url)}
    assert browser.callback(back).status_code == status


@pytest.mark.rule("SMART-26", "SMART-28")
def test_the_token_request_of_an_asymmetric_client(bench, ehr):
    """Grant, code, redirect_uri, verifier, and an assertion with kid, typ, iss = sub, exact aud,
    short life; no client_id.
    """
    bench.browser().sign_in()
    assert {
        "grant_type",
        "code",
        "redirect_uri",
        "code_verifier",
        "client_assertion_type",
        "client_assertion",
    } == set(ehr.form)
    assert (
        ehr.form["redirect_uri"] == "https://vigil.example.org/callback"
        and ehr.form["grant_type"] == "authorization_code"
    )
    header, claims = ehr.assertion.header, ehr.assertion.claims
    assert header["alg"] == "ES384" and header["typ"] == "JWT" and header["kid"] == bench.key.kid
    assert claims["iss"] == claims["sub"] == "vigil-1" and claims["aud"] == f"{ehr.url}/token"
    assert 0 < claims["exp"] - time.time() <= 300


@pytest.mark.rule("SMART-28")
def test_no_assertion_is_ever_repeated(bench, ehr):
    seen = set()
    for _ in range(3):
        bench.browser().sign_in()
        seen.add(ehr.assertion.claims["jti"])
    assert len(seen) == 3


@pytest.mark.rule("SMART-27")
def test_the_token_request_of_a_symmetric_client(tmp_path, ehr, monkeypatch):
    """HTTP Basic with both parts form-urlencoded, nothing of the secret in the body."""
    monkeypatch.setenv("VIGIL_TEST_SECRET", "s:e%c+ret")
    bench = Bench(
        tmp_path,
        ehr,
        smart_client_auth="client_secret_basic",
        smart_client_secret_env="VIGIL_TEST_SECRET",
    )
    ehr.client_key = None
    bench.browser().sign_in()
    (headers,) = [headers for path, headers in ehr.requests if path == "/token"]
    assert headers["Authorization"] == "Basic dmlnaWwtMTpzJTNBZSUyNWMlMkJyZXQ="
    assert set(ehr.form) == {"grant_type", "code", "redirect_uri", "code_verifier"}


@pytest.mark.rule("SMART-26")
def test_the_token_request_of_a_public_client(tmp_path, ehr):
    bench = Bench(tmp_path, ehr, smart_client_auth="none")
    ehr.client_key = None
    bench.browser().sign_in()
    assert ehr.form["client_id"] == "vigil-1" and "client_assertion" not in ehr.form


@pytest.mark.rule("SMART-26")
def test_a_confidential_client_names_itself_only_where_told_to(tmp_path, ehr):
    """RFC 6749 3.2.1 allows it, SMART leaves it out, some servers insist."""
    bench = Bench(tmp_path, ehr, smart_client_id_in_body=True)
    bench.browser().sign_in()
    assert ehr.form["client_id"] == "vigil-1" and "client_assertion" in ehr.form


@pytest.mark.rule("SMART-27")
@pytest.mark.parametrize(
    "offered, in_body",
    [
        (["client_secret_post"], True),
        (["client_secret_post", "private_key_jwt"], True),
        (["client_secret_post", "client_secret_basic"], False),
        (["private_key_jwt"], False),
        ([], False),
        (None, False),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_secret_is_in_the_body_only_where_nothing_else_is_offered(
    tmp_path, ehr, monkeypatch, offered, in_body, named
):
    """In the header where the server says nothing (OpenID Connect Core 9); the client_id once."""
    monkeypatch.setenv("VIGIL_TEST_SECRET", "s:e%c+ret")
    ehr.configuration = {"token_endpoint_auth_methods_supported": offered}
    ehr.client_key = None
    bench = Bench(
        tmp_path,
        ehr,
        smart_client_auth="client_secret_basic",
        smart_client_secret_env="VIGIL_TEST_SECRET",
        smart_client_id_in_body=named,
    )
    ehr.client_key = None
    bench.browser().sign_in()
    (headers,) = [headers for path, headers in ehr.requests if path == "/token"]
    assert ("Authorization" in headers) is not in_body
    assert ehr.form.get("client_secret") == ("s:e%c+ret" if in_body else None)
    assert ehr.form.get("client_id") == ("vigil-1" if in_body or named else None)


@pytest.mark.rule("SMART-28", "SMART-30")
def test_the_token_endpoint_is_taken_as_it_is_written(bench, ehr):
    """Host names know no case, and no rule has them written small; the assertion's `aud` is the
    very text of the discovery document.
    """
    written = f"{ehr.url}/token".replace("127.0.0.1", "LOCALHOST")
    ehr.configuration = {"token_endpoint": written}
    ehr.audience = written
    bench.browser().sign_in()
    assert ehr.assertion.claims["aud"] == written
