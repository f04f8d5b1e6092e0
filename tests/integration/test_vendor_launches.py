"""Whole launches in the shapes of the public launcher, Medplum, Epic and Oracle Health, over real
HTTP: authorization redirect, callback, token, page.
"""

from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.support.launch_bench import Bench, Browser
from tests.support.shapes import EPIC, LAUNCHER, ORACLE, SHAPES, TENANT
from tests.support.small_ehr import SmallEhr


@pytest.fixture
def start(tmp_path):
    """Return a starter of an EHR of some shape with a Vigil that knows it."""
    running = []

    def begin(shape, **record) -> Bench:
        running.append(SmallEhr(shape))
        return Bench(tmp_path, running[-1], **record)

    yield begin
    for ehr in running:
        ehr.stop()


def come_back(bench: Bench, browser: Browser):
    """Launch, follow the EHR's own redirect as the browser does, and return Vigil's answer."""
    agreed = requests.get(browser.launch(), allow_redirects=False, timeout=5)
    return browser.callback(dict(parse_qsl(urlsplit(agreed.headers["Location"]).query)))


def page_of(bench: Bench):
    browser = bench.browser()
    answer = come_back(bench, browser)
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["Location"])


def launch_record(bench: Bench) -> dict:
    return next(bench.audit.records(type="launch"))


@pytest.mark.rule("SMART-13", "SMART-22", "SMART-33", "E4")
@pytest.mark.parametrize("name", SHAPES)
def test_a_launch_of_this_shape_ends_on_the_page(start, name):
    """The patient's page is shown, and the audit knows the user by issuer and subject, the patient
    and the encounter.
    """
    shape = SHAPES[name]
    bench = start(shape)
    page = page_of(bench)
    assert page.status_code == 200 and f"MRN-{shape.token['patient']}" in page.text
    assert "Incomplete data." not in page.text and "Risk of death in hospital" in page.text
    record, place = launch_record(bench), shape.openid or shape.issuer
    subject = shape.claims.get("sub", "dr-1")
    assert record["user"] == f"{bench.ehr.url}{place}|{subject}"
    assert record["patient"] == shape.token["patient"]
    assert record["encounter"] == shape.token["encounter"]


@pytest.mark.rule("SMART-26", "SMART-27", "SMART-28")
@pytest.mark.parametrize("way", ["none", "client_secret_basic", "private_key_jwt"])
def test_the_launcher_takes_each_client_type(start, monkeypatch, way):
    """Public, confidential symmetric and confidential asymmetric; none of its id_tokens has a
    `kid`.
    """
    monkeypatch.setenv("VIGIL_TEST_SECRET", "secret-of-vigil")
    bench = start(LAUNCHER, smart_client_auth=way, smart_client_secret_env="VIGIL_TEST_SECRET")
    if way != "private_key_jwt":
        bench.ehr.client_key = None
    assert page_of(bench).status_code == 200
    assert launch_record(bench)["user"].startswith(f"{bench.ehr.iss}|5d52fd0b")


@pytest.mark.rule("SMART-29")
def test_the_key_that_we_publish_is_one_the_launcher_can_pick(start):
    """The launcher picks the key of the set by `alg` and `kid`: both stand in it, and no `key_ops`
    that would rule it out.
    """
    bench = start(LAUNCHER)
    page_of(bench)
    (key,) = bench.browser().get("/.well-known/jwks.json").json["keys"]
    header = bench.ehr.assertion.header
    assert (key["alg"], key["kid"]) == (header["alg"], header["kid"])
    assert "sign" not in key.get("key_ops", [])


@pytest.mark.rule("SMART-18")
@pytest.mark.parametrize(
    "scope", ["openid Patient.read Observation.search ", "user/Observation.Read user/Patient.Read"]
)
def test_epics_spelling_of_a_grant_is_understood(start, scope):
    """Without the context in front, and with a capital: both are in Epic's documents."""
    bench = start(EPIC)
    bench.ehr.token_extra = {"scope": scope}
    assert "did not grant access" not in page_of(bench).text


@pytest.mark.rule("SMART-33", "E4")
def test_epics_older_issuer_is_its_token_endpoint(start):
    """Before May 2020 its id_tokens named the token endpoint as issuer, with a configuration of
    its own there.
    """
    bench = start(EPIC)
    issuer = f"{bench.ehr.issuer}/token"
    bench.ehr.claims = {"iss": issuer}
    bench.ehr.documents[f"{EPIC.issuer}/token/.well-known/openid-configuration"] = {
        "issuer": issuer,
        "jwks_uri": f"{bench.ehr.url}{EPIC.jwks}",
    }
    assert page_of(bench).status_code == 200


@pytest.mark.rule("SMART-33", "E4")
def test_oracles_keys_come_from_the_issuer_of_its_id_token(start):
    """The smart-configuration's issuer has no openid-configuration; the one below it has."""
    bench = start(ORACLE)
    page_of(bench)
    asked = [path for path, _ in bench.ehr.requests if path.endswith("openid-configuration")]
    assert asked == [f"{ORACLE.openid}.well-known/openid-configuration"]


@pytest.mark.rule("E5")
def test_oracles_session_ends_with_its_token(start):
    """570 seconds, and no more."""
    bench = start(ORACLE)
    page_of(bench)
    assert 560 < bench.store.session_seconds()[0] <= 570


@pytest.mark.rule("SMART-23")
def test_oracles_error_in_the_callback_shows_its_help_address(start):
    """It sends an `error` and an `error_uri`, and no description; the page shows the address as
    text, and the log and the audit say the error.
    """
    bench = start(ORACLE)
    browser = bench.browser()
    state = bench.ehr.approve(browser.launch())["state"]
    urn = "urn%3Acerner%3Aerror%3Aauthorization-server%3Aoauth2%3Agrant%3Ainvalid-scope"
    address = f"{bench.ehr.url}/errors/{urn}/instances/c6d8d822?client=vigil-1&tenant={TENANT}"
    answer = browser.callback({"state": state, "error": "invalid_scope", "error_uri": address})
    assert answer.status_code == 400 and "invalid_scope" in answer.text
    assert address.replace("&", "&amp;") in answer.text and 'href="http' not in answer.text
    assert next(bench.audit.records(type="refusal"))["reason"] == "callback error invalid_scope"


@pytest.mark.rule("SMART-31")
def test_oracles_error_in_the_token_answer_is_a_page(start):
    bench = start(ORACLE)
    bench.ehr.client_key = {"alg": "RS384", "kid": "another"}
    answer = come_back(bench, bench.browser())
    assert answer.status_code == 502 and "invalid_client" in answer.text
    assert next(bench.audit.records(type="refusal"))["reason"] == "token error invalid_client"
