"""The demonstration's FHIR server searches as FHIR R4 says and never leaves the token's patient."""

from urllib.parse import parse_qs, urlsplit

import pytest

from demo.dates import matches, span

HEART_RATE = "http://loinc.org|8867-4"


def get(world, query, **more):
    return world.http.get(f"/fhir/{query}", headers=world.bearer(**more))


def found(answer):
    assert answer.status_code == 200 and answer.content_type == "application/fhir+json", answer.text
    return [entry["resource"] for entry in answer.json.get("entry", ())]


def codes(resources):
    return {resource["code"]["coding"][0]["code"] for resource in resources}


def test_a_read_needs_a_token_and_stays_with_its_patient(world):
    """401 without a token, 403 for another patient's resource, 404 for one that is not there."""
    assert world.http.get("/fhir/Patient/sepsis").status_code == 401
    wrong = world.http.get("/fhir/Patient/sepsis", headers={"Authorization": "Bearer made-up"})
    assert wrong.status_code == 401 and "invalid_token" in wrong.headers["WWW-Authenticate"]
    headers = world.bearer()
    assert world.http.get("/fhir/Patient/sepsis", headers=headers).json["id"] == "sepsis"
    for path, status in (
        ("Patient/copd", 403),
        ("Encounter/copd-stay", 403),
        ("Patient/nobody", 404),
        ("Medication/1", 404),
    ):
        answer = world.http.get(f"/fhir/{path}", headers=headers)
        assert answer.status_code == status and answer.json["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "query",
    [
        "Observation?patient=copd",
        "Observation?subject=Patient/copd",
        "Patient?_id=copd",
        "Observation?patient=sepsis,copd",
    ],
)
def test_a_search_for_another_patient_is_forbidden(world, query):
    """However the other patient is named."""
    assert get(world, query).status_code == 403


def test_a_clinicians_own_scope_opens_every_chart_and_the_wards(world):
    """Each patient is on one ward's list beside that of all; no scope of a patient's opens any, nor
    creates one.
    """
    mine = "patient/Observation.rs user/Patient.rs user/Observation.rs user/Group.rs"
    lists = found(get(world, "Group?type=person&_summary=true", scope=mine))
    members = [one["entity"]["reference"] for each in lists for one in each["member"]]
    assert len(set(members)) == lists[0]["quantity"] == 19 and len(members) == 2 * 19
    assert "Patient/copd" in members
    for query in (f"Group/{lists[0]['id']}", "Patient/copd", "Observation?patient=copd"):
        assert get(world, query, scope=mine).status_code == 200, query
        assert get(world, query, scope="patient/*.rs").status_code == 403, query
    copd = {
        one["subject"]["reference"]
        for one in found(get(world, "Observation?patient=copd", scope=mine))
    }
    assert copd == {"Patient/copd"}
    made = world.http.post("/fhir/RiskAssessment", json={}, headers=world.bearer(scope="user/*.*"))
    assert made.status_code == 403


def test_a_patient_who_signs_in_gets_no_clinicians_scope(world):
    def scope(user: str) -> str:
        address = world.http.get(f"/chart/sepsis/launch?user={user}").location
        launch = parse_qs(urlsplit(address).query)["launch"][0]
        return world.token(world.code(launch=launch, scope="openid patient/Patient.r user/*.rs"))

    assert scope("nurse").json["scope"] == "openid patient/Patient.r user/*.rs"
    assert scope("patient").json["scope"] == "openid patient/Patient.r"


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("patient/Observation.rs", 200),
        ("patient/Observation.read", 200),
        ("patient/*.read", 200),
        ("patient/Observation.r", 403),
        ("patient/Patient.rs", 403),
    ],
)
def test_a_search_needs_its_scope(world, scope, status):
    """Both syntaxes; `r` alone does not search."""
    assert (
        get(world, "Observation?patient=sepsis&_count=1", scope=f"launch {scope}").status_code
        == status
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (f"code={HEART_RATE}", {"8867-4"}),
        ("code=8867-4,9279-1", {"8867-4", "9279-1"}),
        ("code=http://loinc.org|59408-5", {"2708-6"}),
        ("code=http://snomed.info/sct|8867-4", set()),
        ("code=|8867-4", set()),
        ("category=laboratory&code=2524-7,8867-4", {"2524-7"}),
        ("status=preliminary", set()),
    ],
)
def test_token_parameters(world, parameters, expected):
    """With and without a system, lists as or, repeated parameters as and; any coding of a
    concept may match.
    """
    assert (
        codes(found(get(world, f"Observation?patient=sepsis&_count=1000&{parameters}"))) == expected
    )


