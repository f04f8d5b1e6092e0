"""SMART App Launch 2.2: the token response (SMART-31, SMART-32, section 7; RFC 6749 5.1 and 5.2)."""

import pytest
from flask import Response


def refused(bench, ehr, status: int) -> str:
    """Come back with a good code, see that it gives no session, and return the recorded reason."""
    browser = bench.browser()
    answer = browser.callback(ehr.approve(browser.launch()))
    assert answer.status_code == status and "<h1>" in answer.text
    assert not any("-session-" in cookie for cookie in browser.cookies_set)
    return next(bench.audit.records(type="refusal"))["reason"]


def launched(bench) -> dict:
    """Sign in and return the record of the launch."""
    bench.browser().sign_in()
    return next(bench.audit.records(type="launch"))


@pytest.mark.rule("SMART-31")
@pytest.mark.parametrize(
    "fault, reason",
    [
        ({"access_token": None}, "token response without access_token"),
        ({"access_token": ""}, "token response without access_token"),
        ({"access_token": 5}, "token response without access_token"),
        ({"access_token": "a\nb"}, "token response without access_token"),
        ({"token_type": "mac"}, "token_type is not bearer"),
        ({"token_type": None}, "token_type is not bearer"),
        ({"error": "invalid_grant"}, "token error invalid_grant"),
        ({"error": {"code": 7}}, "token error other"),
    ],
)
def test_odd_token_responses_are_a_page_not_a_fault(bench, ehr, logged, fault, reason):
    """The members that RFC 6749 5.1 requires; log and audit say which was not right."""
    ehr.token_extra = fault
    assert refused(bench, ehr, 502) == reason == logged()[-1]["reason"]


@pytest.mark.rule("SMART-31")
@pytest.mark.parametrize(
    "body, status, reason",
    [
        ("<html>Sorry</html>", 200, "token answer unreadable, status 200"),
        ("<html>Sorry</html>", 400, "token answer unreadable, status 400"),
        ("busy", 503, "token answer unreadable, status 503"),
        ("[]", 200, "token answer unreadable, status 200"),
        ("null", 200, "token answer unreadable, status 200"),
        ("[" * 100_000, 200, "token answer unreadable, status 200"),
        (
            '{"error": "invalid_scope", "error_description": "\\ud83d"}',
            400,
            "token error invalid_scope",
        ),
        ('{"error": "\\ud83d", "error_uri": "https://[x"}', 400, "token error other"),
        ('{"patient": "pat-2", "patient": "pat-1"}', 200, "token answer with patient twice"),
        ("{}", 500, "token status 500"),
        ('{"error": "invalid_client"}', 401, "token error invalid_client"),
        ('{"error": "Ada Okafor"}', 400, "token error other"),
        ("", 302, "token answer unreadable, status 302"),
    ],
)
def test_real_servers_errors_are_a_page_and_named(bench, ehr, logged, body, status, reason):
    """HTML, text and statuses; nothing of the body gets into log or audit."""
    ehr.token_answer = Response(body, status, {"Location": f"{ehr.url}/token"})
    assert refused(bench, ehr, 502) == reason == logged()[-1]["reason"]
    assert "Okafor" not in str(logged()) + str(list(bench.audit.records()))


@pytest.mark.rule("SMART-31")
def test_a_refused_code_is_a_page_with_the_ehrs_word_escaped(bench, ehr):
    browser = bench.browser()
    answer = browser.callback(ehr.approve(browser.launch()) | {"code": "forged"})
    assert answer.status_code == 502 and "&lt;b&gt;not" in answer.text


@pytest.mark.rule("SMART-31")
def test_a_token_endpoint_that_is_away_is_named(bench, ehr, logged):
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    ehr.stop()
    assert browser.callback(back).status_code == 502
    assert logged()[-1]["reason"] == "token request failed: connection"


