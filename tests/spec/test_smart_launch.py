"""SMART App Launch 2.2: launch, discovery and authorization request (SMART-4 to SMART-21, E1,
E2).
"""

import base64
import hashlib
import json
import time
from types import SimpleNamespace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask import Response

from smartapp.launching import discovery


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
    "tail, reason",
    [
        ("", "launch without iss"),
        ("?iss={iss}", "launch without launch"),
        ("?launch=x", "launch without iss"),
        ("?iss={iss}&launch=", "launch without launch"),
        ("?iss=&launch=x", "launch without iss"),
        ("?iss={iss}&launch=" + "a" * 2049, "launch too long"),
        ("?iss={iss}&launch=x&launch=y", "two values of launch"),
        ("?iss={iss}&iss=https://other.example.org/fhir&launch=x", "two values of iss"),
        ("?iss=https://evil.example.org&launch=x", "iss not trusted"),
    ],
)
def test_a_launch_lacking_its_parts_is_a_readable_400(bench, ehr, logged, tail, reason):
    """The log says which check it was; nothing is fetched."""
    answer = bench.browser().get("/launch" + tail.format(iss=ehr.iss))
    assert answer.status_code == 400 and "<h1>" in answer.text and ehr.requests == []
    assert logged()[-1]["reason"] == reason and "evil" not in str(logged())


@pytest.mark.rule("SMART-4", "E1")
def test_a_launch_of_two_thousand_characters_is_taken(bench):
    """It is opaque and may be long; it comes back byte for byte."""
    launch = "eyJhIjoi/+=" * 186
    assert query(bench.browser().launch(launch))["launch"] == launch and len(launch) == 2046


@pytest.mark.rule("SMART-6")
def test_the_same_value_twice_is_one_value(bench, ehr):
    """Sandboxes repeat `iss` where the launch URL has it already."""
    answer = bench.browser().get(f"/launch?iss={ehr.iss}&iss={ehr.iss}&launch=x")
    assert answer.status_code == 303


@pytest.mark.rule("SMART-5")
def test_two_different_iss_are_refused(bench, ehr):
    answer = bench.browser().get(
        f"/launch?iss={ehr.iss}&iss=https://other.example.org/fhir&launch=x"
    )
    assert answer.status_code == 400 and ehr.requests == []


@pytest.mark.rule("SMART-6")
def test_unknown_parameters_are_ignored(bench):
    assert "extra" not in bench.browser().launch(extra="1")


UNUSABLE = [
    ({"token_endpoint": None}, "without token_endpoint"),
    ({"token_endpoint": ""}, "without token_endpoint"),
    ({"token_endpoint": 5}, "without token_endpoint"),
    ({"authorization_endpoint": None}, "without authorization_endpoint"),
    ({"code_challenge_methods_supported": ["plain"]}, "without S256"),
    ({"code_challenge_methods_supported": []}, "without S256"),
    (
        {"authorization_endpoint": "http://ehr.example.org/authorize"},
        "authorization_endpoint is no https URL",
    ),
    ({"token_endpoint": "javascript:x"}, "token_endpoint is no https URL"),
    ({"jwks_uri": "http://ehr.example.org/jwks"}, "jwks_uri is no https URL"),
    ({"token_endpoint": "https://[x/token"}, "token_endpoint is no https URL"),
    ({"token_endpoint": "https://ehr.example.org:x/t"}, "token_endpoint is no https URL"),
    ({"authorization_endpoint": "https://a.example:x/"}, "authorization_endpoint is no https URL"),
    ({"authorization_endpoint": "https:///authorize"}, "authorization_endpoint is no https URL"),
]


def refused(bench) -> str:
    """Launch, see a readable page and no redirect, and return the recorded reason."""
    answer = bench.browser().get("/launch", query_string={"iss": bench.ehr.iss, "launch": "x"})
    assert answer.status_code == 502 and "sign-in server" in answer.text
    return next(bench.audit.records(type="refusal"))["reason"]


@pytest.mark.rule("SMART-10", "SMART-11", "SMART-9")
@pytest.mark.parametrize("fault, reason", UNUSABLE)
def test_a_configuration_that_cannot_be_used_is_a_readable_page(bench, ehr, logged, fault, reason):
    """No endpoints, no S256, plain http: a page that says so, no redirect, and the reason in log
    and audit.
    """
    ehr.configuration = fault
    assert refused(bench) == f"smart-configuration {reason}" == logged()[-1]["reason"]


