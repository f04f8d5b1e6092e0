"""The demonstration as a CDS client: what it sends is what the standard says, what it shows
can't hurt.
"""

import re
import threading

import pytest
import requests
from flask import Flask
from joserfc import jwt
from werkzeug.serving import make_server

from demo.cards import detail, smart_link, view
from demo.config import DemoConfig
from demo.hooks import HookClient, ServiceError, resolve
from demo.keys import Keys
from tests.support.small_vigil import CARD, EHR, SERVICE, VIGIL, Answer

HOOK = f"{VIGIL}/cds-services/vigil-patient-view"


def opened(world, patient="sepsis"):
    page = world.http.get(f"/chart/{patient}")
    assert page.status_code == 200
    return page.text


@pytest.mark.rule("R101")
@pytest.mark.rule("R102")
@pytest.mark.rule("R103")
def test_every_call_is_signed_for_its_own_address(world):
    """Discovery, hook and feedback: ES384, jku, kid, typ, five minutes, aud of the endpoint, a
    new jti each.
    """
    text = opened(world)
    opening = re.search(r'name="opening" value="([^"]+)"', text)[1]
    world.http.post(
        "/chart/sepsis/feedback",
        data={"opening": opening, "call": 0, "card": 0, "reason": "known", "comment": " seen "},
    )
    assert [url for _, url, _, _ in world.sent] == [
        f"{VIGIL}/cds-services",
        HOOK,
        f"{HOOK}/feedback",
    ]
    ids = set()
    for _, url, _, headers in world.sent:
        token = jwt.decode(
            headers["Authorization"].removeprefix("Bearer "), world.keys(), algorithms=["ES384"]
        )
        assert (
            token.header["typ"] == "JWT"
            and token.header["kid"]
            and token.header["jku"] == f"{EHR}/jwks.json"
        )
        assert (
            token.claims["iss"],
            token.claims["aud"],
            token.claims["exp"] - token.claims["iat"],
        ) == (EHR, url, 300)
        ids.add(token.claims["jti"])
    assert len(ids) == 3
    item = world.sent[2][2]["feedback"][0]
    assert item == {
        "card": CARD["uuid"],
        "outcome": "overridden",
        "outcomeTimestamp": "2026-03-29T13:30:00Z",
        "overrideReason": {"reason": CARD["overrideReasons"][0], "userComment": "seen"},
    }


@pytest.mark.rule("R23")
@pytest.mark.rule("R55")
def test_the_request_is_whole(world):
    """hook, hookInstance, context, fhirServer and a token for this patient that ends with the
    call.
    """
    opened(world)
    body = world.sent[1][2]
    assert (
        body["hook"] == "patient-view"
        and re.fullmatch(r"[0-9a-f-]{36}", body["hookInstance"])
        and body["fhirServer"] == f"{EHR}/fhir"
    )
    assert body["context"] == {
        "userId": "Practitioner/demo-clinician",
        "patientId": "sepsis",
        "encounterId": "sepsis-stay",
    }
    given = body["fhirAuthorization"]
    assert (given["token_type"], given["expires_in"], given["subject"], given["patient"]) == (
        "Bearer",
        300,
        "vigil",
        "sepsis",
    )
    assert (
        world.http.get(
            "/fhir/Patient/sepsis", headers={"Authorization": f"Bearer {given['access_token']}"}
        ).status_code
        == 401
    )


@pytest.mark.rule("R45")
@pytest.mark.rule("R47")
def test_prefetch_equals_the_server_and_leaves_out_what_it_cannot_resolve(world):
    """The same Bundle as a search with a token; a template with an unknown token is not sent."""
    opened(world)
    prefetch = world.sent[1][2]["prefetch"]
    assert set(prefetch) == {"patient", "vitals"}
    query = SERVICE["prefetch"]["vitals"].replace("{{context.patientId}}", "sepsis")
    assert world.http.get(f"/fhir/{query}", headers=world.bearer()).json == prefetch["vitals"]
    assert (
        len(prefetch["vitals"]["entry"]) == 2
        and prefetch["vitals"]["link"][1]["relation"] == "next"
    )


