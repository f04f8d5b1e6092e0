"""The open FHIR base answers the CDS Hooks Sandbox, a page without a token, and nobody else's page."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.small_vigil import EHR, VIGIL, World

SANDBOX = "http://localhost:8080"
OPEN = f"{EHR}/open/fhir"
CONTEXT = '{"assessment": "a1"}'


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch, sandbox=SANDBOX)


def ask(world, body, path="/open/fhir/_services/smart/Launch", **headers):
    return world.http.post(path, json=body, headers={"Origin": SANDBOX} | headers)


def launch_request(**changes):
    """Return what the Sandbox posts when it shows a card's SMART link; None leaves one out."""
    given = {
        "patient": "sepsis",
        "smart_messaging_origin": SANDBOX,
        "appContext": CONTEXT,
    } | changes
    parameters = {name: value for name, value in given.items() if value is not None}
    return {"launchUrl": f"{VIGIL}/launch", "parameters": parameters}


def test_without_a_sandbox_there_is_no_open_base(monkeypatch):
    """Neither reads nor launches, and its address is no audience."""
    world = World(monkeypatch)
    assert world.http.get("/open/fhir/Patient/sepsis").status_code == 404
    assert ask(world, launch_request()).status_code == 404
    assert world.back(world.authorize(aud=OPEN))["error"] == "invalid_request"
    assert b"Sandbox" not in world.http.get("/").data


@pytest.mark.parametrize(
    "path",
    [
        "metadata",
        ".well-known/smart-configuration",
        "Patient",
        "Patient/sepsis",
        "Condition?patient=sepsis",
    ],
)
def test_reads_are_open_to_the_page(world, path):
    """What it asks before a chart is shown: 200 without a token, and its origin may see it."""
    answer = world.http.get(f"/open/fhir/{path}", headers={"Origin": SANDBOX})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SANDBOX
    assert "Origin" in answer.headers.getlist("Vary")


def test_a_search_reaches_the_charts_it_names(world):
    """Every patient, one, two by a list, none for an unknown one or for two at once; its links
    keep to the open base.
    """
    everyone = world.http.get("/open/fhir/Patient").json
    assert everyone["total"] == len(world.config.load_patients())
    subjects = {
        query: {
            entry["resource"]["subject"]["reference"]
            for entry in world.http.get(f"/open/fhir/Condition?{query}").json.get("entry", ())
        }
        for query in ("patient=copd", "subject=Patient/copd,Patient/sepsis", "patient=nobody")
    }
    assert list(subjects.values()) == [
        {"Patient/copd"},
        {"Patient/copd", "Patient/sepsis"},
        set(),
    ]
    assert world.http.get("/open/fhir/Condition?patient=copd&patient=sepsis").json["total"] == 0
    page = world.http.post("/open/fhir/Observation/_search", data={"patient": "copd", "_count": 1})
    links = [link["url"] for link in page.json["link"]] + [page.json["entry"][0]["fullUrl"]]
    assert len(links) == 3 and all(url.startswith(f"{OPEN}/Observation") for url in links)


def test_an_open_base_still_refuses(world):
    """A made-up token, another patient than the token's, a type or an id that is not there."""
    get = world.http.get
    assert get("/open/fhir/Patient", headers={"Authorization": "Bearer no"}).status_code == 401
    assert get("/open/fhir/Patient/copd", headers=world.bearer()).status_code == 403
    for path in ("Medication", "Medication/1", "Patient/nobody"):
        answer = get(f"/open/fhir/{path}", headers={"Origin": SANDBOX})
        assert answer.status_code == 404 and answer.json["resourceType"] == "OperationOutcome"
        assert answer.headers["Access-Control-Allow-Origin"] == SANDBOX


def test_the_closed_base_stays_closed(world):
    """A Sandbox changes nothing at /fhir: a token is needed, and no other page may read it."""
    answer = world.http.get("/fhir/Patient/sepsis", headers={"Origin": SANDBOX})
    assert answer.status_code == 401 and "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origin", ["http://localhost:8081", "null", "https://evil.example", None])
