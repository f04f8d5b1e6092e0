"""What is watched, by those who watch it: alerts by promtool, and a real Prometheus that scrapes a
real Vigil and is asked everything that alerts and dashboard ask.
"""

import json
import re
import shutil
import subprocess
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.support.absent import absent
from tests.support.hookcall import LABS, SICK, bundle, observations, patient
from tests.support.served import Served, free_port

WATCHING = Path(__file__).parents[2] / "docs" / "watching"
TOKEN = "a token of more than 32 characters"
RECORDS = """metrics_token_file = "token"

[[ehr]]
id = "main"
fhir_base = ["http://localhost:1/fhir"]
hook_auth = "open"
"""
# What has nothing to show after a minute: a week ago, and alerts of a Vigil that is well.
LATER = ("offset 6h", "7d", "sigma", "ALERTS")


def program(name: str) -> str:
    """Return the path of one of Prometheus's programs; without it skip, and fail where CI=true."""
    path = shutil.which(name)
    if path is None:
        absent(f"needs {name}: apt-get install prometheus")
    return path


@pytest.mark.parametrize("tests", sorted(WATCHING.glob("*.test.yml")), ids=lambda path: path.name)
def test_alerts_fire_when_they_should_and_only_then(tests):
    """promtool plays series against the rules: each alert fires, and none where all is well."""
    run = subprocess.run(
        [program("promtool"), "test", "rules", str(tests)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_alert_is_played():
    """No alert is without a test that sees it fire."""
    alerts = set(re.findall(r"alert: (\w+)", (WATCHING / "alerts.yml").read_text("utf-8")))
    played = "".join(path.read_text("utf-8") for path in WATCHING.glob("*.test.yml"))
    assert alerts and all(f'"{name}"' in played for name in alerts)


class Prometheus:
    """A Prometheus of its own that scrapes a Vigil each second, with our rules."""

    def __init__(self, folder: Path, vigil: Served):
        self.url = f"http://127.0.0.1:{free_port()}"
        (folder / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(WATCHING / "alerts.yml")],
                    "scrape_configs": [
                        {
                            "job_name": "vigil",
                            "authorization": {"credentials_file": str(folder / "token")},
                            "static_configs": [{"targets": [vigil.url.removeprefix("http://")]}],
                        }
                    ],
                }
            )
        )
        command = [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--log.level=error",
        ]
        self.process = subprocess.Popen(command, cwd=folder)

    def get(self, path: str, **query):
        """Return the data of an answer; an error of Prometheus is one of the test."""
        with requests.Session() as http:
            http.trust_env = False
            answer = http.get(f"{self.url}/api/v1/{path}", params=query, timeout=30)
        assert answer.status_code == 200, f"{query}: {answer.text}"
        return answer.json()["data"]

    def result(self, query: str) -> list:
        """Return the samples of a query."""
        return self.get("query", query=query)["result"]

    def wait_for(self, query: str, seconds: float = 90.0) -> None:
        """Return once a query has a result."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if self.result(query):
                    return
            except requests.RequestException:
                assert self.process.poll() is None, "Prometheus has ended"
            time.sleep(0.5)
        pytest.fail(f"no result of {query}")


def call(vigil: Served, at: datetime, instance: str | None = None, **prefetch) -> None:
    hour = {"effectiveDateTime": (at - timedelta(hours=1)).isoformat()}
    vitals = observations(SICK, **hour)
    vitals.append(vitals[0] | {"id": "odd", "status": "entered-in-error"})
    usual = {
        "patient": patient(),
        "vitals": bundle(vitals),
        "labs": bundle(observations(LABS, **hour)),
    }
    body = {
        "hook": "patient-view",
        "hookInstance": instance or str(uuid.uuid4()),
        "context": {"userId": "Practitioner/d1", "patientId": "p1"},
        "prefetch": usual | prefetch,
    }
    with requests.Session() as http:
        http.trust_env = False
        assert http.post(vigil.hook, json=body, timeout=60).status_code == 200
        assert http.post(vigil.hook, json={}, timeout=60).status_code == 400


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Give a Prometheus that has scraped a Vigil before and after a few calls."""
    folder = tmp_path_factory.mktemp("watching")
    program("prometheus")
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    vigil = Served(folder, RECORDS)
    try:
        prometheus = Prometheus(folder, vigil)
        try:
            prometheus.wait_for("vigil_worker_boots_total > 0")
            for _ in range(3):
                now, same = datetime.now(UTC), str(uuid.uuid4())
                call(vigil, now, same)
                call(vigil, now, same)
                call(vigil, now, patient=patient(birthDate="2020-01-01"))
                time.sleep(1.5)
            prometheus.wait_for(
                "sum(vigil_calls_total) >= 6 and on () vigil:urgent_share:ratio6h >= 0"
            )
            yield prometheus
        finally:
            prometheus.process.terminate()
            prometheus.process.wait(30)
    finally:
        vigil.stop()