def test_discovery_is_read_once_and_again_after_a_failure(world):
    """A Vigil that comes up later is found."""
    world.discovery = requests.ConnectionError()
    assert "Vigil can&#39;t be reached." in opened(world)
    world.discovery = Answer(200, {"services": [SERVICE]})
    opened(world), opened(world)
    assert [method for method, *_ in world.sent] == ["GET", "GET", "POST", "POST"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(200, {"cards": []}), "No card came for this chart."),
        (
            Answer(
                412,
                {
                    "resourceType": "OperationOutcome",
                    "issue": [{"diagnostics": "Prefetch <is> missing."}],
                },
            ),
            "412: Prefetch &lt;is&gt; missing.",
        ),
        (Answer(401, None), "answered 401."),
        (Answer(200, {"cards": None}), "not in the form that CDS Hooks defines"),
        (Answer(200, []), "not in the form that CDS Hooks defines"),
        (Answer(200, {"cards": [{"summary": "no source"}, 7]}), "A card was left out"),
        (Answer(200, {"cards": [CARD | {"indicator": ["critical"]}]}), "A card was left out"),
        (
            Answer(200, {"cards": [CARD | {"suggestions": [{}], "selectionBehavior": {}}]}),
            "A card was left out",
        ),
        (Answer(200, {"cards": [CARD | {"links": [{"label": "x", "type": []}]}]}), "Critical"),
        (Answer(500, {"resourceType": "OperationOutcome", "issue": 7}), "answered 500."),
        (requests.Timeout(), "Vigil did not answer in time."),
    ],
)
def test_the_page_says_plainly_what_came(world, answer, words):
    """No card, an error with its OperationOutcome, garbage: always a page."""
    world.hook = answer
    assert words in opened(world)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    """Behind a hospital's proxy the demonstration still reaches Vigil on its own host."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    # Flask's own server answers 404, which only one who reached it can report.
    server = make_server("127.0.0.1", 0, Flask("empty"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with pytest.raises(ServiceError, match="answer can't be read"):
            HookClient(
                DemoConfig(vigil_url=f"http://127.0.0.1:{server.port}"), None, None, Keys()
            ).services()
    finally:
        server.shutdown()
        thread.join()


def test_what_a_card_says_is_escaped_and_cleaned(world):
    """No script, image, handler or script link of a card reaches the page; tables and bold do."""
    text = opened(world)
    assert "<script>alert" not in text and "onerror=alert" not in text.replace(
        "&lt;img src=x onerror=alert(1)&gt;", ""
    )
    assert "javascript:" not in re.sub(r">[^<]*<", "><", text) and "evil.example" not in text
    assert (
        "<strong>Bold</strong>" in text
        and "<td>1</td>" in text
        and "Critical" in text
        and "Strange app" not in text
    )
    assert detail(None) == "" and detail({"a": 1}) == ""


def test_cards_that_break_a_must_are_not_shown():
    """Indicator, source, summary, and the selection behaviour of suggestions."""
    assert view(CARD, VIGIL)["word"] == "Critical"
    for change in (
        {"indicator": "hard-stop"},
        {"source": {}},
        {"source": "Vigil"},
        {"summary": ""},
        {"suggestions": [{"label": "x"}]},
    ):
        assert view(CARD | change, VIGIL) is None
    assert view(CARD | {"suggestions": [{"label": "x"}], "selectionBehavior": "any"}, VIGIL)


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "https://evil.example/launch",
        f"{VIGIL}.evil.example/launch",
        f"{VIGIL}/launch#x",
        f"{VIGIL}/a b",
        f"{VIGIL}\\@evil",
    ],
)
def test_only_the_registered_app_is_launched(url):
    """A SMART link elsewhere is not offered, and can't be reached by its number."""
    assert smart_link({"links": [{"label": "x", "type": "smart", "url": url}]}, 0, VIGIL) is None


@pytest.mark.rule("R87")
def test_a_smart_link_becomes_an_ehr_launch(world):
    """The app's URL with an opaque launch and our FHIR base; the plain button works without a
    card.
    """
    opening = re.search(r"opening=([\w-]+)", opened(world))[1]
    answer = world.http.get(f"/chart/sepsis/launch?opening={opening}&call=0&card=0&link=0")
    assert (
        answer.status_code == 302
        and answer.location.startswith(f"{VIGIL}/launch?launch=")
        and answer.location.endswith("&iss=http%3A%2F%2Flocalhost%3A8001%2Ffhir")
    )
    assert "sepsis" not in answer.location
    assert world.http.get("/chart/sepsis/launch").status_code == 302


@pytest.mark.parametrize(
    "query",
    [
        "opening=x&call=0&card=0&link=0",
        "opening={o}&call=0&card=9&link=0",
        "opening={o}&call=9&card=0&link=0",
        "opening={o}&call=0&card=0&link=1",
        "opening={o}&call=x&card=y",
    ],
)
def test_only_what_was_shown_can_be_launched(world, query):
    """Another chart's opening, a missing card, an unregistered link: 404."""
    opening = re.search(r"opening=([\w-]+)", opened(world))[1]
    assert world.http.get(f"/chart/sepsis/launch?{query.format(o=opening)}").status_code == 404
    assert (
        world.http.get(f"/chart/copd/launch?opening={opening}&call=0&card=0&link=0").status_code
        == 404
    )


def test_feedback_that_fails_is_said(world):
    """The dismissal page tells whether Vigil knows; a reload of the chart of that opening does
    not call the hook again.
    """
    opening = re.search(r'name="opening" value="([^"]+)"', opened(world))[1]
    world.feedback = Answer(
        503, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "Away."}]}
    )
    page = world.http.post(
        "/chart/sepsis/feedback",
        data={"opening": opening, "call": 0, "card": 0},
        follow_redirects=True,
    )
    assert "Vigil could not be told. Feedback answered 503: Away." in page.text
    assert [url for _, url, _, _ in world.sent].count(HOOK) == 1
    assert "overrideReason" not in world.sent[-1][2]["feedback"][0]


