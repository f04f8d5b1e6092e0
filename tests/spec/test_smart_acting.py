"""What a user does with a page: answers, cards held back, messages to the EHR's window, a
RiskAssessment (SMART-57, E5, E7).
"""

import html
import json
import re
import uuid

import pytest
import redis
from fhirclient.models.riskassessment import RiskAssessment
from fhirclient.models.servicerequest import ServiceRequest
from flask import Response

import vigil
from ehr.writing.creating import create
from runtime import store
from runtime.audit.log import Audit
from smartapp.acting import writing as acts_writing
from tests.spec.test_smart_session import CARD, record_card
from tests.support import small_ehr
from tests.support.launch_bench import PUBLIC, Bench, FakePipeline
from tests.support.trials import trial

WINDOW = {
    "smart_web_messaging_handle": "a-handle",
    "smart_web_messaging_origin": "https://ehr.example.org",
}


class Reader:
    """A user on the page of a launch, and the forms of its part."""

    def __init__(self, bench, place=""):
        self.browser = bench.browser()
        self.place = place or self.browser.sign_in()
        self.page = self.browser.get(self.place).text

    def part(self, **options):
        return self.browser.get(f"{self.place}answer", **options)

    @property
    def told(self):
        return html.unescape(re.sub(r"<[^>]+>", " ", self.part().text))

    def fields(self):
        """Return the hidden fields that all forms of the part have."""
        text = self.part().text
        found = dict(re.findall(r'name="(csrf_token|of)" value="([^"]*)"', text))
        return {name: html.unescape(value) for name, value in found.items()}

    def act(self, name, fields=None, **data):
        sent = self.fields() if fields is None else fields
        return self.post(f"{self.place}answer/{name}", sent | data)

    def post(self, path, data, origin=PUBLIC, **headers):
        """POST a form as its own page does, or another."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Origin": origin} if origin else {}
        return self.browser.post(path, data=data, headers=sent)


@pytest.fixture
def known(ehr):
    """An EHR that says who signed in, and is asked to take RiskAssessments."""
    ehr.claims = {"fhirUser": f"{ehr.iss}/Practitioner/dr-1"}
    return ehr


@pytest.fixture
def writing(tmp_path, known):
    return Bench(tmp_path, known, write_risk_assessment=True)


def records(bench, kind):
    """Return the records of a type, oldest first."""
    return list(bench.audit.records(type=kind))[::-1]


def test_an_answer_is_recorded_and_the_newest_counts(bench, known):
    """With user, reason and moment; what was written stands in a record of its own, and the page
    says what was said.
    """
    reader = Reader(bench)
    done = reader.act("say", answer="differ", reason="disagree", comment=" Looks <b>well\r\nnow ")
    assert done.status_code == 303 and done.headers["Location"] == f"{reader.place}answer"
    (answer,), (comment,) = records(bench, "answer"), records(bench, "feedback-comment")
    assert (answer["fb_outcome"], answer["fb_reason"]["code"]) == ("disagreed", "disagree")
    assert answer["fb_published"] == "recipient-does-not-trust"
    assert answer["user"].endswith("|dr-1") and answer["patient"] == "pat-1"
    assert answer["at"] == records(bench, "page")[0]["at"] and answer["card"] is None
    assert comment["comment"] == "Looks <b>well\nnow" and "comment" not in answer
    told = reader.told
    assert "I see it differently: Does not fit the clinical picture" in told
    assert "Looks <b>well\nnow" in told and "Change what you said" in told
    assert reader.act("say", answer="agree").status_code == 303
    assert "I agree" in reader.told.partition("Change")[0] and "well" not in reader.told
    assert [one["fb_outcome"] for one in records(bench, "answer")] == ["disagreed", "agreed"]


def test_an_answer_about_a_card_is_found_in_the_next_session(bench, known):
    """It belongs to the card, and to the user."""
    record_card(bench)
    known.token_extra = {"appContext": {"assessment": CARD}}
    Reader(bench).act("say", answer="agree")
    assert records(bench, "answer")[0]["assessment_id"] == CARD
    assert "You said at" in Reader(bench).told
    known.claims |= {"sub": "dr-2"}
    assert "You said at" not in Reader(bench).told


@pytest.mark.rule("E5")
def test_an_act_has_to_come_from_a_page_of_the_session(bench, known):
    """Neither a missing token nor another session's, nor another site's form: nothing is done."""
    reader, other = Reader(bench), Reader(bench)
    fields, path = reader.fields(), f"{reader.place}answer/say"
    good = fields | {"answer": "agree"}

    def status(data, **more):
        return reader.post(path, data, **more).status_code

    assert status({"of": fields["of"], "answer": "agree"}) == 403
    assert status(good | {"csrf_token": other.fields()["csrf_token"]}) == 403
    assert status(good, origin="https://evil.example") == 403
    assert status(good, origin="null") == 403
    assert status(good, origin="null", Sec_Fetch_Site="cross-site") == 403
    assert status(good, origin=None) == 403
    assert other.post(path, good).status_code == 401
    for act in ("hold", "write", "drafted"):
        data = {"of": fields["of"], "reason": "known", "kind": "lactate"}
        assert reader.post(f"{reader.place}answer/{act}", data).status_code == 403
    assert not records(bench, "answer") and not records(bench, "snooze")
    assert status(good, origin="null", Sec_Fetch_Site="same-origin") == 303


def test_nobody_answers_what_they_have_not_seen(bench, known):
    """The page was loaded again meanwhile, and shows something newer."""
    reader = Reader(bench)
    fields = reader.fields()
    reader.browser.get(reader.place)
    assert reader.act("say", fields, answer="agree").status_code == 409
    assert not records(bench, "answer")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"answer": "maybe"},
        {"answer": "differ"},
        {"answer": "differ", "reason": "made-up"},
        {"answer": "agree", "reason": "known"},
    ],
)
def test_what_no_form_of_ours_sends_is_refused(bench, known, data):
    """And recorded as such, not as an answer."""
    assert Reader(bench).act("say", **data).status_code == 403
    assert not records(bench, "answer")


def test_without_fhir_user_no_card_is_held_back(bench):
    """Nobody knows whose, and the page says so."""
    reader = Reader(bench)
    assert "the EHR did not say who you are" in reader.told
    assert reader.act("hold", reason="known").status_code == 403


class Whole(Bench):
    """Both services as `vigil serve` wires them, with a Redis."""

    def __init__(self, folder, ehr, redis_url, **record):
        super().__init__(folder, ehr, store.connect(redis_url), **record)
        self.app = vigil.create_app(self.settings, redis_url, clock=self.now)
        self.audit = Audit(self.settings.audit_path)

    def call(self, user="Practitioner/dr-1", **context):
        """Call patient-view, and return the record of the answer."""
        body = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self.ehr.iss,
            "fhirAuthorization": {
                "access_token": "token-of-pat-1",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "patient/Patient.read patient/Observation.read",
                "subject": "vigil-1",
            },
            "context": {"userId": user, "patientId": "pat-1"} | context,
        }
        answer = self.app.test_client().post("/cds-services/vigil-patient-view", json=body)
        assert answer.status_code == 200, answer.text
        return next(self.audit.records(type="hook"))


@pytest.fixture
def whole(tmp_path, known):
    server = store.embedded(tmp_path / "redis")
    yield lambda **record: Whole(tmp_path, known, server.url, hook_budget_ms=5000, **record)
    server.stop()


def test_the_next_call_hears_what_was_held_back(whole, known, monkeypatch):
    """For this user and patient, by the rules of a dismissed card: what is grave stays one line,
    and what is graver comes whole. It is recorded, and can be taken back.
    """
    bench = whole()
    reader = Reader(bench)
    assert bench.call("Practitioner/dr-2")["form"] == "whole"
    assert reader.act("hold", reason="known").status_code == 303
    assert "held back for you" in reader.told
    (asked,) = records(bench, "snooze")
    assert (asked["kind"], asked["seen"][0]["user"]) == ("known", "Practitioner/dr-1")
    held = bench.call()
    assert (held["delivery"], held["form"]) == ("snoozed: known", "line")
    assert held["history"]["snoozes"]["known"]["until"] == asked["until"].replace("+00:00", "Z")
    assert bench.call("Practitioner/dr-3")["form"] == "whole"
    worse = small_ehr.VITALS | {"59408-5": (80, "%"), "8310-5": (34.0, "Cel")}
    monkeypatch.setattr(small_ehr, "VITALS", worse)
    assert bench.call()["form"] == "whole"
    assert reader.act("hold", reason="known", end="1").status_code == 303
    assert "held back for you" not in reader.told and records(bench, "snooze")[-1]["ended"]


def test_treatment_limits_hold_for_everybody_in_the_stay(whole, known):
    """As on a card; in another encounter they don't."""
    known.token_extra = {"encounter": "stay-1"}
    bench = whole()
    Reader(bench).act("hold", reason="limits")
    held = bench.call("Practitioner/dr-9", encounterId="stay-1")
    assert held["delivery"] == "snoozed: limits"
    assert bench.call("Practitioner/dr-9", encounterId="stay-2")["form"] == "whole"


