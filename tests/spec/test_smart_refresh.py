"""Refresh, its lock, and the end of a session (SMART App Launch 7, SMART-35, SMART-36, E5)."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import redis
from flask import Response

from runtime.store import embedded
from smartapp.launching import renewal
from smartapp.launching.token import refresh
from tests.support.launch_bench import Bench, log_lines

OFFERED = {
    "capabilities": ["launch-ehr", "sso-openid-connect", "permission-v2", "permission-online"]
}


def later(bench, **by) -> None:
    """Set the clocks of the app and of its EHR ahead."""
    bench.time = datetime.now(UTC) + timedelta(**by)
    bench.ehr.now = bench.time.timestamp


def token_forms(ehr) -> int:
    return sum(path == "/token" for path, _ in ehr.requests)


@pytest.mark.rule("SMART-20")
def test_leave_to_renew_is_asked_for_where_the_server_names_it(bench, ehr):
    ehr.configuration = OFFERED
    assert "online_access" in bench.browser().launch()


@pytest.mark.rule("SMART-35")
def test_a_session_of_short_tokens_goes_on_for_eight_hours(bench, ehr):
    """Oracle's token lives 570 s: each page renews it before it ends, with the same client
    authentication and the same patient, and at eight hours the session is over all the same.
    """
    ehr.renewable()
    browser = bench.browser()
    place = browser.sign_in()
    assert browser.get(place).status_code == 200 and ehr.refreshes == 0
    for minutes in range(9, 480, 9):
        later(bench, minutes=minutes)
        page = browser.get(place)
        assert page.status_code == 200 and "MRN-pat-1" in page.text
    assert ehr.refreshes == 53
    assert ehr.form["grant_type"] == "refresh_token" and "client_assertion" in ehr.form
    assert "scope" not in ehr.form and "client_id" not in ehr.form
    later(bench, hours=8)
    assert browser.get(place).status_code == 401


@pytest.mark.rule("SMART-35", "SMART-26")
@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_every_kind_of_client_renews(tmp_path, ehr, method, monkeypatch):
    """A public client names itself in the body; one with a secret shows it in the header."""
    monkeypatch.setenv("SECRET", "s:1")
    own = {"smart_client_auth": method}
    own |= {"smart_client_secret_env": "SECRET"} if method != "none" else {}
    bench = Bench(tmp_path, ehr, **own)
    ehr.client_key = None
    ehr.renewable()
    browser = bench.browser()
    place = browser.sign_in()
    later(bench, minutes=9)
    assert browser.get(place).status_code == 200 and ehr.refreshes == 1
    header = [headers for path, headers in ehr.requests if path == "/token"][-1]
    assert ("Authorization" in header) is (method != "none")
    assert ehr.form.get("client_id") == ("vigil-1" if method == "none" else None)


@pytest.mark.rule("SMART-35")
@pytest.mark.parametrize("rotates", [True, False])
def test_a_new_refresh_token_replaces_the_old_one_and_none_keeps_it(bench, ehr, rotates):
    """Oracle sends none with its answer: the first stays good."""
    ehr.renewable()
    ehr.rotates = rotates
    browser = bench.browser()
    place = browser.sign_in()
    later(bench, minutes=9)
    browser.get(place)
    assert browser.session(place).refresh_token == ("again-1" if rotates else "again-0")
    later(bench, minutes=19)
    assert browser.get(place).status_code == 200 and ehr.refreshes == 2


@pytest.mark.rule("SMART-35")
@pytest.mark.parametrize("kind", ["dict", "redis"])
def test_requests_at_one_time_burn_one_refresh_token(tmp_path, ehr, kind):
    """Of eight requests of one page one renews; the others wait and read with what it got."""
    store, server = None, None
    if kind == "redis":
        server = embedded(tmp_path)
        store = redis.Redis.from_url(server.url)
    try:
        bench = Bench(tmp_path, ehr, store)
        ehr.renewable()
        browser = bench.browser()
        place = browser.sign_in()
        later(bench, minutes=9)
        ehr.delay = 0.2
        answers = []
        cookies = browser.client._cookies

        def ask():
            other = bench.browser()
            other.client._cookies = dict(cookies)
            answers.append(other.get(place).status_code)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 8 and ehr.refreshes == 1
    finally:
        if server:
            server.stop()


@pytest.mark.rule("SMART-40", "SMART-35")
def test_a_refused_token_is_renewed_once(bench, ehr):
    """The FHIR server takes the token no more before its time: one refresh, and the page is there;
    a refusal of the new one ends the session.
    """
    ehr.renewable()
    browser = bench.browser()
    place = browser.sign_in()
    ehr.refreshes = 4
    assert browser.get(place).status_code == 200 and ehr.refreshes == 5
    ehr.refreshes = 7
    ehr.refresh_extra = {"access_token": "no-good"}
    answer = browser.get(place)
    assert answer.status_code == 401 and "no longer lets this page read" in answer.text
    assert ehr.refreshes == 8 and browser.session(place) is None


@pytest.mark.rule("SMART-36", "SMART-35")
def test_a_refused_refresh_ends_the_session(bench, ehr, logged):
    """ "Open it again from the patient's chart", and the tokens are gone."""
    ehr.renewable()
    browser = bench.browser()
    place = browser.sign_in()
    ehr.refresh_tokens.clear()
    later(bench, minutes=9)
    answer = browser.get(place)
    assert answer.status_code == 401 and "again from the patient&#39;s chart" in answer.text
    assert logged()[-1]["reason"] == "refresh refused: invalid_grant"
    assert browser.session(place) is None and not bench.store.session_seconds()
    assert next(bench.audit.records(type="refusal"))["patient"] == "pat-1"


@pytest.mark.rule("SMART-35", "E6")
@pytest.mark.parametrize("patient", ["pat-2", "Patient/pat-2", 7, ""])
def test_a_refresh_that_names_another_patient_ends_the_session(bench, ehr, patient):
    """Nothing of either patient is shown."""
    ehr.renewable()
    ehr.refresh_extra = {"patient": patient}
    browser = bench.browser()
    place = browser.sign_in()
    later(bench, minutes=9)
    answer = browser.get(place)
    assert answer.status_code == 403 and "Another patient is open" in answer.text
    assert "MRN" not in answer.text and browser.session(place) is None


@pytest.mark.rule("SMART-35")
def test_the_context_may_come_again_and_the_scope_shrink(bench, ehr):
    """The same patient, in any form; a smaller grant is said on the page."""
    ehr.renewable()
    ehr.refresh_extra = {"patient": "Patient/pat-1", "scope": "patient/Patient.r"}
    browser = bench.browser()
    place = browser.sign_in()
    later(bench, minutes=9)
    assert "Vital signs may not be read here" in browser.get(place).text


FAULTS = [
    Response("<html>busy</html>", 503),
    Response("<html>hello</html>", 200, content_type="text/html"),
    Response('{"error": "temporarily_unavailable"}', 400),
    Response('{"token_type": "Bearer"}', 200),
]


@pytest.mark.rule("SMART-35", "SMART-31")
@pytest.mark.parametrize("fault", FAULTS, ids=["503", "html", "unavailable", "no token"])
def test_a_server_in_trouble_ends_no_session(bench, ehr, fault):
    """While the token lives the page is shown with it; afterwards a page says to try again, with a
    link, and once the server is well the session goes on.
    """
    ehr.renewable()
    browser = bench.browser()
    place = browser.sign_in()
    ehr.refresh_answer = fault
    later(bench, minutes=9)
    assert browser.get(place).status_code == 200
    later(bench, minutes=11)
    answer = browser.get(place)
    assert answer.status_code == 502 and "The EHR did not answer" in answer.text
    assert f'href="{place}"' in answer.text and "Try again" in answer.text
    ehr.refresh_answer = None
    assert browser.get(place).status_code == 200 and ehr.refreshes == 1


@pytest.mark.rule("SMART-35")
def test_who_waits_in_vain_says_so(bench, ehr, monkeypatch):
    """A turn that never ends, as of a host that died, holds nobody longer than the wait."""
    monkeypatch.setattr(renewal, "WAIT_SECONDS", 0.2)
    ehr.renewable()
    browser = bench.browser()
    place = browser.sign_in()
    key = next(key for key in bench.store.data if key.startswith("vigil:session:"))
    turn = key.replace(":session:", ":turn:")
    bench.store.set(turn, b"of another host", ex=30)
    later(bench, minutes=11)
    assert browser.get(place).status_code == 502 and ehr.refreshes == 0
    bench.store.delete(turn)
    assert browser.get(place).status_code == 200


@pytest.mark.rule("E5")
def test_without_a_refresh_token_the_session_ends_with_its_token(bench, ehr):
    ehr.token_extra = {"expires_in": 570}
    browser = bench.browser()
    place = browser.sign_in()
    later(bench, minutes=9)
    assert browser.get(place).status_code == 200
    later(bench, minutes=10)
    assert browser.get(place).status_code == 401 and token_forms(ehr) == 1


@pytest.mark.rule("SMART-32", "C4", "F10")
def test_no_refresh_token_is_kept_readable_or_written_down(tmp_path, ehr):
    logged = log_lines(tmp_path)
    bench = Bench(tmp_path, ehr)
    ehr.renewable()
    browser = bench.browser()
    place = browser.sign_in()
    later(bench, minutes=9)
    page = browser.get(place)
    dump = repr(bench.store.data) + repr(list(bench.audit.records())) + page.text + repr(logged())
    assert "again-" not in dump and "token-of" not in dump


def close(browser, place, **change):
    """Press "Close Vigil" on the page of a session."""
    part = browser.get(f"{place}session").text
    token = part.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"csrf_token": token} | change
    headers = {"Origin": "https://vigil.example.org"}
    return browser.post(f"{place}close", data=form, headers=headers)


@pytest.mark.rule("SMART-36")
@pytest.mark.parametrize("status", [200, 503])
def test_closing_drops_the_tokens_and_gives_them_back(bench, ehr, status):
    """The refresh token is revoked, and an EHR that does not answer changes nothing here."""
    ehr.configuration = {"revocation_endpoint": "/revoke"}
    ehr.renewable()
    ehr.revocation_status = status
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    answer = close(browser, place)
    assert answer.status_code == 200 and "Vigil is closed" in answer.text
    (form,) = ehr.revoked
    assert (form["token"], form["token_type_hint"]) == ("again-0", "refresh_token")
    assert "client_assertion" in form
    assert browser.get(place).status_code == 401 and not bench.store.data.keys() & {"session"}
    assert any("Max-Age=0" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    routes = [record["route"] for record in bench.audit.records(type="page")]
    assert routes[0] == "close"


@pytest.mark.rule("SMART-36")
def test_a_token_that_comes_after_the_closing_is_given_back_too(bench, ehr, monkeypatch):
    """Closed in one tab while another has the token renewed: neither token is left at the EHR."""
    ehr.configuration = {"revocation_endpoint": "/revoke"}
    ehr.renewable()
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    later(bench, minutes=9)

    def refreshed(*arguments):
        answer = refresh(*arguments)
        assert close(browser, place).status_code == 200
        return answer

    monkeypatch.setattr(renewal, "refresh", refreshed)
    assert browser.get(place).status_code == 401
    assert [form["token"] for form in ehr.revoked] == ["again-0", "again-1"]


@pytest.mark.rule("SMART-36")
def test_closing_needs_no_secret(tmp_path, ehr, monkeypatch):
    """One that is gone meanwhile costs the revocation alone."""
    monkeypatch.setenv("SECRET", "s:1")
    own = {"smart_client_auth": "client_secret_basic", "smart_client_secret_env": "SECRET"}
    bench = Bench(tmp_path, ehr, **own)
    ehr.client_key, ehr.configuration = None, {"revocation_endpoint": "/revoke"}
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    monkeypatch.delenv("SECRET")
    assert close(browser, place).status_code == 200
    assert ehr.revoked == [] and browser.session(place) is None


@pytest.mark.rule("SMART-36")
def test_without_a_place_to_revoke_closing_asks_nobody(bench, ehr):
    """Nor where that place is not https: it is as absent, and no launch fails for it."""
    ehr.configuration = {"revocation_endpoint": "http://ehr.example.org/revoke"}
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    assert close(browser, place).status_code == 200 and ehr.revoked == []


@pytest.mark.rule("E5")
def test_only_a_page_of_the_session_closes_it(bench, ehr):
    """A forged token or another origin does nothing."""
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    assert close(browser, place, csrf_token="forged").status_code == 403
    assert browser.get(f"{place}close").status_code == 405
    assert browser.get(place).status_code == 200


@pytest.mark.rule("SMART-18")
def test_the_session_says_what_was_granted(bench, ehr):
    """And that no stay was named, which is no fault."""
    ehr.token_extra = {"scope": "patient/Patient.r patient/Observation.rs?category=vital-signs"}
    browser = bench.browser()
    place = browser.sign_in()
    page = browser.get(place).text
    assert "Laboratory results may not be read here" in page
    part = browser.get(f"{place}session").text
    assert "named no stay" in part and part.count("may be read") == 2
    assert part.count("may not be read: the EHR did not grant it") == 1