def test_the_developer_page_hides_the_token(world):
    """Request and response as JSON, the access token not."""
    opening = re.search(r"opening=([\w-]+)", opened(world))[1]
    page = world.http.get(f"/chart/sepsis/developer?opening={opening}").text
    token = world.sent[1][2]["fhirAuthorization"]["access_token"]
    assert (
        token not in page
        and "not shown" in page
        and "hookInstance" in page
        and "&lt;script&gt;" in page
    )
    assert world.http.get(f"/chart/copd/developer?opening={opening}").status_code == 404


def test_pages_carry_their_headers(world):
    """Only Vigil may be framed, nothing is kept, and every page says what it is."""
    for path in ("/", "/chart/sepsis", "/chart/nobody"):
        answer = world.http.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert (
            f"frame-src 'self' {VIGIL} {EHR};" in policy
            and "default-src 'none'" in policy
            and answer.headers["Cache-Control"] == "no-store"
        )
        assert "Demonstration EHR: synthetic patients, not real people" in answer.text
    assert world.http.get("/readyz").json == {"status": "ok"}


def test_templates_are_resolved_from_context():
    """First-level context fields and the user's id; everything else is not known here."""
    context = {"patientId": "p1", "userId": "Practitioner/demo-clinician"}
    assert (
        resolve("Patient/{{ context.patientId }}?x={{userPractitionerId}}", context)
        == "Patient/p1?x=demo-clinician"
    )
    assert resolve("Encounter/{{context.encounterId}}", context) is None


ORDER = {
    "resourceType": "ServiceRequest",
    "status": "draft",
    "intent": "proposal",
    "priority": "stat",
    "code": {"text": "Blood lactate"},
    "subject": {"reference": "Patient/sepsis"},
}


def suggested(label, number, **resource):
    action = {"type": "create", "description": label, "resource": ORDER | resource}
    return {
        "label": label,
        "uuid": f"00000000-0000-0000-0000-00000000000{number}",
        "actions": [action],
    }


def suggesting(world, behaviour="any", **resource):
    """Let the stand-in suggest two orders and one thing that this client can't do."""
    update = suggested("Change the diet", 3)
    update["actions"][0]["type"] = "update"
    both = [suggested("Measure lactate", 1, **resource), suggested("<b>Call</b>", 2), update]
    card = CARD | {"suggestions": both, "selectionBehavior": behaviour}
    world.hook = Answer(200, {"cards": [card]})
    text = opened(world)
    opening = re.search(r'name="opening" value="([^"]+)"', text)[1]
    return text, {"opening": opening, "call": 0, "card": 0}


def accepted(world):
    return [body["feedback"][0] for _, url, body, _ in world.sent if url.endswith("/feedback")]


@pytest.mark.rule("R76")
@pytest.mark.rule("R78")
def test_a_suggestion_is_a_button_that_orders_and_tells(world):
    """Once: a second press orders and tells nothing more."""
    text, here = suggesting(world)
    assert ">Measure lactate</button>" in text and "&lt;b&gt;Call" in text
    assert "Change the diet" not in text and "Orders" not in text
    for _ in range(2):
        answer = world.http.post("/chart/sepsis/accept", data=here | {"suggestion": 0})
        assert answer.status_code == 303
    (item,) = accepted(world)
    assert item["outcome"] == "accepted" and item["card"] == CARD["uuid"]
    assert item["acceptedSuggestions"] == [{"id": "00000000-0000-0000-0000-000000000001"}]
    page = world.http.get(answer.location).text
    assert page.count("Blood lactate: draft, stat") == 1
    assert "Ordered, and Vigil has been told." in page and "Measure lactate (ordered)" in page
    assert "Blood lactate" not in opened(world, "stable")


@pytest.mark.rule("R73")
def test_of_at_most_one_a_second_is_not_ordered(world):
    _, here = suggesting(world, "at-most-one")
    for number in (0, 1):
        world.http.post("/chart/sepsis/accept", data=here | {"suggestion": number})
    assert len(accepted(world)) == 1


def test_only_what_stands_on_this_chart_is_ordered(world):
    """Not what was not suggested, not what this client can't do, nothing for another patient."""
    _, here = suggesting(world, subject={"reference": "Patient/stable"})
    for number in ("2", "3", "-1", "x", "0"):
        answer = world.http.post("/chart/sepsis/accept", data=here | {"suggestion": number})
        assert answer.status_code == 404
    assert world.http.post("/chart/stable/accept", data=here | {"suggestion": 1}).status_code == 404
    assert not accepted(world)


def test_an_order_stands_though_vigil_could_not_be_told(world):
    _, here = suggesting(world)
    world.feedback = Answer(503, None)
    answer = world.http.post("/chart/sepsis/accept", data=here | {"suggestion": 0})
    assert "Ordered. Vigil could not be told." in world.http.get(answer.location).text