def test_a_role_that_was_shown_the_card_is_quiet_too(whole, known):
    """Epic calls with a PractitionerRole and signs in a Practitioner."""
    bench = whole()
    card = bench.call("PractitionerRole/role-1")
    known.token_extra = {"appContext": {"assessment": card["assessment_id"]}}
    Reader(bench).act("hold", reason="known")
    assert bench.call("PractitionerRole/role-1")["delivery"] == "snoozed: known"
    assert bench.call("PractitionerRole/role-2")["form"] == "whole"


def test_what_could_not_be_kept_is_said(bench, known, monkeypatch):
    """The act is recorded, and the user told that cards come as before."""

    def away(pipe):
        raise redis.ConnectionError("away")

    monkeypatch.setattr(FakePipeline, "execute", away)
    answer = Reader(bench).act("hold", reason="known")
    assert answer.status_code == 503 and "cards come as before" in answer.text
    assert records(bench, "snooze")


@pytest.mark.rule("SMART-57")
@pytest.mark.parametrize(
    ("extra", "offered"),
    [
        (WINDOW, True),
        (WINDOW | {"smart_web_messaging_origin": "https://ehr.example.org/"}, True),
        (WINDOW | {"smart_web_messaging_origin": "FHIR"}, True),
        (WINDOW | {"smart_web_messaging_origin": "https://evil.example"}, False),
        (WINDOW | {"smart_web_messaging_origin": "*"}, False),
        (WINDOW | {"smart_web_messaging_origin": "https://ehr.example.org.evil"}, False),
        (WINDOW | {"smart_web_messaging_handle": "x" * 4096}, False),
        ({"smart_web_messaging_handle": "a-handle"}, False),
        ({}, False),
    ],
)
def test_messages_go_only_to_an_origin_that_the_record_names(bench, ehr, extra, offered):
    """A parent of `frame_ancestors`, or the FHIR server's own origin."""
    ehr.token_extra = {name: ehr.url if value == "FHIR" else value for name, value in extra.items()}
    page = Reader(bench).page
    assert ('data-handle="a-handle"' in page) == offered
    assert page.count("data-origin") == int(offered)
    assert 'data-origin="*"' not in page and "evil" not in page


