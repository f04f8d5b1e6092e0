"""The lists of charts: whose charts appear, what is withheld, what is recorded (E6, E7, SMART-32)."""

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from flask import Response

from models.assess import assess
from models.judged import judged
from models.patient.chart import Chart, Reading
from smartapp.cookies import cookie_name
from smartapp.patients import rounds
from smartapp.patients.chart import assess_chart
from smartapp.session import Sessions, Ticket
from tests.support.launch_bench import PUBLIC, Bench
from tests.support.trials import trial

ME = "Practitioner/dr-1"
USER_SCOPES = "launch openid fhirUser user/Patient.rs user/Observation.rs user/Group.rs"
ILL = {
    "heart_rate": 128.0,
    "respiratory_rate": 29.0,
    "spo2": 88.0,
    "systolic": 84.0,
    "temperature": 38.9,
    "acvpu": 0.0,
    "fio2": 0.21,
}
WELL = ILL | {
    "heart_rate": 70.0,
    "respiratory_rate": 15.0,
    "spo2": 98.0,
    "systolic": 124.0,
    "temperature": 36.8,
}


def called(bench, patient, user=ME, values=WELL, hours=1.0, ehr="test", **more) -> dict:
    """Write what the hook service wrote of a call, some hours ago."""
    at = datetime.now(UTC) - timedelta(hours=hours)
    taken = at - timedelta(minutes=30)
    readings = tuple(
        sorted(Reading(taken, name, value, f"Observation/{name}") for name, value in values.items())
    )
    chart = Chart(patient, datetime(1951, 3, 9).date(), "female", False, readings, {})
    found = judged(assess(chart, at, bench.models))
    record = {
        "ehr": ehr,
        "patient": patient,
        "user": user,
        "at": at.isoformat(),
        "chart": chart.as_json(),
        "shown": True,
        "form": "whole",
        "delivery": "first",
    }
    bench.audit.append("hook", found | record | more)
    return found


@pytest.fixture
def signed_in(ehr):
    """An EHR that says who signed in."""
    ehr.claims = {"fhirUser": f"{ehr.iss}/{ME}"}
    return ehr


def listed(bench, of="") -> tuple[str, str]:
    """Return the list of a fresh session, and its address."""
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    answer = browser.get(f"{place}charts", query_string={"of": of} if of else {})
    assert answer.status_code == 200
    return answer.text, place


def patients(page: str) -> list[str]:
    return re.findall(r"<strong>Patient ([\w.-]+)</strong>", page)


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def of_models(page: str) -> list[str]:
    """Return what a page says that only a model can know."""
    return re.findall("sepsis|death|points", text(page))


def test_only_this_users_charts_of_this_ehr_and_time_are_listed(bench, signed_in):
    """Whichever form the reference has; another user's, another EHR's and old ones never."""
    called(bench, "mine")
    called(bench, "absolute", user=f"{signed_in.iss}/{ME}")
    called(bench, "other-user", user="Practitioner/dr-2")
    called(bench, "other-server", user=f"https://elsewhere.example.org/fhir/{ME}")
    called(bench, "role", user="PractitionerRole/dr-1")
    called(bench, "other-ehr", ehr="other")
    page, _ = listed(bench)
    assert sorted(patients(page)) == ["absolute", "mine"]
    assert "no census: a patient who is not listed may be ill" in page


def test_a_role_is_this_user_whom_its_card_let_in(bench, signed_in):
    """Epic calls with a PractitionerRole and signs in its Practitioner: the EHR itself handed that
    role's card to this launch. A card of another Practitioner makes nobody that one.
    """
    role, colleague = str(uuid.uuid4()), str(uuid.uuid4())
    called(bench, "pat-1", user="PractitionerRole/mine", assessment_id=role)
    called(bench, "role-too", user=f"{signed_in.iss}/PractitionerRole/mine")
    called(bench, "role-other", user="PractitionerRole/other")
    called(bench, "pat-1", user="Practitioner/dr-2", assessment_id=colleague)
    called(bench, "colleague", user="Practitioner/dr-2")
    assert "Patient " not in listed(bench)[0]
    signed_in.token_extra = {"appContext": {"assessment": colleague}}
    assert patients(listed(bench)[0]) == []
    signed_in.token_extra = {"appContext": {"assessment": role}}
    page = listed(bench)[0]
    assert patients(page) == ["role-too"] and page.count('<li class="chart') == 2


