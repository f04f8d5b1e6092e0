"""The demonstration plays each vendor's client: what it asks, what it shows, what was decided."""

import json
import re
import sqlite3
import uuid
from dataclasses import fields

import pytest
from joserfc import jwt

from demo.cards import view
from demo.patients.generate import generate
from demo.patients.rounds import charted
from demo.playing.clients import EVENTS, PLAYED, TRIGGER, Played
from demo.playing.decisions import decided
from demo.playing.request import UUIDS, body
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.support.small_vigil import CARD, EHR, SERVICE, VIGIL, Answer, World

PLAIN = {"resourceType": "Bundle", "type": "searchset", "total": 0}
ORDER = {"resourceType": "ServiceRequest", "status": "draft"}
SUGGESTION = {
    "label": "Lactate",
    "uuid": "s1",
    "actions": [{"type": "create", "description": "Order a lactate", "resource": ORDER}],
}


def ask(world, client, user="doctor", patient="sepsis"):
    """Open a chart as a client and return the page, the request and what its token says."""
    page = world.http.get(f"/chart/{patient}?client={client}&user={user}")
    assert page.status_code == 200
    _, _, request, headers = world.sent[-1]
    played = PLAYED[client]
    text = headers["Authorization"].removeprefix("Bearer ")
    token = jwt.decode(text, world.keys(), algorithms=[played.algorithm])
    return page.text, request, token


@pytest.mark.parametrize("client", PLAYED)
def test_each_client_names_its_own_base_and_issuer(world, client):
    """By which Vigil finds its record, and its profile; the base answers, and starts the app."""
    _, request, token = ask(world, client)
    base = PLAYED[client].base(EHR)
    assert request["fhirServer"] == base and token.claims["iss"] == PLAYED[client].named(EHR)
    assert world.http.get(f"{base}/metadata").json["implementation"]["url"] == base
    assert world.http.get(f"{base}/Patient/sepsis").status_code == 401
    launch = world.http.get(f"/chart/sepsis/launch?client={client}").location
    assert f"iss={base.replace(':', '%3A').replace('/', '%2F')}" in launch
    claims = jwt.decode(
        world.token(world.code(aud=base)).json["id_token"], world.keys(), algorithms=["RS256"]
    ).claims
    assert claims["fhirUser"] == f"{base}/Practitioner/demo-clinician"


def test_epic_asks_as_its_tutorial_says(world):
    """Version-1 UUID, text extensions, its own scopes and keys, whole references, `sub` and `nbf`."""
    _, request, token = ask(world, "epic")
    assert uuid.UUID(request["hookInstance"]).version == 1
    assert all(isinstance(value, str) for value in request["extension"].values())
    assert request["context"]["userId"] == "PractitionerRole/demo-clinician"
    given = request["fhirAuthorization"]
    assert "(Vital Signs)" in given["scope"] and given["expires_in"] == 300
    assert "patient" not in given and set(request["prefetch"]) == {"-patient", "vitals"}
    about = request["prefetch"]["vitals"]["entry"][0]["resource"]["subject"]["reference"]
    assert about == f"{EHR}/epic/fhir/Patient/sepsis"
    claims = token.claims
    assert token.header["alg"] == "RS384" and claims["sub"] == claims["iss"]
    assert (claims["exp"] - claims["iat"], claims["iat"] - claims["nbf"]) == (900, 300)
    assert ask(world, "epic", "nurse")[1]["context"]["userId"] == "Practitioner/demo-nurse"


def test_an_empty_search_of_epic_holds_an_outcome():
    made = body(PLAYED["epic"], EHR, "patient-view", {}, {}, {"labs": PLAIN, "patient": None})
    (entry,) = made["prefetch"]["labs"]["entry"]
    assert entry["search"] == {"mode": "outcome"} and made["prefetch"]["-patient"] is None
    assert (
        body(PLAYED["generic"], EHR, "patient-view", {}, {}, {"labs": PLAIN})["prefetch"]["labs"]
        == PLAIN
    )


@pytest.mark.parametrize("client", ["medplum", "sandbox"])
def test_without_a_launch_no_stay_and_no_access_token(world, client):
    _, request, _ = ask(world, client)
    assert set(request["context"]) == {"userId", "patientId"}
    assert "fhirAuthorization" not in request and request["prefetch"]