@pytest.mark.rule("SMART-57")
def test_the_drafts_are_the_orders_of_the_card(tmp_path, ehr):
    """Valid ServiceRequests, where the record offers some and the window takes drafts; the outcome
    is recorded.
    """
    ehr.token_extra = WINDOW
    assert "data-draft" not in Reader(Bench(tmp_path, ehr)).part().text
    bench = Bench(tmp_path, ehr, suggestions=["observations", "escalation"])
    reader = Reader(bench)
    found = re.findall(r'data-draft="([^"]*)"', reader.part().text)
    orders = [ServiceRequest(json.loads(html.unescape(one))).as_json() for one in found]
    assert [one["status"] for one in orders] == ["draft", "draft"]
    assert orders[0]["subject"]["reference"] == "Patient/pat-1"
    told = {"kind": "escalation", "status": "201 Created", "place": "ServiceRequest/1"}
    assert reader.act("drafted", **told).status_code == 303
    assert told.items() <= records(bench, "draft-order")[0].items()
    assert reader.act("drafted", kind="lactate", status="201").status_code == 403


@pytest.mark.parametrize(
    ("supported", "asked"),
    [
        (["openid", "messaging/ui", "messaging/scratchpad"], {"messaging/ui"}),
        (["messaging/ui.done", "messaging/fhir"], {"messaging/ui.done"}),
        (["messaging/*"], {"messaging/*"}),
        (["openid"], set()),
    ],
)
@pytest.mark.rule("SMART-57", "SMART-17")
def test_scopes_of_acts_are_asked_for_where_they_are_of_use(tmp_path, ehr, supported, asked):
    """Of messages what the server names, orders only where the record offers some; writing where
    the record says so.
    """
    ehr.configuration = {"scopes_supported": supported}
    for record, more in (({}, set()), ({"write_risk_assessment": True}, {"RiskAssessment"})):
        bench = Bench(tmp_path, ehr, **record)
        bench.browser().callback(ehr.approve(bench.browser().launch()))
        scopes = ehr.codes.popitem()[1]["scope"].split()
        assert {one for one in scopes if one.startswith("messaging/")} == asked
        assert ("patient/RiskAssessment.c" in scopes) == bool(more)