def test_who_is_not_named_by_the_ehr_finds_nothing_and_reads_why(bench, ehr):
    """An empty list is not the word that all are well."""
    ehr.token_extra = {"id_token": None}
    called(bench, "mine")
    page, _ = listed(bench)
    assert patients(page) == [] and "The EHR did not say who signed in" in page


def test_the_gravest_come_first_then_the_newest(bench, signed_in):
    called(bench, "well-old", hours=3)
    called(bench, "ill", values=ILL, hours=2)
    called(bench, "well-new", hours=1)
    page, _ = listed(bench)
    assert patients(page) == ["ill", "well-new", "well-old"]
    found = re.findall(r'<li class="chart (\w+)">', page)
    assert found[0] == "critical" and found == sorted(
        found, key=["critical", "warning", "info"].index
    )


def test_a_row_tells_risk_news2_age_change_and_what_became_of_the_card(bench, signed_in):
    """The change is against the assessment before; the course is drawn, and told in words. The risk
    was not certain before, so NEWS2 is drawn.
    """
    before = called(bench, "p", hours=4)
    after = called(
        bench, "p", values=ILL, hours=1, shown=False, form="none", delivery="quiet period"
    )
    page, _ = listed(bench)
    said = text(page)
    rise = after["news2"]["total"] - before["news2"]["total"]
    assert f"NEWS2 {after['news2']['total']} ↗ +{rise}" in said
    assert "Newest value 2 h old" in said or "Newest value 1 h old" in said
    assert "card held back: quiet period; 2 times" in said
    assert re.search(
        r'aria-label="NEWS2 of Patient p in the last 12 hours: [^"]+ at \d\d:\d\d', page
    )


def test_the_page_itself_counts_as_an_assessment(bench, signed_in):
    """Whoever has no hooks still finds the charts that were opened, by name where that is this
    session's.
    """
    page, _ = listed(bench)
    assert "Example, Ada &lt;script&gt;" in page and "this page was opened" in page


def test_each_page_of_a_session_leads_to_the_list(bench, signed_in):
    """From its banner; the list itself does not."""
    browser = bench.browser()
    place = browser.sign_in()
    link = f'<a class="to-charts" href="{place}charts">'
    assert link in browser.get(place).text and link in browser.get(f"{place}trends").text
    assert link not in browser.get(f"{place}charts").text


@pytest.mark.parametrize("then", [True, False])
def test_in_the_control_arm_nothing_of_the_models_is_listed(tmp_path, signed_in, then):
    """Neither where it was withheld at the call, nor where the patient is in that arm now."""
    bench = Bench(tmp_path, signed_in, trial=trial(tmp_path, control_share=0.999))
    found = called(bench, "p", values=ILL, withheld=then)
    page, _ = listed(bench)
    row = text(page[page.index("Patient p") :].partition("</li>")[0])
    assert "no number: withheld under a study protocol" in row
    assert f"NEWS2 {found['news2']['total']}" in row and not of_models(row)


def test_an_assessment_in_the_control_arm_hides_the_others_of_that_patient(tmp_path, signed_in):
    """A trial that has ended since shows nothing of what it withheld."""
    bench = Bench(tmp_path, signed_in)
    called(bench, "p", values=ILL, hours=3)
    called(bench, "p", values=ILL, hours=2, withheld=True)
    page, _ = listed(bench)
    assert not of_models(page[page.index("Patient p") :].partition("</li>")[0])


@pytest.mark.rule("E7")
def test_opening_a_list_is_recorded_with_its_patients(bench, signed_in):
    """And its address holds none of them."""
    called(bench, "a")
    called(bench, "b")
    _, place = listed(bench)
    record = next(bench.audit.records(type="page"))
    assert record["route"] == "charts" and record["of"] == "own"
    assert set(record["patients"]) == {"a", "b", "pat-1"}
    assert record["fhir_user"].endswith(ME)


