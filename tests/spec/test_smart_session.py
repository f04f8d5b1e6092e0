"""SMART App Launch 2.2: reading FHIR, sessions, embedding, headers, appContext (SMART-38 to
SMART-56, E5 to E7, D3).
"""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from models.patient.chart import Chart, Reading
from runtime.audit.log import AuditError
from smartapp import record
from tests.support.launch_bench import Bench
from tests.support.small_ehr import SmallEhr

CARD = "an-unguessable-assessment"


def record_card(bench, patient="pat-1", ehr_id="test", heart_rate=70.0, **more) -> None:
    """Write what the hook service wrote when it made the card, two hours ago."""
    at = datetime.now(UTC) - timedelta(hours=2)
    values = {
        "heart_rate": heart_rate,
        "respiratory_rate": 15.0,
        "spo2": 97.0,
        "systolic": 124.0,
        "temperature": 36.8,
    }
    readings = tuple(
        sorted(
            Reading(at - timedelta(minutes=30), name, value, f"Observation/{name}")
            for name, value in values.items()
        )
    )
    chart = Chart(patient, datetime(1951, 3, 9).date(), "female", False, readings, {})
    model = bench.models[0].id
    bench.audit.append(
        "hook",
        {
            "assessment_id": CARD,
            "patient": patient,
            "ehr": ehr_id,
            "at": at.isoformat(),
            "chart": chart.as_json(),
            "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
            **more,
        },
    )


def pages(bench) -> list[dict]:
    return list(bench.audit.records(type="page"))


@pytest.mark.rule("SMART-38")
def test_fhir_is_read_with_the_token_in_a_header(bench, ehr):
    """Bearer and Accept on every FHIR request, and no token in an address."""
    browser = bench.browser()
    browser.get(browser.sign_in())
    reads = [
        (path, headers)
        for path, headers in ehr.requests
        if path.startswith("/fhir/") and "well-known" not in path
    ]
    assert len(reads) == 3
    assert all(
        h["Authorization"] == "Bearer token-of-pat-1" and h["Accept"] == "application/fhir+json"
        for _, h in reads
    )


@pytest.mark.rule("SMART-39", "C2")
def test_a_next_link_to_another_origin_is_not_followed(bench, ehr):
    """The token goes nowhere else; the page says that data are missing."""
    other = SmallEhr()
    ehr.next_link = f"{other.url}/fhir/Observation?page=2"
    browser = bench.browser()
    page = browser.get(browser.sign_in())
    other.stop()
    assert other.requests == [] and "Incomplete data." in page.text and page.status_code == 200


@pytest.mark.rule("SMART-30", "C2")
def test_a_redirect_is_not_followed_with_the_token(bench, ehr):
    """Neither to another origin nor on the same one."""
    other = SmallEhr()
    browser = bench.browser()
    place = browser.sign_in()
    for target in (other.iss, ehr.iss):
        ehr.observations, ehr.elsewhere = 302, f"{target}/Patient/pat-1"
        before = len(ehr.requests)
        assert "Incomplete data." in browser.get(place).text
        assert len(ehr.requests) == before + 3
    other.stop()
    assert other.requests == []


@pytest.mark.rule("SMART-41")
def test_endless_pages_end(bench, ehr):
    """A server whose next link leads to itself is not read for ever, and the page says that what
    was read is not all.
    """
    ehr.next_link = f"{ehr.iss}/Observation?patient=pat-1&code=8867-4&page=2"
    browser = bench.browser()
    page = browser.get(browser.sign_in())
    assert "Vital signs were read back to" in page.text
    assert sum(path == "/fhir/Observation" for path, _ in ehr.requests) <= 20


@pytest.mark.rule("SMART-41")
def test_slow_answers_share_one_deadline(bench, ehr, monkeypatch):
    """Each answer may be in time and the page still late: what comes after the deadline is said
    to be missing.
    """
    browser = bench.browser()
    place = browser.sign_in()
    monkeypatch.setattr(record, "PAGE_SECONDS", 0.5)
    ehr.delay = 0.7
    started = time.monotonic()
    page = browser.get(place)
    assert (
        page.status_code == 200
        and "Incomplete data." in page.text
        and "Laboratory results could not be read" in page.text
    )
    assert time.monotonic() - started < 2


@pytest.mark.rule("SMART-40")
@pytest.mark.parametrize(
    "status, words",
    [
        (403, "may not be read here, as the EHR did not grant it (status 403)"),
        (500, "(status 500)"),
        (429, "(status 429)"),
        (404, "(status 404)"),
        (302, "Incomplete data"),
    ],
)
def test_what_the_ehr_does_not_give_is_said_not_imputed(bench, ehr, status, words):
    """No number from an empty chart: the page names what is missing and shows no risk."""
    ehr.observations = status
    browser = bench.browser()
    page = browser.get(browser.sign_in())
    assert page.status_code == 200 and words in page.text
    assert "Risk not calculated" in page.text and pages(bench)[0]["missing_parts"] == 2