def test_a_risk_assessment_is_written_once(writing, known):
    """Valid in R4, with percentages, the Observations used as basis, and conditional; a second
    click, a reload and a further session write none.
    """
    reader = Reader(writing)
    fields = reader.fields()
    assert "Write it into the chart" in reader.told and not known.written
    assert reader.act("write", fields).status_code == 303
    assert "RiskAssessment/ra-1" in reader.told and "Write it into" not in reader.told
    assert reader.act("write", fields).status_code == 303
    ((sent, headers),) = known.written
    assert RiskAssessment(sent).as_json() == sent
    value = sent["identifier"][0]["value"]
    assert headers["If-None-Exist"] == f"identifier=urn:ietf:rfc:3986|{value}"
    assert headers["Authorization"] == "Bearer token-of-pat-1"
    (page,) = records(writing, "page")[:1]
    by_outcome = {one["outcome"]["text"]: one for one in sent["prediction"]}
    lead = by_outcome[next(name for name in by_outcome if "death" in name)]
    share = lead.get("probabilityDecimal")
    bounds = lead.get("probabilityRange")
    assert (share is None) != (bounds is None)
    assert share is None or share == pytest.approx(100 * page["probability"], abs=0.06)
    for end in (bounds or {}).values():
        assert end["code"] == "%" and end["system"] == "http://unitsofmeasure.org"
    assert {"reference": "Observation/o8867-4"} in sent["basis"]
    assert "not a cleared medical device" in sent["note"][0]["text"]
    assert sent["subject"] == {"reference": "Patient/pat-1"}
    assert [one["outcome"] for one in records(writing, "risk-assessment")] == ["unknown", "created"]
    assert records(writing, "risk-assessment")[0]["resource"] == sent


def test_of_a_card_one_is_written_whoever_clicks(writing, known):
    """The same identifier from each session."""
    record_card(writing)
    known.token_extra = {"appContext": {"assessment": CARD}}
    first, second = Reader(writing), Reader(writing)
    first.act("write")
    assert "RiskAssessment/ra-1" in second.told
    second.act("write", first.fields() | second.fields())
    assert len(known.written) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"declared": {"interaction": [{"code": "read"}]}}, "does not say that it takes"),
        ({"token_extra": {"scope": "patient/*.rs"}}, "did not grant the writing"),
        ({"token_extra": {"scope": "patient/*.*"}}, "Write it into the chart"),
        ({"token_extra": {"scope": "patient/*.rs patient/RiskAssessment.write"}}, "Write it into"),
    ],
)
def test_nothing_is_written_that_was_not_allowed(writing, known, change, words):
    """By the server's own statement, and by the grant; the page says which lacks."""
    for name, value in change.items():
        setattr(known, name, value)
    reader = Reader(writing)
    assert words in reader.told
    may = words.startswith("Write")
    reader.act("write")
    assert len(known.written) == int(may)