def test_nothing_is_shown_where_it_can_not_be_recorded(bench, signed_in, monkeypatch):
    from runtime.audit.log import AuditError

    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)

    def full(*_):
        raise AuditError("full")

    monkeypatch.setattr(bench.audit, "append", full)
    assert browser.get(f"{place}charts").status_code == 503


def test_no_chart_is_read_and_no_name_with_another_patients_token(bench, signed_in):
    """A `patient/` grant opens one chart; the others stay ids."""
    called(bench, "a")
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    before = len(signed_in.requests)
    page = browser.get(f"{place}charts").text
    assert len(signed_in.requests) == before
    assert patients(page) == ["a"] and "Open it from the EHR" in page
    assert "Lists of the EHR" not in page
    ask = browser.get(f"{place}charts", query_string={"of": "lists"}).text
    assert "Your charts" in ask and len(signed_in.requests) == before


def test_names_are_read_where_the_grant_is_the_users(bench, signed_in):
    """Several at a time; who can't be read stays an id."""
    signed_in.token_extra = {"scope": USER_SCOPES}
    signed_in.ill = {"p3": 404}
    for n in range(12):
        called(bench, f"p{n}")
    signed_in.delay = 0.1
    page, _ = listed(bench)
    assert patients(page) == ["p3"] and page.count("Ada &lt;script&gt;") >= 12
    assert "Ada <script>" not in page
    assert 3 < signed_in.most_at_once <= 8


def test_a_units_list_is_off_unless_the_record_names_the_user(tmp_path, signed_in):
    """Then it holds what anybody had assessed there, and nobody of another unit."""
    closed = Bench(tmp_path, signed_in)
    called(closed, "pat-1", unit="3 West")
    called(closed, "neighbour", user="Practitioner/dr-2", unit="3 West")
    called(closed, "elsewhere", user="Practitioner/dr-2", unit="4 East")
    page, _ = listed(closed, "unit")
    assert patients(page) == [] and "This unit" not in page
    bench = Bench(tmp_path, signed_in, unit_list_for=[ME])
    page, _ = listed(bench, "unit")
    assert patients(page) == ["neighbour"] and "Charts of 3 West" in page
    assert next(bench.audit.records(type="page"))["of"] == "unit"


def test_a_unit_that_no_call_told_is_said(tmp_path, signed_in):
    bench = Bench(tmp_path, signed_in, unit_list_for=[ME])
    page, _ = listed(bench, "unit")
    assert "No call of the last 12 hours said in which unit" in page


