"""SMART App Launch 2.2: callback, token request, token response, id_token (SMART-22 to SMART-34,
E3, E4).
"""

import time

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.support.launch_bench import Bench
from tests.support.small_ehr import SmallEhr


@pytest.fixture
def ehr():
    server = SmallEhr()
    yield server
    server.stop()


@pytest.fixture
def bench(tmp_path, ehr):
    return Bench(tmp_path, ehr)


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
def test_a_state_lives_ten_minutes(bench):
    bench.browser().launch()
    ((_, seconds),) = bench.store.data.values()
    assert seconds == 600


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


@pytest.mark.rule("SMART-22")
def test_an_error_without_a_known_state_is_not_shown(bench):
    answer = bench.browser().callback(
        {"error": "access_denied", "error_description": "call 555", "state": "x"}
    )
    assert answer.status_code == 400 and "555" not in answer.text


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
    good = {"iss": f"{ehr.url}/auth", "scope": "x", "nonce": "y", "session_state": "z"}
    assert browser.callback(ehr.approve(browser.launch()) | good).status_code == 303


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


@pytest.mark.rule("SMART-31")
@pytest.mark.parametrize(
    "fault",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "a\nb"},
        {"token_type": "mac"},
        {"token_type": None},
        {"expires_in": "soon"},
    ],
)
def test_odd_token_responses_are_a_page_not_a_fault(bench, ehr, fault):
    browser = bench.browser()
    ehr.token_extra = fault
    answer = browser.callback(ehr.approve(browser.launch()))
    assert (
        answer.status_code == 502
        and "<h1>" in answer.text
        and not any("-session-" in c for c in answer.headers.getlist("Set-Cookie"))
    )


@pytest.mark.rule("SMART-31")
def test_a_refused_code_is_a_page_with_the_ehrs_word_escaped(bench, ehr):
    browser = bench.browser()
    answer = browser.callback(ehr.approve(browser.launch()) | {"code": "forged"})
    assert answer.status_code == 502 and "&lt;b&gt;not" in answer.text


@pytest.mark.parametrize(
    "extra",
    [
        {"expires_in": "3600"},
        {"expires_in": None},
        {"token_type": "bearer"},
        {"scope": None},
        {"__x": {}, "tenant": 7},
    ],
)
def test_what_servers_really_send_is_taken(bench, ehr, extra):
    """A text lifetime, none, another case, no scope, unknown members."""
    ehr.token_extra = extra
    browser = bench.browser()
    assert browser.get(browser.sign_in()).status_code == 200


@pytest.mark.parametrize("patient", [None, "", 5, "../Observation", "a b", "x" * 65])
def test_without_a_patient_nobody_is_shown(bench, ehr, patient):
    """No other patient is ever taken in their place."""
    browser = bench.browser()
    ehr.token_extra = {"patient": patient}
    answer = browser.callback(ehr.approve(browser.launch()))
    assert answer.status_code == 400 and "No patient is open" in answer.text


@pytest.mark.rule("SMART-33", "E4")
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example.org"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": ["vigil-1", "x"]},
        {"azp": "another"},
        {"exp": 1},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": 9999999999},
        {"iat": None},
        {"nonce": "stale"},
        {"nonce": 5},
        {"sub": None},
        {"sub": ""},
    ],
)
def test_a_forged_id_token_gives_no_session(bench, ehr, claims):
    browser = bench.browser()
    ehr.claims = claims
    answer = browser.callback(ehr.approve(browser.launch()))
    assert answer.status_code == 502 and not any(
        "-session-" in c for c in answer.headers.getlist("Set-Cookie")
    )


@pytest.mark.rule("SMART-33", "E4")
def test_algorithms_and_keys_are_ours_to_choose(bench, ehr):
    """none, HS256 keyed with the public key, an unknown key under a known kid, and an unknown
    kid are refused.
    """
    browser = bench.browser()
    claims = {
        "iss": f"{ehr.url}/auth",
        "aud": "vigil-1",
        "sub": "dr-1",
        "iat": int(time.time()),
        "exp": int(time.time()) + 300,
    }
    public = OctKey.import_key(ehr.key.as_dict(private=False)["n"])
    undeclared = RSAKey.import_key(
        {name: value for name, value in ehr.key.as_dict(private=True).items() if name != "alg"}
    )
    stranger = RSAKey.generate_key(2048, {"kid": "ehr-1"})
    forged = [
        "eyJhbGciOiJub25lIiwia2lkIjoiZWhyLTEifQ.e30.",
        "x",
        "",
        "a.b.c",
        5,
        jwt.encode({"alg": "HS256", "kid": "ehr-1"}, claims, public, algorithms=["HS256"]),
        jwt.encode({"alg": "RS256", "kid": "ehr-1"}, claims, stranger, algorithms=["RS256"]),
        jwt.encode({"alg": "RS256", "kid": "other"}, claims, ehr.key, algorithms=["RS256"]),
        jwt.encode({"alg": "RS384", "kid": "ehr-1"}, claims, undeclared, algorithms=["RS384"]),
    ]
    for token in forged:
        ehr.token_extra = {"id_token": token}
        assert browser.callback(ehr.approve(browser.launch())).status_code == 502, token


@pytest.mark.rule("SMART-33")
def test_an_id_token_without_a_nonce_and_keys_named_elsewhere_are_taken(bench, ehr):
    """Both traits of Inferno's mock EHR: SMART obliges no server to echo the nonce or to name
    jwks_uri twice.
    """
    ehr.claims = {"nonce": None}
    ehr.configuration = {"jwks_uri": None}
    bench.browser().sign_in()
    launch = next(record for record in bench.audit.records() if record["type"] == "launch")
    assert launch["user"] == f"{ehr.url}/auth|dr-1" and launch["patient"] == "pat-1"


def test_a_server_without_openid_is_not_asked_for_a_user(bench, ehr):
    ehr.configuration = {"capabilities": ["launch-ehr"]}
    browser = bench.browser()
    assert "nonce" not in browser.launch()
    assert browser.get(browser.sign_in()).status_code == 200


@pytest.mark.rule("F10")
@pytest.mark.rule("SMART-32", "C4")
def test_no_token_is_kept_readable_or_written_down(bench, ehr):
    """Redis, audit, cookies and pages hold neither token nor code; Redis keys hold no PHI."""
    browser = bench.browser()
    page = browser.get(browser.sign_in())
    dump = (
        repr(bench.store.data)
        + repr(list(bench.audit.records()))
        + page.text
        + repr(page.headers)
        + repr(browser.client._cookies)
    )
    assert "token-of-pat-1" not in dump and "code-0" not in dump
    assert "pat-1" not in repr(bench.store.data)