@pytest.mark.rule("SMART-40")
def test_a_refused_token_ends_the_session(bench, ehr):
    browser = bench.browser()
    place = browser.sign_in()
    ehr.patient = "pat-9"
    answer = browser.get(place)
    assert (
        answer.status_code == 401
        and "This session has ended" in answer.text
        and "cookies" not in answer.text
    )
    ehr.patient = "pat-1"
    assert browser.get(place).status_code == 401


@pytest.mark.rule("SMART-18")
def test_scopes_that_were_not_granted_are_said(bench, ehr):
    ehr.token_extra = {"scope": "launch patient/Patient.read"}
    browser = bench.browser()
    page = browser.get(browser.sign_in())
    assert "Vital signs may not be read here, as the EHR did not grant it" in page.text
    assert not any(path == "/fhir/Observation" for path, _ in ehr.requests)


@pytest.mark.rule("SMART-46", "E5", "E6")
def test_the_address_alone_opens_nothing(bench):
    """Another browser, a stolen cookie in another browser's agent, and another handle are all
    turned away alike.
    """
    browser = bench.browser()
    place = browser.sign_in()
    assert bench.browser().get(place).status_code == 401
    assert browser.get(place, headers={"User-Agent": "Thief/1.0"}).status_code == 401
    assert browser.get("/l/" + "A" * 43 + "/").status_code == 401
    assert browser.get(place).status_code == 200


@pytest.mark.rule("E5")
def test_a_session_can_not_be_planted(bench):
    """Fixation: a cookie and a handle that the attacker chose are nothing here."""
    victim = bench.browser()
    victim.client.set_cookie(
        "__Host-vigil-session-0123456789abcdef", "planted", domain="vigil.example.org", secure=True
    )
    assert victim.get("/l/planted/").status_code == 401
    assert "planted" not in victim.sign_in()


@pytest.mark.rule("E5", "SMART-47")
def test_a_session_ends_idle_absolute_and_with_its_token(bench, ehr):
    """15 minutes idle; never past the token, nor past 8 hours whatever the token says."""
    browser = bench.browser()
    place = browser.sign_in()
    assert bench.store.session_seconds() == [900]
    bench.time = datetime.now(UTC) + timedelta(minutes=55)
    browser.get(place)
    assert 290 < bench.store.session_seconds()[0] <= 300
    bench.time = datetime.now(UTC) + timedelta(minutes=61)
    assert browser.get(place).status_code == 401
    bench.time = None
    ehr.token_extra = {"expires_in": 999999}
    place = browser.sign_in()
    bench.time = datetime.now(UTC) + timedelta(hours=8, minutes=1)
    assert browser.get(place).status_code == 401


@pytest.mark.rule("E5", "E6")
def test_a_day_of_launches_fits_into_one_header(bench, ehr):
    """Twice thirty, finished and not, by one browser: the newest pages stay open, and the
    cookies stay below what servers take.
    """
    browser, start = bench.browser(), datetime.now(UTC)
    places = []
    for number in range(30):
        bench.time = start + timedelta(seconds=number - 30)
        browser.launch()
        places.append(browser.sign_in())
    cookies = browser.client._cookies.values()
    assert len("; ".join(f"{cookie.key}={cookie.value}" for cookie in cookies)) < 7000
    assert all(browser.get(place).status_code == 200 for place in places[-10:])
    assert browser.get(places[0]).status_code == 401


@pytest.mark.rule("SMART-44", "SMART-48", "D3")
def test_every_page_has_its_headers(bench, ehr):
    """CSP without inline, no-referrer, nosniff, HSTS, no X-Frame-Options; framed only by its own
    EHR. Which may be kept stands in test_kept_answers.py.
    """
    browser = bench.browser()
    place = browser.sign_in()
    for path in (place, "/launch", "/callback", "/standalone", "/model-card", "/guide", "/l/none/"):
        headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert (
            "default-src 'none'" in policy
            and "unsafe" not in policy
            and "frame-ancestors *" not in policy
        ), path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert (
            headers["X-Content-Type-Options"] == "nosniff"
            and "Strict-Transport-Security" in headers
            and "X-Frame-Options" not in headers
        )
    assert (
        browser.get(place)
        .headers["Content-Security-Policy"]
        .endswith("frame-ancestors https://ehr.example.org")
    )


@pytest.mark.rule("E7")
def test_addresses_hold_no_patient_and_no_token(bench):
    browser = bench.browser()
    page = browser.get(browser.sign_in())
    links = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
    assert not any("pat-1" in link or "token" in link for link in links)
    assert (
        "token-of" not in page.text
        and re.search(r"<title>([^<]*)", page.text)[1] == "Risk explained, Vigil"
    )