class Lists:
    """A session of a user whose grant opens lists."""

    def __init__(self, bench, ehr, scope=USER_SCOPES):
        ehr.token_extra = ehr.token_extra | {"scope": scope}
        self.bench, self.browser = bench, bench.browser()
        self.place = self.browser.sign_in()
        self.browser.get(self.place)

    def get(self, of):
        return self.browser.get(f"{self.place}charts", query_string={"of": of})

    def post(self, **form):
        page = self.get("lists").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        headers = {"Origin": PUBLIC}
        given = {"csrf_token": token[1] if token else ""} | form
        return self.browser.client.post(
            f"{self.place}charts", base_url=PUBLIC, headers=headers, data=given
        )

    def finished(self, of="1", seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            page = self.get(of).text
            if "data-going" not in page:
                return page
            time.sleep(0.2)
        raise AssertionError("the list did not end")


def test_a_list_of_the_ehr_is_assessed_and_each_chart_recorded(bench, signed_in):
    """Whose chart could not be read is told by name and reason, and never left out."""
    signed_in.groups = {"Nobody": [], "Ward 3": ["a", "b", "c"]}
    signed_in.ill = {"b": 500}
    session = Lists(bench, signed_in)
    assert "Assess Ward 3" in session.get("lists").text
    assert session.post(list="2").status_code == 303
    page = session.finished("2")
    assert "All 3 charts were read or tried." in page
    assert (
        "Patient b: status 500" in text(page) and "1 could not be assessed; they may be ill" in page
    )
    assert page.count('<li class="chart ') == 2
    records = list(bench.audit.records(type="listed"))
    assert {one["patient"] for one in records} == {"a", "c"}
    assert all(one["chart"]["readings"] and one["fhir_user"].endswith(ME) for one in records)
    page = session.browser.get(f"{session.place}charts").text
    assert page.count("assessed from a list") == 2


def test_a_list_in_the_control_arm_withholds_the_models(tmp_path, signed_in):
    bench = Bench(tmp_path, signed_in, trial=trial(tmp_path, control_share=0.999))
    signed_in.groups = {"Ward 3": ["a"]}
    session = Lists(bench, signed_in)
    session.post(list="1")
    page = session.finished()
    assert "withheld under a study protocol" in page and not of_models(page)
    record = next(bench.audit.records(type="listed"))
    assert record["withheld"] and record["risks"] and record["trial"]["arm"] == "control"


@pytest.mark.rule("E5")
def test_a_list_is_begun_by_this_sessions_page_alone(bench, signed_in):
    """Neither by another's form nor with a number that was not offered."""
    signed_in.groups = {"Ward 3": ["a"]}
    session = Lists(bench, signed_in)
    answers = [
        session.post(**form)
        for form in ({"list": "1", "csrf_token": "x"}, {"list": "7"}, {"list": "x"})
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert not list(bench.audit.records(type="listed"))


def test_a_list_can_be_stopped(bench, signed_in, monkeypatch):
    """What was read stays, and the rest is said to be unread."""
    monkeypatch.setattr(rounds, "KEEP_SECONDS", 0.0)
    signed_in.groups = {"Ward 3": [f"p{n}" for n in range(40)]}
    signed_in.delay = 0.05
    session = Lists(bench, signed_in)
    session.post(list="1")
    assert session.post(list="1", what="stop").status_code == 303
    page = session.finished()
    assert "Stopped after" in page and "not read" in page
    assert len(list(bench.audit.records(type="listed"))) < 40


def test_a_closed_session_ends_its_list(bench, signed_in, monkeypatch):
    """And nothing of it stays in the store."""
    monkeypatch.setattr(rounds, "KEEP_SECONDS", 0.0)
    signed_in.groups = {"Ward 3": [f"p{n}" for n in range(60)]}
    signed_in.delay = 0.05
    session = Lists(bench, signed_in)
    token = re.search(r'name="csrf_token" value="([^"]+)"', session.get("lists").text)[1]
    session.post(list="1")
    session.browser.client.post(
        f"{session.place}close",
        base_url=PUBLIC,
        headers={"Origin": PUBLIC},
        data={"csrf_token": token},
    )
    until, before = time.monotonic() + 30, -1
    while (now := len(list(bench.audit.records(type="listed")))) != before:
        assert time.monotonic() < until
        before = now
        time.sleep(1)
    assert now < 60
    assert not [
        key for key in bench.store.data if key.startswith(("vigil:charts:", "vigil:lists:"))
    ]


def test_a_server_without_lists_and_a_failing_one_are_told_apart(bench, signed_in):
    session = Lists(bench, signed_in)
    assert "The EHR offers you no lists." in session.get("lists").text
    signed_in.stop()
    page = session.get("lists").text
    assert "That did not work" in page and "offers you no lists" not in page


def outcome(severity: str) -> dict:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity}]}


@pytest.mark.parametrize("size", [1, 20])
def test_lists_are_read_to_the_last_page(bench, signed_in, size):
    """Servers give ten or twenty a page, whoever asks."""
    signed_in.groups = {f"Ward {n}": ["a"] * n for n in range(13)}
    signed_in.groups_a_page = size
    page = Lists(bench, signed_in).get("lists").text
    assert page.count("Assess Ward") == 13 and "may not be all" not in page


