"""SMART App Launch 2.2: launch, discovery and authorization request (SMART-4 to SMART-21, E1,
E2).
"""

import base64
import hashlib
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

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


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


@pytest.mark.rule("SMART-13", "SMART-12", "E2")
def test_the_authorization_request_has_all_parameters(bench, ehr):
    """code, client_id, redirect_uri, launch, scope, state, aud, PKCE S256 and nonce, each once."""
    url = bench.browser().launch("an opaque/launch+value=")
    assert url.startswith(f"{ehr.url}/authorize?")
    assert all(len(values) == 1 for values in parse_qs(urlsplit(url).query).values())
    asked = query(url)
    assert asked | {"state": "", "nonce": "", "code_challenge": ""} == {
        "response_type": "code",
        "client_id": "vigil-1",
        "redirect_uri": "https://vigil.example.org/callback",
        "launch": "an opaque/launch+value=",
        "scope": "launch openid fhirUser patient/Patient.r patient/Observation.rs",
        "aud": ehr.iss,
        "code_challenge_method": "S256",
        "state": "",
        "nonce": "",
        "code_challenge": "",
    }
    assert (
        len(asked["code_challenge"]) == 43
        and len(asked["state"]) >= 43
        and len(asked["nonce"]) >= 22
    )


@pytest.mark.rule("SMART-8")
@pytest.mark.rule("SMART-13")
def test_aud_is_the_iss_as_received(bench, ehr):
    """A trailing slash that the EHR sent comes back with it, and discovery does not double it."""
    answer = bench.browser().get("/launch", query_string={"iss": f"{ehr.iss}/", "launch": "x"})
    assert query(answer.headers["Location"])["aud"] == f"{ehr.iss}/"
    assert ehr.requests[0][0] == "/fhir/.well-known/smart-configuration"


@pytest.mark.rule("SMART-12")
def test_parameters_of_the_endpoint_are_kept(bench, ehr):
    """A query that the authorization endpoint already has stays."""
    ehr.configuration = {"authorization_endpoint": f"{ehr.url}/authorize?tenant=7"}
    assert query(bench.browser().launch())["tenant"] == "7"