@pytest.mark.parametrize(
    "query",
    [
        "Observation?date=yesterday",
        "Observation?date=sa2026-01-01",
        "Observation?_count=-1",
        "Observation?_count=many",
        "Observation?_sort=code",
        "Observation?code=",
        "Observation?code:not=1",
        "Observation?date=2026-13-01",
        "Patient?_sort=-date",
        "Observation?code=|",
    ],
)
def test_a_value_that_is_not_understood_is_an_error(world, query):
    """400 with an OperationOutcome that names the parameter."""
    answer = get(world, query)
    assert answer.status_code == 400 and answer.json["issue"][0]["code"] == "value"


def test_sorting_and_pages(world):
    """Newest first; `next` links lead over every match once, and the total stays."""
    headers = world.bearer()
    url, seen = f"/fhir/Observation?patient=sepsis&code={HEART_RATE}&_sort=-date&_count=7", []
    while url:
        page = world.http.get(url, headers=headers).json
        seen += [entry["resource"] for entry in page["entry"]]
        link = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        url = link and f"{urlsplit(link).path}?{urlsplit(link).query}"
    times = [resource["effectiveDateTime"] for resource in seen]
    assert len(seen) == page["total"] == len({r["id"] for r in seen}) > 14 and times == sorted(
        times, reverse=True
    )
    oldest = found(
        world.http.get(
            "/fhir/Observation?patient=sepsis&code=8867-4&_sort=date&_count=1", headers=headers
        )
    )
    assert oldest[0]["id"] == seen[-1]["id"]


def test_no_match_and_no_page(world):
    """An empty Bundle has no entry at all; `_count=0` gives the total only."""
    nothing = get(world, "Observation?patient=sepsis&code=nothing").json
    assert nothing["total"] == 0 and "entry" not in nothing and nothing["type"] == "searchset"
    counted = get(world, "Observation?patient=sepsis&_count=0").json
    assert counted["total"] > 100 and "entry" not in counted and len(counted["link"]) == 1


def test_unknown_parameters_are_ignored_and_the_self_link_says_so(world):
    """As FHIR's lenient handling has it."""
    answer = get(world, "Encounter?patient=sepsis&status=in-progress&colour=red").json
    assert (
        answer["total"] == 1
        and "colour" not in answer["link"][0]["url"]
        and "status" in answer["link"][0]["url"]
    )


def test_a_search_by_post_equals_one_by_get(world):
    """POST /_search with a form."""
    headers = world.bearer()
    by_post = world.http.post(
        "/fhir/Observation/_search", data={"patient": "sepsis", "code": "8867-4"}, headers=headers
    ).json
    assert (
        by_post
        == world.http.get("/fhir/Observation?patient=sepsis&code=8867-4", headers=headers).json
    )
    assert world.http.post("/fhir/Observation/_search", json={}, headers=headers).status_code == 415


def test_a_date_bound_cuts_the_history(world):
    """The bound that our queries use."""
    since = "2026-03-29T07:00:00Z"
    resources = found(get(world, f"Observation?patient=sepsis&date=ge{since}&_count=1000"))
    assert resources and all(resource["effectiveDateTime"] >= since[:19] for resource in resources)


@pytest.mark.parametrize(
    ("prefix", "wanted", "value", "expected"),
    [
        ("eq", "2026-03-29", "2026-03-29T10:00:00Z", True),
        ("eq", "2026-03-29", "2026-03-28T23:59:59Z", False),
        ("eq", "2026-03-29T10:00:00Z", "2026-03-29", False),
        ("eq", "2026", "2026-03", True),
        ("ge", "2026-03-29T10:00:00Z", "2026-03-29T10:00:00Z", True),
        ("ge", "2026-03-29", "2026-03-28", False),
        ("gt", "2026-03-29", "2026-03-29T23:59:59Z", False),
        ("gt", "2026-03-28", "2026-03-29T00:00:00Z", True),
        ("gt", "2026-03-29T10:00:00Z", "2026-03-29", True),
        ("lt", "2026-03-29", "2026-03-28T23:59:59Z", True),
        ("lt", "2026-03-29", "2026-03-29T00:00:00Z", False),
        ("le", "2026-03-29", "2026-03-29T23:59:59Z", True),
        ("le", "2026-03-29", "2026-03-30", False),
        ("ge", "2026-03-29T12:00:00+02:00", "2026-03-29T10:00:00Z", True),
        ("lt", "2026-03-29T12:00:00+02:00", "2026-03-29T09:59:59Z", True),
        ("eq", "2026-03-29T10:00", "2026-03-29T10:00:30Z", True),
        ("eq", "2026-02", "2026-02-28", True),
        ("eq", "2024-02", "2024-02-29", True),
    ],
)
def test_dates_are_spans(prefix, wanted, value, expected):
    """Partial dates cover their whole day, month or year; zones count."""
    assert matches(prefix, span(wanted), span(value)) is expected