@pytest.mark.rule("SMART-10", "SMART-8")
@pytest.mark.parametrize(
    "body, status, reason",
    [
        ("no", 404, "status 404"),
        ("no", 503, "status 503"),
        ("{}", 302, "status 302"),
        ("<html>Sorry</html>", 200, "unreadable"),
        ("", 200, "unreadable"),
        ("[]", 200, "unreadable"),
        ("null", 200, "unreadable"),
        ("[" * 100_000, 200, "unreadable"),
        (" " * 300_000, 200, "too large"),
        (b"\xff\xfe{\x00}\x00", 200, "unreadable"),
    ],
)
def test_a_failed_discovery_is_named(bench, ehr, logged, body, status, reason):
    """Status, size and form; nothing of the body gets into log or audit."""
    ehr.configuration_answer = Response(body, status, {"Location": f"{ehr.url}/elsewhere"})
    assert refused(bench) == f"smart-configuration {reason}" == logged()[-1]["reason"]
    assert [path for path, _ in ehr.requests] == ["/fhir/.well-known/smart-configuration"]


@pytest.mark.rule("SMART-9", "SMART-52")
@pytest.mark.parametrize(
    "change",
    [
        {"scopes_supported": None, "grant_types_supported": None},
        {"code_challenge_methods_supported": None},
        {"code_challenge_methods_supported": "S256"},
        {"token_endpoint_auth_methods_supported": None},
        {"token_endpoint_auth_methods_supported": "private_key_jwt"},
        {"capabilities": None},
        {"capabilities": "launch-ehr"},
        {"capabilities": ["sso-openid-connect", None, 5, {}]},
        {"issuer": None, "jwks_uri": None},
        {"management_endpoint": None, "associated_endpoints": "x", "x-own": {"a": [1]}},
        {"user_access_brand_bundle": "http://ehr.example.org/brands"},
        {"revocation_endpoint": "https://[x"},
        {"revocation_endpoint": "https://ehr.example.org:x"},
        {"organization": "half a character: \ud83d"},
    ],
)
def test_members_that_are_null_odd_or_unknown_are_as_absent(bench, ehr, change):
    """Only what a launch needs is asked of a configuration; capabilities advise (SMART-52)."""
    ehr.configuration = change
    assert query(bench.browser().launch())["code_challenge_method"] == "S256"


@pytest.mark.rule("SMART-8")
@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/fhir+json", None])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_media_type_and_a_byte_order_mark_do_not_matter(bench, ehr, kind, mark):
    """RFC 8259 8.1 lets a parser pass over the mark; a static file has whatever type its server
    gives it.
    """
    body = {"authorization_endpoint": f"{ehr.url}/authorize", "token_endpoint": f"{ehr.url}/token"}
    ehr.configuration_answer = Response(mark + json.dumps(body).encode(), content_type=kind or "")
    assert bench.browser().launch().startswith(f"{ehr.url}/authorize?")


@pytest.mark.rule("SMART-10")
def test_the_issuer_may_be_anything(bench, ehr):
    """It is compared with nothing at a launch: Epic's and Oracle's is not the FHIR base."""
    ehr.configuration = {"issuer": "https://authorization.example.org/tenants/7/"}
    bench.browser().launch()


@pytest.mark.rule("SMART-9")
def test_every_relative_location_is_resolved(bench, ehr):
    """Against the FHIR base [I379]; the issuer is a name and stays as it is."""
    ehr.configuration = {
        "authorization_endpoint": "/authorize",
        "token_endpoint": "../token",
        "jwks_uri": f"//{ehr.url.removeprefix('http://')}/jwks",
    }
    bench.browser().sign_in()
    assert next(bench.audit.records(type="launch"))["user"] == f"{ehr.issuer}|dr-1"


@pytest.mark.rule("SMART-9")
def test_relative_endpoints_are_resolved_against_the_fhir_base(bench, ehr):
    ehr.configuration = {"authorization_endpoint": "../authorize"}
    assert bench.browser().launch().startswith(f"{ehr.url}/authorize?")


@pytest.mark.rule("SMART-10")
def test_the_configuration_is_kept_for_a_while(bench, ehr):
    """A second launch fetches nothing."""
    bench.browser().launch()
    bench.browser().launch()
    assert len(ehr.requests) == 1


@pytest.mark.rule("SMART-10")
def test_a_failure_is_kept_for_seconds_only(bench, ehr, logged, monkeypatch):
    """A flood of launches is not passed on to a server in trouble; who tries again a little later
    gets in.
    """
    now = [time.monotonic()]
    monkeypatch.setattr(discovery, "time", SimpleNamespace(monotonic=lambda: now[0]))
    ehr.configuration = {"token_endpoint": None}
    assert {refused(bench) for _ in range(20)} == {"smart-configuration without token_endpoint"}
    assert len(ehr.requests) == 1
    ehr.configuration = {}
    now[0] += 16
    bench.browser().launch()
    assert len(ehr.requests) == 2


@pytest.mark.rule("SMART-10")
def test_an_ehr_that_is_down_is_a_readable_page(bench, ehr, logged):
    ehr.stop()
    assert refused(bench) == "smart-configuration connection" == logged()[-1]["reason"]


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