@pytest.mark.rule("SMART-31")
@pytest.mark.parametrize(
    "extra",
    [
        {"token_type": "bearer"},
        {"token_type": "BEARER"},
        {"scope": None},
        {"scope": ""},
        {"scope": ["launch"]},
        {"__x": {}, "tenant": 7, "intent": [], "fhirContext": "x", "state": "abc123"},
        {"need_patient_banner": "false", "smart_style_url": 5, "profile": {}, "project": None},
        {"refresh_token": {}, "smart_web_messaging_handle": 7, "authorization_details": "x"},
        dict.fromkeys(["intent", "smart_style_url", "refresh_token"], "half \ud83d"),
        dict.fromkeys(["smart_web_messaging_handle", "smart_web_messaging_origin"], "\udc00"),
    ],
)
def test_what_servers_really_send_is_taken(bench, ehr, extra):
    """Any case of `bearer` (RFC 6749 5.1), a scope left out, unknown members and odd ones that we
    do not read.
    """
    ehr.token_extra = extra
    record = launched(bench)
    asked = "launch openid fhirUser patient/Patient.r patient/Observation.rs"
    assert record["scope"] == asked and record["user"] == f"{ehr.issuer}|dr-1"


@pytest.mark.rule("SMART-31")
@pytest.mark.parametrize(
    "name", ["error", "scope", "expires_in", "encounter", "id_token", "appContext"]
)
def test_a_null_member_is_as_absent(bench, ehr, name):
    """JSON null says that there is no value; an id_token of null is no forged one."""
    ehr.token_nulls = (name,)
    record = launched(bench)
    assert record["user"] == (None if name == "id_token" else f"{ehr.issuer}|dr-1")
    assert record["encounter"] is None


@pytest.mark.rule("SMART-31")
@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8", "application/json"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_media_type_and_a_byte_order_mark_do_not_matter(bench, ehr, kind, mark):
    """RFC 8259 8.1: parsers may pass over the mark; the body is read for what it is."""
    body = b'{"access_token": "token-of-pat-1", "token_type": "Bearer", "patient": "pat-1"}'
    ehr.token_answer = Response(mark + body, 200, mimetype=None, content_type=kind)
    assert launched(bench)["patient"] == "pat-1"


@pytest.mark.rule("SMART-31")
def test_what_decides_nothing_may_stand_there_twice(bench, ehr):
    body = '{"access_token": "token-of-pat-1", "token_type": "Bearer", "patient": "pat-1", '
    ehr.token_answer = Response(body + '"profile": {}, "profile": {}}', 200)
    assert launched(bench)["patient"] == "pat-1"


@pytest.mark.rule("E5")
@pytest.mark.parametrize(
    "given, seconds",
    [
        (570, 570),
        (570.0, 570),
        ("570", 570),
        ("570.0", 570),
        (None, 300),
        ("soon", 300),
        ("", 300),
        ([], 300),
        (True, 300),
        ("NaN", 300),
        ("Infinity", 300),
        ("1e999", 300),
        (-5, 1),
        (0, 1),
        (10**400, 300),
        (999_999, 900),
    ],
)
def test_a_lifetime_is_a_number_in_any_dress(bench, ehr, given, seconds):
    """RFC 6749 5.1 recommends it: missing or unreadable it counts as five minutes, and no token
    opens a session that never ends.
    """
    ehr.token_extra = {"expires_in": given}
    bench.browser().sign_in()
    kept = bench.store.session_seconds()[0]
    assert max(1, seconds - 5) <= kept <= seconds