def test_lists_that_are_not_shown_are_told(bench, signed_in):
    """More than the page holds, more pages than are read, a page that fails, an error beside."""
    signed_in.groups = {f"Ward {n}": [] for n in range(60)}
    session = Lists(bench, signed_in)
    assert "these are the first 50 of 60" in session.get("lists").text
    signed_in.groups_a_page = 2
    assert "next page: too many pages" in session.get("lists").text
    signed_in.groups_a_page, signed_in.groups_beside = 1000, [outcome("error")]
    assert "the EHR reports an error" in session.get("lists").text
    signed_in.groups, signed_in.groups_beside = {"Ward 3": []}, [outcome("warning")]
    page = session.get("lists").text
    assert "Assess Ward 3" in page and "may not be all" not in page


def test_one_search_that_fails_hides_no_other(tmp_path, signed_in):
    """Its lists are told to be missing; where none works nothing is offered."""
    searches = ["Group?type=person", "List?code=patients"]
    bench = Bench(tmp_path, signed_in, patient_lists=searches)
    signed_in.groups = {"Ward 3": ["a"]}
    session = Lists(bench, signed_in, f"{USER_SCOPES} user/List.rs")
    page = session.get("lists").text
    assert "Assess Ward 3" in page and "may not be all of your lists: status 404" in page
    signed_in.groups_answer = Response("no", 403)
    page = session.get("lists").text
    assert "That did not work: status 403" in page and "Assess Ward" not in page


@pytest.mark.parametrize("body", ['{"resourceType":"OperationOutcome"}', "{}", "[]", "<html>", ""])
def test_an_answer_that_is_no_list_is_not_told_as_none(bench, signed_in, body):
    """An error in place of lists does not say that there are none."""
    signed_in.groups_answer = Response(body)
    page = Lists(bench, signed_in).get("lists").text
    assert "That did not work" in page and "offers you no lists" not in page
    assert "Use the list in the EHR itself" in page
    signed_in.groups_answer, signed_in.groups_beside = None, [outcome("fatal")]
    page = Lists(bench, signed_in).get("lists").text
    assert "may not be all" in page and "offers you no lists" not in page


def test_a_statement_that_can_not_be_read_offers_no_lists_and_says_so(bench, signed_in):
    """It neither ends the session nor counts as a server without lists; a large one is read."""
    signed_in.groups, signed_in.statement = {"Ward 3": []}, Response("no", 404)
    assert "server offers could not be read" in Lists(bench, signed_in).get("lists").text


@pytest.mark.parametrize(
    ("entity", "unknown"),
    [
        ({"reference": "#contained"}, 1),
        ({"identifier": {"value": "4410"}}, 1),
        ({"reference": "https://other.example.org/fhir/Patient/x"}, 1),
        ({"reference": "urn:uuid:0b9b3a0e-30a5-4a3c-8a0e-1f2f7f0c3c11"}, 1),
        ({"reference": "Group/ward-4"}, 1),
        ({"display": "Ada"}, 1),
        (None, 1),
        ({"reference": "Practitioner/dr-1"}, 0),
        ({"type": "Device", "identifier": {"value": "7"}}, 0),
        ({"reference": "Patient/a/_history/7"}, 0),
    ],
)
def test_a_member_that_names_no_chart_here_is_counted(bench, signed_in, entity, unknown):
    """Nobody takes a list for read of which some could not be looked up; a Practitioner is none."""
    signed_in.groups = {"Ward 3": ["a"]}
    signed_in.members = [{"entity": entity}, {"entity": entity, "inactive": True}]
    session = Lists(bench, signed_in)
    session.post(list="1")
    page = text(session.finished())
    assert "All 1 charts were read" in page
    assert ("1 more on this list can't be read" in page) is bool(unknown)


@pytest.mark.parametrize("quantity", [True, -3, 2**70, "5", 1.5, None])
def test_a_list_of_an_odd_number_is_assessed(bench, signed_in, quantity):
    signed_in.groups = {"Ward 3": ["a"]}
    listed = [{"resource": {"resourceType": "Group", "id": "g0", "quantity": quantity}}]
    body = json.dumps({"resourceType": "Bundle", "entry": listed})
    signed_in.groups_answer = Response(body)
    session = Lists(bench, signed_in)
    assert session.post(list="1").status_code == 303
    assert "All 1 charts" in session.finished()