@pytest.mark.parametrize(
    "text", ["", "today", "2026-3-1", "2026-02-30", "2026-03-29T25:00Z", "0000", "9999-12-31"]
)
def test_what_is_no_date(text):
    """None, never an exception."""
    assert span(text) is None


def test_discovery_documents(world):
    """The smart-configuration has every required member; the CapabilityStatement names R4 and
    each search parameter.
    """
    configuration = world.http.get("/fhir/.well-known/smart-configuration").json
    needed = {
        "issuer",
        "jwks_uri",
        "authorization_endpoint",
        "token_endpoint",
        "grant_types_supported",
        "capabilities",
        "code_challenge_methods_supported",
    }
    assert needed <= set(configuration) and configuration["code_challenge_methods_supported"] == [
        "S256"
    ]
    statement = world.http.get("/fhir/metadata").json
    kinds = {resource["type"] for resource in statement["rest"][0]["resource"]}
    assert statement["fhirVersion"] == "4.0.1" and kinds == {
        "Patient",
        "Encounter",
        "Observation",
        "Condition",
        "Practitioner",
        "RiskAssessment",
        "Group",
    }
    assert world.http.get("/fhir/metadata").headers["Content-Type"] == "application/fhir+json"


def test_the_signed_in_user_can_be_read(world):
    """fhirUser points to a Practitioner of this server."""
    assert (
        get(world, "Practitioner/demo-clinician", scope="launch openid fhirUser").json["name"][0][
            "family"
        ]
        == "Demonstrator"
    )


def estimate(patient="sepsis", value="1"):
    """Return a RiskAssessment of a patient under an identifier."""
    about = {"status": "final", "subject": {"reference": f"Patient/{patient}"}}
    return {"resourceType": "RiskAssessment", "identifier": [{"value": value}]} | about


def test_an_app_may_create_one_type_once(world):
    """With its scope, of the token's patient, and only one of an identifier where that is asked."""

    def post(body, kind="RiskAssessment", scope="patient/RiskAssessment.cs", **headers):
        sent = world.bearer(scope=f"launch {scope}") | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        return world.http.post(f"/fhir/{kind}", json=body, headers=sent)

    assert post(estimate(), scope="patient/*.rs").status_code == 403
    assert post(estimate(), kind="Observation", scope="patient/*.*").status_code == 403
    assert post(estimate("copd")).status_code == 422
    assert post({"resourceType": "Patient"}).status_code == 400
    first = post(estimate())
    assert first.status_code == 201 and first.headers["Location"].endswith("/_history/1")
    again = post(estimate(), If_None_Exist="identifier=1")
    assert again.status_code == 200 and again.json["id"] == first.json["id"]
    assert post(estimate(value="2"), If_None_Exist="identifier=2").status_code == 201
    assert post(estimate()).status_code == 201
    assert post(estimate(), If_None_Exist="identifier=1").status_code == 412
    found = get(world, "RiskAssessment?patient=sepsis", scope="launch patient/RiskAssessment.s")
    assert found.json["total"] == 3


def test_the_window_takes_messages_of_a_handle_for_its_patient(world):
    """Handshake, done, a draft; nothing without a handle, of another chart, or beyond the scope."""
    scope = "launch messaging/ui messaging/scratchpad patient/Patient.r"
    token = world.token(world.code(scope=scope)).json
    handle = token["smart_web_messaging_handle"]
    assert token["smart_web_messaging_origin"] == "http://localhost:8001"

    def send(kind, payload=(), patient="sepsis", handle=handle):
        told = {"messagingHandle": handle, "messageType": kind, "payload": dict(payload)}
        return world.http.post(f"/chart/{patient}/message", json=told)

    assert send("status.handshake").json == {"payload": {}}
    assert send("ui.done").json["payload"] == {"status": "success"}
    order = {"resourceType": "ServiceRequest", "status": "draft"}
    own = order | {"subject": {"reference": "Patient/sepsis"}}
    taken = send("scratchpad.create", {"resource": own}).json["payload"]
    assert taken["status"] == "201 Created" and taken["location"].startswith("ServiceRequest/")
    assert send("scratchpad.create", {"resource": order}).json["payload"]["status"][:3] == "422"
    assert send("scratchpad.read").json["payload"]["status"] == "501 Not Implemented"
    assert send("ui.done", handle="made-up").status_code == 403
    assert send("ui.done", patient="copd").status_code == 403
    few = world.token(world.code(scope="launch messaging/ui")).json["smart_web_messaging_handle"]
    assert send("scratchpad.create", {"resource": own}, handle=few).status_code == 403
    plain = world.token(world.code(scope="launch patient/Patient.r")).json
    assert "smart_web_messaging_handle" not in plain