@pytest.mark.rule("SMART-34")
@pytest.mark.parametrize(
    "form",
    [
        "{id}",
        "{kind}/{id}",
        "{iss}/{kind}/{id}",
        "{iss}//{kind}/{id}",
        "{kind}/{id}/_history/4",
        "{iss}/{kind}/{id}/_history/4",
        "HTTP://{host}/fhir/{kind}/{id}",
    ],
)
def test_context_is_an_id_or_a_reference_within_the_fhir_base(bench, ehr, form):
    """SMART says an id; the reference that some servers send names the same resource."""
    host = ehr.url.removeprefix("http://")
    ehr.token_extra = {
        "patient": form.format(kind="Patient", id="pat-1", iss=ehr.iss, host=host),
        "encounter": form.format(kind="Encounter", id="enc.1", iss=ehr.iss, host=host),
    }
    record = launched(bench)
    assert (record["patient"], record["encounter"]) == ("pat-1", "enc.1")


ODD = [
    "",
    5,
    [],
    {"reference": "Patient/pat-1"},
    "../Observation",
    "a b",
    "x" * 65,
    "Group/pat-1",
    "Patient/",
    "Patient/pat-1/Observation",
    "patient/pat-1",
    "{iss}/pat-1",
    "{iss}/Group/pat-1",
    "{iss}x/Patient/pat-1",
    "{iss}/../fhir/Patient/pat-1",
    "{iss}/Patient/pat-1?x=1",
    "{iss}/Patient/pat-1#x",
    "https://evil.example.org/fhir/Patient/pat-1",
    "{iss}@evil.example.org/Patient/pat-1",
    "//evil.example.org/Patient/pat-1",
    "urn:uuid:87a339d0-8cae-418e-89c7-8651e6aab3c6",
]


@pytest.mark.rule("E6")
@pytest.mark.parametrize("patient", [None, *ODD])
def test_without_a_patient_of_this_server_nobody_is_shown(bench, ehr, patient):
    """No other patient is ever taken in their place; a reference of another type or base is none."""
    given = patient.format(iss=ehr.iss) if isinstance(patient, str) else patient
    ehr.token_extra = {"patient": given}
    reason = refused(bench, ehr, 400)
    assert reason == (
        "token response without a patient"
        if patient is None
        else "patient of the token response is no patient of this server"
    )


@pytest.mark.parametrize("encounter", ODD)
def test_an_odd_encounter_is_as_none(bench, ehr, encounter):
    """The encounter is optional: the page needs none."""
    given = encounter.format(iss=ehr.iss) if isinstance(encounter, str) else encounter
    ehr.token_extra = {"encounter": given}
    assert launched(bench)["encounter"] is None


@pytest.mark.rule("SMART-32", "C4", "F10")
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


@pytest.mark.rule("SMART-34", "SMART-57")
def test_a_session_keeps_what_the_token_answer_says_beside_the_token(bench, ehr):
    """As it was sent, and nothing that is no text; without them the banner is shown."""
    said = {
        "refresh_token": "again-1",
        "need_patient_banner": False,
        "smart_style_url": "https://ehr.example.org/style.json",
        "smart_web_messaging_handle": "h1",
        "smart_web_messaging_origin": "https://ehr.example.org",
        "intent": "reconcile-medications",
    }
    ehr.claims, ehr.token_extra = {"fhirUser": "Practitioner/dr-1"}, said
    browser = bench.browser()
    kept = browser.session(browser.sign_in())
    assert kept.fhir_user == "Practitioner/dr-1"
    assert (kept.refresh_token, kept.need_patient_banner) == ("again-1", False)
    assert kept.smart_style_url == said["smart_style_url"] and kept.intent == said["intent"]
    assert (kept.messaging_handle, kept.messaging_origin) == ("h1", "https://ehr.example.org")
    ehr.claims, ehr.token_extra = {"fhirUser": 7}, dict.fromkeys(said, 7)
    kept = browser.session(browser.sign_in())
    assert (
        kept.need_patient_banner
        and kept.user
        and not any(
            (kept.fhir_user, kept.refresh_token, kept.smart_style_url, kept.messaging_handle)
        )
    )
    ehr.claims, ehr.token_extra = {"fhirUser": "Practitioner/dr-1"}, {"id_token": None}
    kept = browser.session(browser.sign_in())
    assert kept.user is None and kept.fhir_user is None