@pytest.mark.parametrize("of", ["9" * 5000, "0", "-1", "\u00b2", "99"])
def test_a_number_of_no_list_is_a_page(bench, signed_in, of):
    session = Lists(bench, signed_in)
    assert session.get(of).status_code == 200 and session.post(list=of).status_code == 403


def test_one_chart_that_breaks_costs_only_itself(bench, signed_in, monkeypatch):
    """Whatever is wrong with it."""

    def broken(door, opened, patient, alone):
        if patient == "b":
            raise TypeError("odd")
        return assess_chart(door, opened, patient, alone)

    monkeypatch.setattr(rounds, "assess_chart", broken)
    signed_in.groups = {"Ward 3": ["a", "b", "c"]}
    session = Lists(bench, signed_in)
    session.post(list="1")
    page = text(session.finished())
    assert "All 3 charts" in page and "Patient b: could not be assessed" in page


@pytest.mark.rule("SMART-40", "SMART-35")
@pytest.mark.parametrize("renewable", [True, False])
def test_a_token_that_ends_in_the_middle_of_a_list_is_renewed_once(bench, signed_in, renewable):
    """Though four charts are read at a time; where there is no other the list ends and says so."""
    signed_in.groups = {"Ward 3": [f"p{n}" for n in range(24)]}
    if renewable:
        signed_in.renewable()
        signed_in.refresh_tokens["again-0"] = USER_SCOPES
    session = Lists(bench, signed_in)
    signed_in.delay = 0.05
    session.post(list="1")
    # Whatever token was given out so far is good no more.
    signed_in.refreshes += 1
    page = session.finished()
    asked = [form for path, form in signed_in.requests if path == "/token"]
    assert len(asked) == 1 + renewable
    assert ("All 24 charts were read" in page) is renewable
    assert (
        "could not be assessed" in page or "does not let Vigil read on" in page
    ) is not renewable


def test_a_button_that_is_pressed_twice_begins_one_list(bench, signed_in):
    """At the same moment or a little later, on whichever worker."""
    signed_in.groups = {"Ward 3": [f"p{n}" for n in range(60)], "Ward 4": ["x"]}
    session = Lists(bench, signed_in)
    signed_in.delay = 0.1
    with ThreadPoolExecutor(3) as pool:
        clicks = [pool.submit(session.post, list="1") for _ in range(3)]
    pages = [click.result() for click in clicks]
    assert sorted(page.status_code for page in pages)[-1] == 303
    for page in pages:
        assert page.status_code == 303 or "is being begun already" in page.text
    assert session.post(list="1").status_code == 303
    other = session.post(list="2").text
    assert "stop it first" in other and "tell your administrator" not in other
    session.post(list="1", what="stop")
    session.finished()
    read = [one["patient"] for one in bench.audit.records(type="listed")]
    assert len(read) == len(set(read)) < 60


@pytest.mark.parametrize("kept", ["sight", "lists", "charts"])
def test_what_another_version_kept_is_not_known(bench, signed_in, kept):
    """A worker of the new version meets what one of the old kept: a page that says to load again."""
    signed_in.groups = {"Ward 3": ["a"]}
    session = Lists(bench, signed_in)
    page = session.get("lists").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    handle = session.place.strip("/").rpartition("/")[2]
    cookie = session.browser.client.get_cookie(
        cookie_name("session", handle), urlsplit(PUBLIC).hostname
    )
    agent = session.browser.client.environ_base["HTTP_USER_AGENT"]
    ticket = Ticket(handle, cookie.value.partition(".")[2], agent)
    live = session.browser.session(session.place)
    for content in (b"[]", b'[{"kind": 5}]', b'{"now": 1}', b"x"):
        Sessions(bench.store).show(ticket, live, content, bench.now(), kept)
        form = {"csrf_token": token, "list": "1"}
        answers = [session.get("1"), session.browser.get(f"{session.place}evidence")]
        path = f"{session.place}charts"
        answers.append(session.browser.post(path, data=form, headers={"Origin": PUBLIC}))
        assert all(answer.status_code < 500 for answer in answers)
