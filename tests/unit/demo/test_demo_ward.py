"""The level and NEWS2 of each patient in the demonstration's list: Vigil's own, never in the way."""

import re

import pytest

from demo import ward
from demo.ward import LIST
from tests.support.small_vigil import Answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """The thread's work is done before it is waited for, and without rests."""

    class Now:
        def __init__(self, target, name, daemon):
            self._target = target

        def start(self):
            self._target()

    monkeypatch.setattr(ward.threading, "Thread", Now)
    monkeypatch.setattr(ward, "PAUSE_SECONDS", 0.0)


def told(page: str) -> list[str]:
    cells = re.findall(r'<span class="told[^>]*>(.*?)</span>\n', page)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]


def test_the_list_is_there_before_vigil_is_asked(world):
    """And nobody is asked because somebody looks."""
    page = world.http.get("/").text
    assert set(told(page)) == {""} and "Ask Vigil about all" in page
    assert not world.sent


def test_each_patient_is_asked_about_once_by_nobody_of_the_ward(world):
    """What people are shown must not depend on a list."""
    assert world.http.post("/levels").status_code == 303
    page = world.http.get("/levels").text
    assert set(told(page)) == {"critical"} and "from a call for each patient" in page
    calls = [body for _, url, body, _ in world.sent if url.endswith("vigil-patient-view")]
    assert len(calls) == len(told(page))
    assert {call["context"]["userId"] for call in calls} == {f"Practitioner/{LIST.id}"}
    sent = len(world.sent)
    world.http.post("/levels")
    assert len(world.sent) == sent


def test_with_a_script_the_list_comes_back_as_it_is(world):
    answer = world.http.post("/levels", headers={"X-Requested-With": "fetch"})
    assert answer.status_code == 200 and set(told(answer.text)) == {"critical"}


def test_without_vigil_the_list_says_so_and_asks_again(world):
    world.discovery = Answer(503, None)
    world.http.post("/levels")
    page = world.http.get("/").text
    assert set(told(page)) == {""} and "Ask again" in page and "Discovery answered 503" in page


@pytest.mark.parametrize(
    ("score", "words"),
    [
        ({"total": 7, "low": 7, "high": 7}, "7"),
        ({"total": None, "low": 4, "high": 15}, "4 to 15"),
        ({"total": None, "low": 0, "high": 20}, "not known"),
        (None, None),
    ],
)
def test_news2_is_told_as_vigil_recorded_it(world, monkeypatch, score, words):
    record = {"level": "warning", "news2": score}
    monkeypatch.setattr(ward, "decided", lambda log, instance: record)
    world.http.post("/levels")
    wanted = f"warning NEWS2 {words}" if words else "warning"
    assert set(told(world.http.get("/").text)) == {wanted}