def test_another_page_is_not_let_in(world, origin):
    """Only the configured origin is named, and never `*`."""
    headers = {"Origin": origin} if origin else {}
    for answer in (
        world.http.get("/open/fhir/Patient", headers=headers),
        world.http.options("/open/fhir/_services/smart/Launch", headers=headers),
    ):
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("slash", ["/", "//"])
def test_a_preflight_allows_the_launch_request(world, slash):
    """By 200 without a redirect, which a preflight may not have, even where a slash doubled."""
    wanted = {
        "Origin": SANDBOX,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = world.http.options(f"/open/fhir{slash}_services/smart/Launch", headers=wanted)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SANDBOX
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()


@pytest.mark.parametrize(("slash", "aud"), [("/", OPEN), ("//", f"{OPEN}/")])
def test_a_launch_leads_to_a_token_with_its_context(world, slash, aud):
    """Patient, stay and appContext of the request come with the token; `iss`, and so `aud`, is the
    base as its user typed it.
    """
    answer = ask(world, launch_request(), f"/open/fhir{slash}_services/smart/Launch")
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SANDBOX
    granted = world.token(world.code(launch=answer.json["launch_id"], aud=aud)).json
    assert (granted["patient"], granted["encounter"]) == ("sepsis", "sepsis-stay")
    assert granted["appContext"] == CONTEXT
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    assert world.http.get("/open/fhir/Patient/sepsis", headers=headers).json["id"] == "sepsis"
    assert world.http.get("/open/fhir/Patient/copd", headers=headers).status_code == 403


def test_a_launch_id_needs_no_encoding_and_waits_for_the_click(world):
    """The Sandbox puts it into a URL as it is, asks for it when the card comes, and may open the
    link twice.
    """
    name = ask(world, launch_request(appContext=None)).json["launch_id"]
    assert parse_qs(f"launch={name}") == {"launch": [name]}
    world.later(minutes=59)
    for _ in range(2):
        assert "appContext" not in world.token(world.code(launch=name, aud=OPEN)).json
    world.later(minutes=2)
    assert world.back(world.authorize(launch=name, aud=OPEN))["error"] == "invalid_request"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"launchUrl": f"{VIGIL}/launch"},
        {"launchUrl": f"{VIGIL}/launch", "parameters": ["sepsis"]},
        launch_request(patient=None),
        launch_request(patient="nobody"),
        launch_request(patient=["sepsis"]),
        launch_request() | {"launchUrl": "https://evil.example/launch"},
        launch_request() | {"launchUrl": None},
    ],
)
def test_a_launch_request_that_says_too_little_is_refused(world, body):
    """400 with an OperationOutcome; no launch for an app that is not registered."""
    answer = ask(world, body)
    assert answer.status_code == 400 and answer.json["resourceType"] == "OperationOutcome"


def test_a_form_of_another_site_cannot_launch(world):
    """A body that a browser sends without a preflight is not read."""
    text = '{"launchUrl": "http://localhost:8000/launch", "parameters": {"patient": "sepsis"}}'
    path = "/open/fhir/_services/smart/Launch"
    assert world.http.post(path, data=text, content_type="text/plain").status_code == 400


def test_a_token_launches_its_own_patient_only(world):
    """403 for another patient, 401 for a token that is not right."""
    headers = world.bearer()
    assert ask(world, launch_request(), **headers).status_code == 200
    assert ask(world, launch_request(patient="copd"), **headers).status_code == 403
    assert ask(world, launch_request(), Authorization="Bearer made-up").status_code == 401


def test_the_patient_list_leads_to_the_sandbox(world):
    """Each patient has a link that names the open base and Vigil's discovery."""
    page = world.http.get("/").text
    links = [part.split('"')[0].replace("&amp;", "&") for part in page.split('href="')]
    found = {
        query["patientId"][0]: query
        for link in links
        if link.startswith(f"{SANDBOX}/?") and (query := parse_qs(urlsplit(link).query))
    }
    assert found.keys() == {patient.id for patient in world.config.load_patients()}
    assert found["sepsis"]["fhirServiceUrl"] == [OPEN]
    assert found["sepsis"]["serviceDiscoveryURL"] == [f"{VIGIL}/cds-services"]