@pytest.mark.parametrize("user", ["doctor", "nurse", "new", "patient"])
def test_the_user_can_be_changed(world, user):
    """In the call, and in who is signed in when the app is launched from its card."""
    text, request, _ = ask(world, "generic", user)
    assert request["context"]["userId"].startswith("Patient/" if user == "patient" else "Pract")
    link = re.search(r'href="([^"]+/launch[^"]+link=[^"]+)"', text)[1].replace("&amp;", "&")
    code = world.code(launch=re.search("launch=([^&]+)", world.http.get(link).location)[1])
    token = world.token(code).json["id_token"]
    claims = jwt.decode(token, world.keys(), algorithms=["RS256"]).claims
    assert claims["fhirUser"] == f"{EHR}/fhir/{request['context']['userId']}"


def test_somebody_new_is_nobody_who_was_here_before(world):
    """To whom Vigil showed nothing yet, and so gives the whole card."""
    users = {ask(world, "generic", "new")[1]["context"]["userId"] for _ in range(3)}
    assert len(users) == 3 and all(user.startswith("Practitioner/demo-") for user in users)


def test_each_client_shows_the_card_in_its_own_way():
    """Labels or descriptions, links that nobody registered, icon, HTML, dismissal."""
    links = [*CARD["links"], {"label": "Guide", "type": "absolute", "url": "https://a.example/"}]
    source = {"label": "Vigil", "icon": f"{VIGIL}/static/icon.png"}
    card = CARD | {"links": links, "source": source, "detail": "<em>x</em><script>y</script>"}
    card |= {"suggestions": [SUGGESTION], "selectionBehavior": "any"}
    shown = {name: view(card, VIGIL, played) for name, played in PLAYED.items()}
    assert shown["generic"]["suggestions"][0]["label"] == "Lactate"
    assert [link["label"] for link in shown["generic"]["links"]] == ["Explain", "Guide"]
    assert shown["epic"]["suggestions"][0]["label"] == "Order a lactate"
    assert [link["label"] for link in shown["epic"]["links"]] == ["Vigil (as registered)"]
    assert shown["oracle"] is None
    assert shown["sandbox"]["icon"] == source["icon"] and not shown["generic"]["icon"]
    assert shown["sandbox"]["detail"] == "<p><em>x</em></p>\n"
    assert "&lt;em&gt;x" in shown["generic"]["detail"]


def test_oracle_pops_up_what_is_critical_and_takes_no_feedback(world):
    """And puts the rest aside; its launch has no appContext."""
    text, _, _ = ask(world, "oracle")
    assert '<dialog class="popup" open' in text and "Dismiss this card" not in text
    opening = re.search(r"opening=([\w-]+)", text)[1]
    here = {"opening": opening, "call": 0, "card": 0}
    assert world.http.post("/chart/sepsis/feedback", data=here).status_code == 404
    query = "&".join(f"{name}={value}" for name, value in here.items())
    location = world.http.get(f"/chart/sepsis/launch?{query}&link=0").location
    launch = re.search("launch=([^&]+)", location)[1]
    answer = world.token(world.code(launch=launch, aud=f"{EHR}/oracle/fhir")).json
    assert answer["patient"] == "sepsis" and "appContext" not in answer
    world.hook = Answer(200, {"cards": [CARD | {"indicator": "info"}]})
    assert '<div class="side">' in ask(world, "oracle")[0]


def test_epics_override_has_its_own_name(world):
    opening = re.search(r'name="opening" value="([^"]+)"', ask(world, "epic")[0])[1]
    data = {"opening": opening, "call": 0, "card": 0, "reason": "known"}
    page = world.http.post("/chart/sepsis/feedback", data=data, follow_redirects=True)
    item = world.sent[-1][2]["feedback"][0]
    assert item["overrideReasons"]["reason"]["code"] == "known" and "overrideReason" not in item
    assert "Dismissed (Already known), and Vigil has been told." in page.text


def test_the_choice_is_kept_from_page_to_page(world):
    page = world.http.get("/chart/sepsis?client=epic&user=nurse").text
    assert 'href="/?client=epic&amp;user=nurse"' in page
    listed = world.http.get("/?client=epic&user=nurse").text
    assert "/chart/copd?client=epic&amp;user=nurse" in listed
    assert "client=" not in world.http.get("/?client=x&user=y").text