STATEMENT = (
    b'{"resourceType":"CapabilityStatement","rest":[{"mode":"server","resource":['
    b'{"type":"RiskAssessment","interaction":[{"code":"create"}]}]}]'
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (STATEMENT + b"}", "Write it into the chart"),
        (b"\xef\xbb\xbf" + STATEMENT + b"}", "Write it into the chart"),
        (STATEMENT + b',"publisher":"caf\xe9"}', "Write it into the chart"),
        (STATEMENT + b',"x":NaN,"y":"\\ud83d"}', "Write it into the chart"),
        (STATEMENT + b',"x":"' + b"y" * 3_000_000 + b'"}', "Write it into the chart"),
        (STATEMENT.replace(b"server", b"client") + b"}", "does not say that it takes"),
        (b'{"resourceType":"CapabilityStatement","rest":5}', "does not say that it takes"),
        (b'{"resourceType":"OperationOutcome"}', "could not be read"),
        (b"[" * 100_000, "could not be read"),
        (b"<html>", "could not be read"),
    ],
    ids=lambda value: str(value[-24:]),
)
def test_what_a_server_declares_is_read_in_any_dress(writing, known, text, words):
    """As a chart is: a mark, half a character or a number that is none costs nothing."""
    known.statement = Response(text)
    assert words in Reader(writing).told


def test_the_token_goes_to_a_statement_only_where_it_is_wanted(writing, known):
    """FHIR has `metadata` open; some gateways close it all the same."""
    known.statement_open = False
    assert "Write it into the chart" in Reader(writing).told
    asked = [headers for path, headers in known.requests if path.endswith("/metadata")]
    assert [headers.get("Authorization") for headers in asked] == [None, "Bearer token-of-pat-1"]


def test_nothing_is_written_unless_the_record_says_so(bench, known):
    """No form, and a POST does nothing."""
    known.token_extra = {"scope": "patient/*.*"}
    reader = Reader(bench)
    assert "into the chart" not in reader.told
    reader.act("write")
    assert not known.written and not records(bench, "risk-assessment")


def test_a_control_arm_writes_nothing_and_offers_no_order_of_a_model(tmp_path, known):
    """What the models say is withheld from every part."""
    known.token_extra = WINDOW
    bench = Bench(
        tmp_path,
        known,
        trial=trial(tmp_path, control_share=0.999),
        write_risk_assessment=True,
        suggestions=["lactate", "cultures", "escalation"],
    )
    reader = Reader(bench)
    assert "estimate is withheld" in reader.told
    reader.act("write")
    assert not known.written
    note = html.unescape(reader.browser.get(f"{reader.place}summary").text)
    for text in (note, reader.part().text):
        assert "sepsis within" not in text and "death in hospital" not in text
    assert "NEWS2" in note and "Not calculated" in note


@pytest.mark.parametrize(
    ("status", "words", "again"),
    [
        (403, "does not let you write this", 303),
        (422, "did not take it", 303),
        (-1, "it is not known whether", 303),
    ],
)
def test_a_failure_says_what_to_do(writing, known, status, words, again):
    """And is recorded; what may have been written is sent again only where the server would find
    the first one.
    """
    known.write_answers = [status]
    reader = Reader(writing)
    answer = reader.act("write")
    assert answer.status_code == 502 and words in answer.text
    assert records(writing, "risk-assessment")[-1]["outcome"] == (
        "unknown" if status < 0 else "failed"
    )
    assert reader.act("write").status_code == again and len(known.written) == 1
    assert "RiskAssessment/ra-1" in reader.told


