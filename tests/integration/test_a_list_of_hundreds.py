"""A list of three hundred patients at an EHR that is slow and fails now and then: bounded reads,
progress on the page, each failure named, each chart recorded, and the service usable meanwhile.
"""

import re
import time

import pytest

from smartapp.patients import rounds
from tests.spec.test_patient_lists import Lists, text
from tests.support.launch_bench import Bench
from tests.support.small_ehr import SmallEhr

MANY = 300
READS = 3


@pytest.fixture(autouse=True)
def patient_audit(monkeypatch):
    """What is measured here is no disk: a busy one fails nothing."""
    monkeypatch.setattr("runtime.audit.log.WAIT_SECONDS", 60.0)


@pytest.fixture
def ehr():
    """An EHR with a large group."""
    server = SmallEhr()
    server.claims = {"fhirUser": f"{server.iss}/Practitioner/dr-1"}
    server.groups = {"The whole ward": [f"p{n}" for n in range(MANY)]}
    yield server
    server.stop()


def test_three_hundred_charts_come_bounded_and_with_progress(tmp_path, ehr, monkeypatch):
    """Of eight reads that fail eight patients are named as unread."""
    monkeypatch.setattr(rounds, "REST", 0.0)
    ehr.delay, ehr.ill = 0.01, {f"p{n}": 500 if n % 2 else 403 for n in range(0, MANY, 40)}
    bench = Bench(tmp_path, ehr)
    session = Lists(bench, ehr)
    ehr.most_at_once = 0
    assert session.post(list="1").status_code == 303
    seen = []
    while "data-going" in (page := session.get("1").text):
        seen += [int(found) for found in re.findall(r"(\d+) of 300 charts read", page)]
        # The page of the patient, and the lists, are there meanwhile.
        assert session.browser.get(session.place).status_code == 200
        time.sleep(0.2)
    assert len(set(seen)) > 1 and seen == sorted(seen)
    failed = len(ehr.ill)
    assert f"All {MANY} charts were read or tried." in page
    assert f"{failed} could not be assessed; they may be ill" in page
    assert all(f"Patient {patient}: status" in text(page) for patient in ehr.ill)
    assert page.count('<li class="chart ') == MANY - failed
    # Those of the patient's own page among them.
    assert ehr.most_at_once <= rounds.AT_ONCE * READS + READS
    records = [one["patient"] for one in bench.audit.records(type="listed")]
    assert len(records) == len(set(records)) == MANY - failed


def test_what_is_not_read_in_time_is_said(tmp_path, ehr, monkeypatch):
    """The rows that there are stay, and nobody passes for well."""
    monkeypatch.setattr(rounds, "SECONDS", 0.5)
    ehr.delay = 0.1
    session = Lists(Bench(tmp_path, ehr), ehr)
    session.post(list="1")
    page = session.finished()
    assert "Not all charts could be read in time." in page and "not in time" in page


def test_a_session_has_one_list_at_a_time(tmp_path, ehr):
    """A second one would be told as the first, and its button pressed twice begins it once."""
    ehr.delay = 0.05
    ehr.groups["Ward of one"] = ["p1"]
    session = Lists(Bench(tmp_path, ehr), ehr)
    assert [session.post(list="1").status_code for _ in range(2)] == [303, 303]
    assert "a list is being assessed already" in session.post(list="2").text
    session.post(list="1", what="stop")
    session.finished()


def test_a_token_that_is_refused_ends_the_list(tmp_path, ehr):
    """No further chart is tried with it."""
    ehr.ill = {"p5": 401}
    session = Lists(Bench(tmp_path, ehr), ehr)
    session.post(list="1")
    page = session.finished()
    assert "The EHR does not let Vigil read on." in page
    reads = [path for path, _ in ehr.requests if path.startswith("/fhir/Patient/")]
    assert len(reads) < 40


def test_a_second_list_waits_for_its_turn_and_a_sixth_is_sent_away(tmp_path, ehr):
    """However many users ask at once, one list is read at a time."""
    ehr.delay = 0.05
    bench = Bench(tmp_path, ehr)
    sessions = [Lists(bench, ehr) for _ in range(6)]
    answers = [session.post(list="1") for session in sessions]
    assert [answer.status_code for answer in answers[:4]] == [303] * 4
    assert "other lists are being assessed" in answers[5].text
    assert "Waiting for its turn." in sessions[1].get("1").text
    for session in sessions[:4]:
        session.post(list="1", what="stop")
    assert all("Stopped" in session.finished() for session in sessions[:4])
