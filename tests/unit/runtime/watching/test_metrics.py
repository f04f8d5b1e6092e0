"""What is counted, who may read it, and that a fault in it costs nothing (G13)."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from runtime import web
from runtime.settings_file import settings_from
from runtime.watching import pages, shared
from runtime.watching.metrics import Metrics
from runtime.watching.parts import DOWN, OK, Parts, State

ROOT = Path(__file__).parents[4]
AT = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)


@dataclass
class Risk:
    outcome: str
    band: str


@dataclass
class Assessment:
    status: str = "scored"
    level: str = "warning"
    risks: tuple = (Risk("death", "low"), Risk("sepsis", "indeterminate"))
    rejected: dict = field(default_factory=lambda: {"unit": 3})
    data_time: datetime | None = AT


def numbers(metrics: Metrics) -> dict:
    """Return every number that is not 0, by its name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.value and not sample.name.endswith(("_bucket", "_created"))
    }


def test_an_answer_is_counted_by_what_it_says():
    """Level, delivery, bands, rejected Observations, stages, and the newest value of any chart."""
    metrics = Metrics(["a"])
    metrics.answered("a", "no number", Assessment(), {"assess": 0.25})
    metrics.answered("a", "no number", Assessment(data_time=None), {})
    assert numbers(metrics) == {
        ("vigil_calls_total", "no number", "a", "warning"): 2,
        ("vigil_risks_total", "low", "death"): 2,
        ("vigil_risks_total", "indeterminate", "sepsis"): 2,
        ("vigil_rejected_observations_total", "a", "unit"): 6,
        ("vigil_newest_observation_timestamp_seconds", "a"): AT.timestamp(),
        ("vigil_stage_seconds_count", "assess"): 1,
        ("vigil_stage_seconds_sum", "assess"): 0.25,
        ("vigil_worker_boots_total",): 1,
    }


@pytest.mark.parametrize(("status", "reason"), [("child", "child"), ("scored", "model")])
def test_an_answer_without_a_number_is_counted_by_its_reason(status, reason):
    """Where there could have been a number and is none, the model failed."""
    metrics = Metrics()
    metrics.answered("a", "no number", Assessment(status, risks=()), {})
    assert numbers(metrics)["vigil_without_number_total", "a", reason] == 1


def test_an_older_newest_value_changes_nothing():
    """The gauge is the newest value of any chart, not that of the last."""
    metrics = Metrics()
    for day in (20, 18):
        metrics.answered("a", "", Assessment(data_time=AT.replace(day=day)), {})
    assert numbers(metrics)["vigil_newest_observation_timestamp_seconds", "a"] == AT.timestamp()


def test_parts_are_shown_by_their_place_from_well_to_worst():
    """0 is ok, 2 is down."""
    metrics = Metrics()
    metrics.show({"redis": State(DOWN, None), "audit": State(OK, 0.0)})
    found = numbers(metrics)
    assert found["vigil_part_state", "redis"] == 2
    assert ("vigil_part_since_timestamp_seconds", "redis") not in found
    assert ("vigil_part_since_timestamp_seconds", "audit") in found


@pytest.mark.rule("G13")
def test_a_fault_in_a_number_is_logged_and_goes_no_further(capsys):
    """Whatever is counted wrongly, and where there is no room for numbers at all."""
    metrics = Metrics()
    metrics.answered("a", "", None, {})
    metrics.took({"unknown": "no number"})
    del metrics._series
    metrics.refused(401, "replay")
    metrics.show({})


def test_numbers_without_room_are_no_reason_to_stop(monkeypatch):
    """A folder that is gone leaves a process without numbers."""
    monkeypatch.setenv(shared.VARIABLE, "/nowhere")
    metrics = Metrics(["a"])
    metrics.refused(503, "audit")


def page(token_file: Path | None):
    app = Flask("vigil")
    web.install(app, settings_from({"public_url": "https://v.example.org", "ehr": [EHR]}))
    app.register_blueprint(pages.create_blueprint(Parts(), Metrics(), token_file))
    return app.test_client()


EHR = {"id": "a", "fhir_base": ["https://f.example.org"], "smart_client_id": "v"}


@pytest.mark.rule("F6")
def test_metrics_are_for_those_with_the_token(tmp_path):
    """Without it, or with another, 401; a new one in the file holds at once."""
    file = tmp_path / "token"
    file.write_text("first" * 8 + "\n")
    client = page(file)

    def status(**headers):
        return client.get("/metrics", headers=headers).status_code

    assert [status(), status(Authorization="Bearer x"), status(Authorization="Bearer ")] == [
        401
    ] * 3
    assert status(Authorization="Bearer " + "first" * 8) == 200
    file.write_text("second" * 8)
    assert status(Authorization="Bearer " + "first" * 8) == 401
    answer = client.get("/metrics", headers={"Authorization": "Bearer " + "second" * 8})
    assert answer.status_code == 200 and "vigil_worker_boots_total 1.0" in answer.text
    assert page(None).get("/metrics").status_code == 404


SCRIPT = """
import os, sys
from pathlib import Path
from runtime.watching import shared
from runtime.watching.metrics import Metrics
from runtime.watching.parts import State

def worker(part):
    pid = os.fork()
    if pid == 0:
        metrics = Metrics(["ehr"])
        metrics.refused(401, "replay")
        metrics.show({part: State("down", 0.0)})
        print(metrics.text().decode(), "END", flush=True)
        sys.exit()
    os.waitpid(pid, 0)
    shared.worker_ended()

with shared.shared_numbers("of a test", Path(sys.argv[1])):
    own = Metrics()
    own.show({"own": State("down", 0.0)})
    for part in ("a", "b", "c"):
        worker(part)
    print(own.text().decode(), "END")
    files = list(Path(os.environ[shared.VARIABLE]).glob("*.db"))
    assert len(files) == 2 * len(shared.KINDS) - 2, files
    assert {f.stat().st_size for f in files} == {shared.BYTES_EACH}
print(os.environ.get(shared.VARIABLE))
"""


def test_workers_put_their_numbers_together(tmp_path):
    """Counters are summed, also of workers that ended; the gauges of those are gone. However many
    ended, the files are those of two; and all are gone in the end.
    """
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    *seen, last, _ = run.stdout.split("END")
    parts = [re.findall(r'vigil_part_state{part="(\w+)"}', text) for text in seen]
    assert [sorted(one) for one in parts] == [["a", "own"], ["b", "own"], ["c", "own"]]
    assert 'vigil_refusals_total{reason="replay",status="401"} 3.0' in last
    assert "vigil_worker_boots_total 4.0" in last
    assert 'vigil_part_state{part="own"} 2.0' in last and 'part="c"' not in last
    assert run.stdout.endswith("None\n") and not list(tmp_path.iterdir())
    shared.worker_ended()


def test_a_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    """What stands in its place in memory is left alone, and the folder made below ours."""
    memory, ours = tmp_path / "memory", tmp_path / "ours"
    memory.mkdir()
    ours.mkdir()
    monkeypatch.setattr(shared, "MEMORY", memory)
    with shared.shared_numbers("x", ours):
        (made,) = memory.iterdir()
    target = tmp_path / "target"
    target.mkdir()
    made.symlink_to(target)
    with shared.shared_numbers("x", ours):
        assert os.environ[shared.VARIABLE] == str(ours / "metrics")
    assert target.exists()
    ours.rmdir()
    with shared.shared_numbers("x", ours):
        assert shared.VARIABLE not in os.environ