ERROR = '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception"}]}'
INFORMATION = ERROR.replace('"error"', '"information"')


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, "", "created"),
        (201, b'{"resourceType": "RiskAssessment", "id": "\xff"}', "created"),
        (200, "", "created"),
        (200, INFORMATION, "created"),
        (200, '{"resourceType": "RiskAssessment", "id": "ra-7"}', "created"),
        (200, ERROR, "unknown"),
        (200, "<html>Sign in</html>", "unknown"),
        (200, '{"resourceType": "Patient", "id": "1"}', "unknown"),
        (202, "", "unknown"),
        (204, "", "unknown"),
        (412, ERROR, "unknown"),
        (400, ERROR, "failed"),
        (409, ERROR, "failed"),
        (429, "", "failed"),
    ],
)
def test_only_what_the_server_says_is_told_as_written(writing, known, status, body, outcome):
    """And what it leaves open is told so, and not sent again to a server that knows no condition."""
    known.declared = {"interaction": [{"code": "create"}]}
    known.write_answers = [Response(body, status)]
    reader = Reader(writing)
    fields = reader.fields()
    answer = reader.act("write", fields)
    assert records(writing, "risk-assessment")[-1]["outcome"] == outcome
    assert answer.status_code == (303 if outcome == "created" else 502)
    said = {
        "created": "Written at",
        "unknown": "it is not known whether the EHR",
        "failed": "Write it",
    }
    assert said[outcome] in reader.told
    reader.act("write", fields)
    assert len(known.written) == int(outcome == "failed")


def test_what_may_have_been_written_is_not_sent_again_unconditionally(writing, known):
    """To a server that would make a second one."""
    known.declared = {"interaction": [{"code": "create"}]}
    known.write_answers = [-1]
    reader = Reader(writing)
    fields = reader.fields()
    reader.act("write", fields)
    assert "it is not sent again from here" in reader.told
    reader.act("write", fields)
    assert len(known.written) == 1


def test_a_token_that_is_refused_ends_with_words(writing, known):
    """As for a read: open it again. Where there is a refresh token, another try has a new token."""
    known.write_answers = [401]
    assert Reader(writing).act("write").status_code == 401
    assert records(writing, "risk-assessment")[-1]["outcome"] == "failed"
    known.renewable()
    known.write_answers = [401]
    assert Reader(writing).act("write").status_code == 303
    assert known.written[-1][1]["Authorization"] == "Bearer token-of-pat-1-1"


def test_of_two_clicks_at_once_one_is_carried_out(writing, known, monkeypatch):
    """The second is told to look again, and nothing is written twice."""
    reader = Reader(writing)
    fields, seconds = reader.fields(), []

    def click_meanwhile(*arguments):
        seconds.append(reader.act("write", fields))
        return create(*arguments)

    monkeypatch.setattr(acts_writing, "create", click_meanwhile)
    assert reader.act("write", fields).status_code == 303
    (second,) = seconds
    assert second.status_code == 503 and "not written twice" in second.text
    assert len(known.written) == 1


def test_the_summary_is_the_page_in_words(bench, ehr):
    """As text and as Markdown: no name and no number of the patient, what the page says, what is
    missing, the model.
    """
    reader = Reader(bench)
    part = reader.browser.get(f"{reader.place}summary", headers={"Vigil-Part": "1"}).text
    plain, marked = map(html.unescape, re.findall(r"<textarea[^>]*>(.*?)</textarea>", part, re.S))
    for text in (plain, marked):
        assert "Ada" not in text and "MRN" not in text and "pat-1" not in text
        for words in ("NEWS2", "heart rate 128 /min", "not a cleared medical device", "lactate"):
            assert words in text, words
        assert re.search(r"deterioration \d+\.\d+\.\d+, SHA-256 [0-9a-f]{12}", text)
    assert plain.startswith("Vigil: ") and marked.startswith("# Vigil: ")
    assert "\n\n\n" not in plain + marked and "## Missing" in marked and "#" not in plain
    assert records(bench, "page")[-1]["route"] == "summary"


def test_every_part_works_by_itself(bench, known):
    """Without a script it is a page of its own with the patient's banner, and never kept."""
    reader = Reader(bench)
    for name in ("answer", "summary"):
        page = reader.browser.get(f"{reader.place}{name}")
        assert page.status_code == 200 and "MRN-pat-1" in page.text
        assert page.headers["Cache-Control"] == "no-store"
        alone = reader.browser.get(f"{reader.place}{name}", headers={"Vigil-Part": "1"}).text
        assert "MRN-pat-1" not in alone and "<html" not in alone