def asked_by_the_dashboard() -> list[str]:
    panels = json.loads((WATCHING / "dashboard.json").read_text("utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_what_the_dashboard_asks_is_answered(prometheus):
    """Each expression is one, and has data, but for what a Vigil of a minute can't have."""
    asked = asked_by_the_dashboard()
    assert len(asked) > 15
    empty = [expression for expression in asked if not prometheus.result(expression)]
    assert all(any(word in one for word in LATER) for one in empty), empty


def test_what_the_alerts_ask_is_answered(prometheus):
    """Prometheus evaluates each rule without an error, and no alert fires."""
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 15
    assert not [rule for rule in rules if rule["health"] != "ok" or rule.get("lastError")]
    assert not [rule["name"] for rule in rules if rule.get("state", "inactive") != "inactive"]


def test_every_series_that_is_asked_for_is_there(prometheus):
    """No alert and no panel waits for a name or a part that Vigil does not have."""
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    text = " ".join([*(rule["query"] for rule in rules), *asked_by_the_dashboard()])
    names = set(re.findall(r"\bvigil_\w+", text))
    assert "vigil_part_state" in names and "vigil_stage_seconds_bucket" in names
    assert not [name for name in names if not prometheus.result(name)]
    selectors = set(re.findall(r'vigil_\w+\{\w+="[^"]*"[^}]*\}', text))
    assert len(selectors) > 6
    # Bands and statuses are only those that came.
    lost = [one for one in selectors if "indeterminate" not in one and not prometheus.result(one)]
    assert not lost


def test_the_numbers_are_those_of_the_calls(prometheus):
    """Six new answers, three repeats, three of a child, nine refusals of bad requests."""
    for query, number in (
        ("sum(vigil_calls_total)", 6),
        ("sum(vigil_repeated_calls_total)", 3),
        ('vigil_without_number_total{reason="child"}', 3),
        ('vigil_refusals_total{status="400", reason="invalid"}', 9),
        ('vigil_rejected_observations_total{reason="status"}', 6),
        ('vigil_stage_seconds_count{stage="whole"}', 9),
        ('sum by (outcome) (vigil_risks_total{outcome="death"})', 3),
        ("vigil_worker_boots_total", 1),
        ('vigil_part_state{part="vigil"}', 0),
        ('vigil_part_state{part="synthetic patient"}', 0),
        ('time() - vigil_newest_observation_timestamp_seconds{ehr="main"} < bool 7200', 1),
    ):
        (sample,) = prometheus.result(query)
        assert float(sample["value"][1]) == number, query


def test_no_label_tells_of_a_patient(prometheus):
    """Labels are names of ours; neither patient, user nor FHIR server is one's value."""
    values = {
        value
        for series in prometheus.get("series", **{"match[]": '{__name__=~"vigil.*"}'})
        for value in series.values()
    }
    assert "main" in values
    assert not [value for value in values if "p1" in value or "d1" in value or "/fhir" in value]
