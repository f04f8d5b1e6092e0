"""Which answers may be kept by browsers and proxies, and which never: every route is on one list
(D3, D5).

What belongs to a patient or a caller is `no-store` and never compressed (BREACH). What holds
neither is public, told by an ETag, and compressed once.
"""

import gzip
import re

import pytest

from runtime.settings_file import settings_from
from tests.support.hookcall import FHIR, PUBLIC
from tests.support.launch_bench import Bench
from vigil import create_app

# Kept by anybody for as long as the answer says; the endpoint and an address of it.
PUBLIC_ROUTES = {
    "static": "/static/app.css",
    "smartapp.guide": "/guide",
    "smartapp.model_card": "/model-card",
    "smartapp.facts_label": "/model-card/sepsis/label",
    "smartapp.model_card_json": "/model-card/sepsis.json",
    "smartapp.model_card_markdown": "/model-card/sepsis.md",
    "smartapp.model_card_plot": "/model-card/sepsis/plots/beeswarm.png",
    "smartapp.jwks": "/.well-known/jwks.json",
}
# Kept, and asked for again each time.
ASKED_AGAIN = {"cdshooks.discover": "/cds-services", "cdshooks.openapi": "/openapi.json"}
NEVER_KEPT = {
    "cdshooks.vigil-encounter-discharge",
    "cdshooks.vigil-encounter-discharge-feedback",
    "cdshooks.vigil-encounter-start",
    "cdshooks.vigil-encounter-start-feedback",
    "cdshooks.vigil-patient-view",
    "cdshooks.vigil-patient-view-feedback",
    "smartapp.callback",
    "smartapp.home",
    "smartapp.launch",
    "smartapp.standalone",
    "watching.livez",
    "watching.scrape",
    "watching.readyz",
}
# All below it is of one patient's session, and never kept, whatever it is.
SESSION = "/l/<handle>/"
PACKED = {"Accept-Encoding": "gzip, deflate, br"}
# A page that comes once is small enough to read on a slow line.
LARGEST = 100_000
kept = pytest.mark.parametrize("address", [*PUBLIC_ROUTES.values(), *ASKED_AGAIN.values()])


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The whole application with every page that can be configured, without a Redis."""
    folder = tmp_path_factory.mktemp("vigil")
    ehr = {"id": "ehr", "fhir_base": [FHIR], "hook_auth": "open", "smart_client_id": "vigil"}
    token = folder / "metrics-token"
    token.touch(0o600)
    token.write_text("x" * 32)
    config = {"public_url": PUBLIC, "base_dir": str(folder), "ehr": [ehr]}
    return create_app(
        settings_from(config | {"metrics_token_file": "metrics-token"}), "unix:///nowhere.sock"
    )


def test_every_route_is_on_one_list(app):
    """A new one has to be put on a list: may anybody keep its answers, or nobody? Those of a session
    are told by their address.
    """
    rules = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(SESSION)]
    served = {rule.endpoint for rule in rules}
    listed = [*PUBLIC_ROUTES, *ASKED_AGAIN, *NEVER_KEPT]
    assert sorted(listed) == sorted(set(listed)) and set(listed) == served


@pytest.mark.rule("D3")
@kept
def test_what_holds_no_patient_may_be_kept(app, address):
    """With an ETag, and without a cookie; compressed it is the same document, and small."""
    client = app.test_client()
    plain, small = client.get(address), client.get(address, headers=PACKED)
    public = address in PUBLIC_ROUTES.values()
    assert plain.headers["Cache-Control"].startswith("public, max-age=" if public else "no-cache")
    assert plain.headers["ETag"] == small.headers["ETag"] and "Set-Cookie" not in plain.headers
    assert len(small.data) < LARGEST
    if "Content-Encoding" in small.headers:
        assert gzip.decompress(small.data) == plain.data
        assert (
            "Accept-Encoding" in small.headers["Vary"]
            and "Accept-Encoding" in plain.headers["Vary"]
        )
    else:
        assert small.data == plain.data
    if small.mimetype == "text/html":
        assert len(small.data) < len(plain.data) / 2


@pytest.mark.rule("D3")
@kept
def test_who_has_it_is_told_that_it_is_the_same(app, address):
    """304 without a body, by GET and HEAD; HEAD has the headers of GET."""
    client = app.test_client()
    first = client.get(address)
    again = {"If-None-Match": first.headers["ETag"]}
    for method in (client.get, client.head):
        answer = method(address, headers=again)
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["Cache-Control"] == first.headers["Cache-Control"]
    head = client.head(address)
    assert (head.status_code, head.data) == (200, b"")
    own = {"X-Request-Id", "Date"}
    assert {k: v for k, v in head.headers if k not in own} == {
        k: v for k, v in first.headers if k not in own
    }


@pytest.mark.rule("D3", "D5")
def test_what_belongs_to_a_patient_is_never_kept(app):
    """Whatever is answered, also a refusal: no-store, no ETag, not compressed."""
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in NEVER_KEPT and not rule.rule.startswith(SESSION):
            continue
        address = re.sub("<handle>", "A" * 43, rule.rule)
        address = re.sub("<[^>]+>", "1", address)
        for method in sorted(rule.methods - {"OPTIONS"}):
            answer = client.open(address, method=method, headers=PACKED, base_url=PUBLIC)
            _never_kept(answer)
    for strange in ("/nowhere", "/model-card/nobody.json", "/static/nowhere.css"):
        _never_kept(client.get(strange, headers=PACKED))


@pytest.mark.rule("D3")
def test_the_pages_of_a_session_are_never_kept(tmp_path, ehr):
    """Those that show a patient, whole, as parts and in pages of their own."""
    bench = Bench(tmp_path, ehr)
    browser = bench.browser()
    place = browser.sign_in()
    shown = browser.get(place, headers=PACKED)
    assert shown.status_code == 200
    _never_kept(shown)
    for rule in bench.app.url_map.iter_rules():
        if rule.rule.startswith(SESSION) and "GET" in rule.methods:
            address = re.sub("<[^>]+>", "1", rule.rule.replace(SESSION, place))
            for more in ({}, {"Vigil-Part": "1"}):
                _never_kept(browser.get(address, headers=PACKED | more))


def _never_kept(answer) -> None:
    assert answer.headers["Cache-Control"] == "no-store", answer.request.path
    assert "Content-Encoding" not in answer.headers and "ETag" not in answer.headers
