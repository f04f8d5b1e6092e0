"""What a call adds to the numbers, and that they cost it nothing (G13)."""

import uuid

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.audit.log import AuditError
from tests.support.hookcall import World, bundle, observation, prefetch, request


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def numbers(world: World) -> dict:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(world.metrics.text().decode())
        for sample in family.samples
        if sample.value and not sample.name.endswith(("_bucket", "_sum", "_created"))
    }


def test_a_call_is_counted_with_all_its_stages(world):
    """By level and delivery; a stage each of auth, fetch, turn, assess, card, audit and the whole."""
    world.cards(request())
    found = numbers(world)
    assert found["vigil_calls_total", "at or above threshold", "ehr", "critical"] == 1
    assert found["vigil_risks_total", "high", "death"] == 1
    stages = {key[1] for key in found if key[0] == "vigil_stage_seconds_count"}
    assert stages == {"auth", "fetch", "turn", "assess", "card", "audit", "whole"}


def test_the_same_call_again_is_a_repeat(world):
    """It is no second answer of the chart."""
    again = request(hookInstance=str(uuid.uuid4()))
    world.cards(again)
    world.cards(again)
    found = numbers(world)
    assert found["vigil_calls_total", "at or above threshold", "ehr", "critical"] == 1
    assert found["vigil_repeated_calls_total", "ehr"] == 1


def test_an_answer_without_a_number_is_counted_with_what_was_left_out(world):
    """An unknown unit leaves too little, and is a reason of its own."""
    odd = bundle([observation("8867-4", "furlong", 80)])
    world.cards(request(prefetch=prefetch(vitals=odd, labs=bundle([]))))
    found = numbers(world)
    assert found["vigil_calls_total", "no number", "ehr", "warning"] == 1
    assert [value for key, value in found.items() if key[0] == "vigil_without_number_total"] == [1]
    assert found["vigil_rejected_observations_total", "ehr", "unit"] == 1


@pytest.mark.parametrize(
    ("reason", "status", "options"),
    [
        ("no token", "401", {"token": None}),
        ("malformed", "401", {"token": "x"}),
        ("invalid", "400", {"body": b"{}"}),
    ],
)
def test_a_refusal_is_counted_by_its_first_word(world, reason, status, options):
    """The word that the log has, or the code of the outcome; never a text."""
    assert world.post(options.pop("body", request()), **options).status_code == int(status)
    assert numbers(world)["vigil_refusals_total", reason, status] == 1


def test_a_call_that_could_not_be_recorded_is_counted(world, monkeypatch):
    """503 by the audit, and no answer."""

    def fails(*_):
        raise AuditError("no room")

    monkeypatch.setattr(world.audit, "append", fails)
    assert world.post(request()).status_code == 503
    found = numbers(world)
    assert found["vigil_refusals_total", "audit", "503"] == 1
    assert not [key for key in found if key[0] == "vigil_calls_total"]


@pytest.mark.rule("G13")
def test_a_fault_in_the_numbers_leaves_the_card(world):
    """Whatever is broken in them, the call is answered as ever, or refused as ever."""
    del world.metrics._series
    assert len(world.cards(request())) == 1
    assert world.post(request(), token=None).status_code == 401