@pytest.mark.rule("SMART-14", "SMART-15", "E2")
def test_two_launches_share_nothing(bench, ehr):
    """state, nonce, challenge and cookie are new each time; the verifier has the right length
    and fits its challenge.
    """
    browser = bench.browser()
    first, second = query(browser.launch()), query(browser.launch())
    assert not {first[k] for k in ("state", "nonce", "code_challenge")} & {
        second[k] for k in ("state", "nonce", "code_challenge")
    }
    browser.callback(ehr.approve(browser.launch()))
    verifier = ehr.form["code_verifier"]
    assert 43 <= len(verifier) <= 128
    assert (
        len(base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")) == 43
    )


@pytest.mark.rule("SMART-16")
def test_max_age_is_not_sent(bench):
    assert "max_age" not in query(bench.browser().launch())


@pytest.mark.rule("SMART-5", "E1")
@pytest.mark.parametrize(
    "form",
    [
        "https://evil.example.org/fhir",
        "{url}@evil.example.org/fhir",
        "http://good@{host}/fhir",
        "{iss}.evil.example.org",
        "{iss}x",
        "{iss}/..",
        "{iss}?x=1",
        "{iss}#x",
        "{iss}//",
        "{iss}/Patient",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "//{host}/fhir",
        "{host}/fhir",
        " {iss}",
        "{iss}%00",
        "{upper}",
        "javascript:alert(1)",
    ],
)
def test_an_unknown_iss_is_refused_before_any_traffic(bench, ehr, form):
    """400, no redirect, nothing fetched, no cookie, nothing of it on the page."""
    iss = form.format(
        url=ehr.url,
        iss=ehr.iss,
        host=ehr.url.removeprefix("http://"),
        upper=ehr.iss.replace("/fhir", "/FHIR"),
    )
    answer = bench.browser().get("/launch", query_string={"iss": iss, "launch": "secret-launch"})
    assert answer.status_code == 400 and answer.mimetype == "text/html"
    assert ehr.requests == [] and "Set-Cookie" not in answer.headers
    assert "secret-launch" not in answer.text and "evil" not in answer.text


@pytest.mark.rule("SMART-4")
@pytest.mark.rule("SMART-6")
@pytest.mark.parametrize(
    "tail",
    [
        "",
        "?iss={iss}",
        "?launch=x",
        "?iss={iss}&launch=",
        "?iss=&launch=x",
        "?iss={iss}&launch=" + "a" * 2049,
    ],
)
def test_a_launch_lacking_its_parts_is_a_readable_400(bench, ehr, tail):
    answer = bench.browser().get("/launch" + tail.format(iss=ehr.iss))
    assert answer.status_code == 400 and "<h1>" in answer.text and ehr.requests == []


@pytest.mark.rule("SMART-5")
def test_two_different_iss_are_refused(bench, ehr):
    answer = bench.browser().get(
        f"/launch?iss={ehr.iss}&iss=https://other.example.org/fhir&launch=x"
    )
    assert answer.status_code == 400 and ehr.requests == []


@pytest.mark.rule("SMART-6")
def test_unknown_parameters_are_ignored(bench):
    assert "extra" not in bench.browser().launch(extra="1")


@pytest.mark.rule("SMART-10", "SMART-11", "SMART-9")
@pytest.mark.parametrize(
    "fault",
    [
        {"token_endpoint": None},
        {"authorization_endpoint": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"authorization_endpoint": "http://ehr.example.org/authorize"},
        {"token_endpoint": "javascript:x"},
        {"capabilities": "launch-ehr"},
    ],
)
def test_a_configuration_that_cannot_be_used_is_a_readable_page(bench, ehr, fault):
    """No endpoints, no S256, plain http or wrong types: a page that says so, no redirect."""
    ehr.configuration = fault
    answer = bench.browser().get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    assert answer.status_code == 502 and "sign-in server" in answer.text


@pytest.mark.rule("SMART-9")
def test_relative_endpoints_are_resolved_against_the_fhir_base(bench, ehr):
    ehr.configuration = {"authorization_endpoint": "../authorize"}
    assert bench.browser().launch().startswith(f"{ehr.url}/authorize?")


@pytest.mark.rule("SMART-10")
def test_the_configuration_is_kept_for_a_while(bench, ehr):
    """A second launch fetches nothing; a failure is not kept."""
    ehr.configuration = {"token_endpoint": None}
    bench.browser().get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    ehr.configuration = {}
    bench.browser().launch()
    bench.browser().launch()
    assert len(ehr.requests) == 2


@pytest.mark.rule("SMART-10")
def test_an_ehr_that_is_down_is_a_readable_page(bench, ehr):
    ehr.stop()
    answer = bench.browser().get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    assert answer.status_code == 502 and "Traceback" not in answer.text


@pytest.mark.rule("SMART-50", "SMART-19")
def test_a_standalone_launch_picks_the_ehr(bench, ehr):
    """The page lists the EHRs; the request has no launch, and asks for a patient."""
    browser = bench.browser()
    assert ehr.iss in browser.get("/standalone").text
    asked = query(browser.get("/standalone", query_string={"iss": ehr.iss}).headers["Location"])
    assert (
        "launch" not in asked
        and asked["aud"] == ehr.iss
        and "launch/patient" in asked["scope"].split()
    )
    assert browser.get("/standalone?iss=https://evil.example.org").status_code == 400


@pytest.mark.rule("SMART-49", "SMART-1")
def test_the_redirect_uri_does_not_come_from_the_host_header(bench, ehr):
    answer = bench.app.test_client().get(
        f"/launch?iss={ehr.iss}&launch=x", base_url="https://evil.example.org"
    )
    assert query(answer.headers["Location"])["redirect_uri"] == "https://vigil.example.org/callback"


@pytest.mark.rule("SMART-2")
@pytest.mark.rule("SMART-29")
def test_the_key_set_is_public_only(bench):
    answer = bench.browser().get("/.well-known/jwks.json")
    (key,) = answer.json["keys"]
    assert {"kty", "kid", "crv", "x", "y", "alg"} <= set(key) and "d" not in key
    assert "max-age" in answer.headers["Cache-Control"] and answer.mimetype == "application/json"