@pytest.mark.parametrize("patient", ["sepsis", "copd", "chart-mess", "sparse"])
def test_a_worse_round_is_worse_and_read(world, patient):
    """It stands in the chart of every client, is read by Vigil's reader, and opens the chart."""
    before = next(one for one in generate(world.now) if one.id == patient)
    same, worse = charted(before, world.now, False), charted(before, world.now, True)
    found = [
        {r.variable: r.value for r in read_chart(map(parse_one, made), patient, world.now).readings}
        for made in (same, worse)
    ]
    assert found[1]["heart_rate"] > found[0]["heart_rate"] and found[1]["spo2"] < found[0]["spo2"]
    for _ in range(2):
        page = world.http.post(f"/chart/{patient}/round", data={"round": "worse", "client": "epic"})
    text = world.http.get(page.location).text
    assert "Worse vital signs were charted." in text and "29 Mar 13:30" in text
    vitals = world.sent[-1][2]["prefetch"]["vitals"]["entry"]
    times = [one["resource"]["effectiveDateTime"] for one in vitals]
    assert times.count(world.now.isoformat()) == 1


def parse_one(resource):
    return parse(resource).resources[0]


def log_of(tmp_path, **record):
    """Return an audit log with one record, as far as the demonstration reads it."""
    path = tmp_path / "audit.sqlite"
    with sqlite3.connect(path) as log:
        log.execute("CREATE TABLE audit (seq, hook_instance, type, body)")
        for seq, (name, found) in enumerate(record.items()):
            row = (seq, name, "hook", json.dumps(found).encode())
            log.execute("INSERT INTO audit VALUES (?, ?, ?, ?)", row)
    return path


def test_what_vigil_decided_stands_beside_what_the_client_saw(monkeypatch, tmp_path):
    """Read from the log by the call's own name; the chart in it is left out."""
    record = {"shown": False, "delivery": "quiet period", "level": "info", "chart": {"x": "secret"}}
    until = {"form": "line", "until": "2026-03-29T21:30:00+00:00"}
    world = World(monkeypatch, audit_log=tmp_path / "audit.sqlite")
    names = iter([uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)])
    monkeypatch.setitem(UUIDS, 4, lambda: next(names))
    log_of(tmp_path, **{str(uuid.UUID(int=1)): record, str(uuid.UUID(int=2)): record | until})
    world.hook = Answer(200, {"cards": []})
    assert "held back: quiet period; level info" in world.http.get("/chart/sepsis").text
    text = world.http.get("/chart/sepsis").text
    assert "one line: quiet period, until 2026-03-29 21:30 UTC" in text
    assert text.count("no card") == 2
    assert "not at hand" in world.http.get("/chart/sepsis").text
    opening = re.search(r"developer\?opening=([\w-]+)", text)[1]
    page = world.http.get(f"/chart/sepsis/developer?opening={opening}").text
    assert "quiet period" in page and "secret" not in page


@pytest.mark.parametrize("content", [None, b"no database", b""])
def test_a_log_that_cannot_be_read_keeps_no_chart_back(tmp_path, content):
    path = tmp_path / "audit.sqlite"
    if content is not None:
        path.write_bytes(content)
    assert decided(path, "x") is None and decided(None, "x") is None


@pytest.mark.parametrize("member", [field.name for field in fields(Played)])
def test_the_table_says_only_what_differs(member):
    """A member that is the same for all clients would be none."""
    assert any(
        getattr(one, member) != getattr(PLAYED["generic"], member) for one in PLAYED.values()
    )


@pytest.mark.parametrize("event", EVENTS)
def test_admitting_and_discharging_call_a_service_of_their_own(world, event):
    """By the buttons of the chart, with the Encounter that the service asks for."""
    template = {"encounter": "Encounter/{{context.encounterId}}"}
    own = {"hook": event, "id": f"vigil-{event}", "title": "Vigil", "prefetch": template}
    world.discovery = Answer(200, {"services": [SERVICE, own]})
    assert f"event={event}" in world.http.get("/chart/sepsis").text
    assert world.http.get(f"/chart/sepsis?event={event}").status_code == 200
    _, url, request, _ = world.sent[-1]
    assert url.endswith(f"/cds-services/vigil-{event}") and request["hook"] == event
    assert request["prefetch"]["encounter"]["id"] == request["context"]["encounterId"]


@pytest.mark.parametrize(("event", "number"), [(e, row[1]) for e, row in EVENTS.items()])
def test_epic_sends_them_as_the_opening_of_a_chart_with_their_number(world, event, number):
    world.http.get(f"/chart/sepsis?client=epic&event={event}")
    _, url, request, _ = world.sent[-1]
    assert url.endswith("/cds-services/vigil-patient-view") and request["hook"] == "patient-view"
    assert request["extension"][TRIGGER] == number