def test_the_page_tells_times_in_the_wards_zone(tmp_path, ehr):
    """`time_zone` of the EHR's record decides; without one it is UTC, and the page says which."""
    for name, offset in (("Asia/Kolkata", timedelta(hours=5.5)), (None, timedelta())):
        folder = tmp_path / (name or "UTC").replace("/", "-")
        folder.mkdir()
        browser = Bench(folder, ehr, **({"time_zone": name} if name else {})).browser()
        page = browser.get(browser.sign_in()).text
        times = re.findall(r'<time datetime="([^"]+)">([^<]+)</time>', page)
        assert f">{name or 'UTC'}</span>" in page and times
        for exact, told in times:
            local = datetime.fromisoformat(exact) + offset
            assert told == f"{local.day} {local:%b %H:%M}"


@pytest.mark.rule("SMART-53", "SMART-56")
@pytest.mark.parametrize("context", [json.dumps({"assessment": CARD}), {"assessment": CARD}])
def test_the_page_explains_the_very_card(bench, ehr, context):
    """The card's own chart and moment are assessed again; the newest view is one link away, and
    what changed is listed.
    """
    record_card(bench)
    ehr.token_extra = {"appContext": context}
    browser = bench.browser()
    place = browser.sign_in()
    card = browser.get(place).text
    assert "This explains the card of" in card and "70 /min" in card and "What changed" in card
    now = browser.get(place + "?view=now").text
    assert "This is the newest view" in now and "128 /min" in now
    newest, first = pages(bench)
    assert (first["view"], newest["view"]) == ("card", "now") and first["assessment_id"] == CARD
    assert first["probability"] < newest["probability"]


@pytest.mark.rule("SMART-55")
@pytest.mark.parametrize("other", [{"patient": "pat-2"}, {"ehr_id": "other"}])
def test_a_card_of_another_patient_or_ehr_is_refused(bench, ehr, other):
    """Nothing is shown, the session ends, and the refusal is recorded."""
    record_card(bench, **other)
    ehr.token_extra = {"appContext": {"assessment": CARD}}
    browser = bench.browser()
    place = browser.sign_in()
    answer = browser.get(place)
    assert (
        answer.status_code == 403 and "another patient" in answer.text and "MRN" not in answer.text
    )
    assert browser.get(place).status_code == 401 and pages(bench) == []
    assert next(bench.audit.records(type="refusal"))["ehr"] == "test"


@pytest.mark.rule("SMART-54", "SMART-55")
@pytest.mark.parametrize(
    "context, words",
    [
        (None, "computed from the chart as it is now"),
        ("unknown-assessment-id", "not known here any more"),
    ],
)
def test_without_a_known_card_the_page_is_computed_anew(bench, ehr, context, words):
    ehr.token_extra = {"appContext": context and {"assessment": context}}
    browser = bench.browser()
    page = browser.get(browser.sign_in())
    assert page.status_code == 200 and words in page.text
    assert bench.audit.find_assessment("unknown-assessment-id") is None, (
        "a made-up id must not become a record of that id"
    )


def test_each_view_is_recorded_before_it_leaves(bench, monkeypatch):
    """Route, session hash, patient, user, model and chart; and without a record nothing is
    shown.
    """
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    record = pages(bench)[0]
    assert (
        record["route"] == "explanation"
        and record["patient"] == "pat-1"
        and record["user"].endswith("|dr-1")
    )
    assert (
        re.fullmatch("[0-9a-f]{16}", record["session"])
        and record["model"]["sha256"]
        and record["chart"]["readings"]
    )

    def fail(*args):
        raise AuditError("full")

    monkeypatch.setattr(bench.audit, "append", fail)
    answer = browser.get(place)
    assert answer.status_code == 503 and "MRN" not in answer.text


@pytest.mark.parametrize("path", ["/callback?state=x&code=y", "{place}"])
def test_redis_down_is_a_readable_503(bench, ehr, path):
    """A launch whose use can't be noted is not finished."""
    browser = bench.browser()
    place = browser.sign_in()
    state = ehr.approve(browser.launch())["state"]
    bench.store.down = True
    answer = browser.get(path.format(iss=ehr.iss, place=place).replace("state=x", f"state={state}"))
    assert (
        answer.status_code == 503 and "<h1>" in answer.text and "Set-Cookie" not in answer.headers
    )


@pytest.mark.rule("B6")
def test_a_patient_resource_of_somebody_else_is_refused(bench, ehr):
    """The EHR answers with another id: nothing is shown (B6)."""
    ehr.patient_answered = "someone-else"
    browser = bench.browser()
    assert browser.get(browser.sign_in()).status_code == 403


@pytest.mark.rule("D3")
def test_text_from_the_chart_is_escaped(bench):
    browser = bench.browser()
    text = browser.get(browser.sign_in()).text
    assert "Ada &lt;script&gt;" in text and "Ada <script>" not in text


def test_the_model_card_needs_no_session(bench):
    page = bench.browser().get("/model-card").text
    commands = [model.manifest["command"] for model in bench.models]
    for words in (
        "Intended use",
        "Training data",
        "Limits",
        "AUROC",
        "not a cleared medical device",
        bench.models[0].id.sha256,
        *commands,
    ):
        assert words in page
