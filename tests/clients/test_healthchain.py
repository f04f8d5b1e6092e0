"""HealthChain's SandboxClient (PyPI: healthchain[sandbox]): no token, no `fhirServer`, all data
prefetched.
"""

import json
import subprocess

import pytest

from tests.clients import environments
from tests.clients.environments import HERE


@pytest.fixture
def call(healthchain, tmp_path):
    """Load a prefetch or synthetic data into the client; return what it says and logs."""

    def call(url, prefetch, patient=None):
        source = "--synthetic"
        if prefetch is not None:
            source = tmp_path / "prefetch.json"
            source.write_text(json.dumps(prefetch))
        script = HERE / "healthchain" / "call.py"
        command = [healthchain, "-I", script, url, source, *([patient] if patient else [])]
        run = subprocess.run(
            command, env=environments.alone(), capture_output=True, text=True, timeout=120
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout) | {"log": run.stderr}

    return call


@pytest.mark.parametrize(
    ("patient", "words", "indicator"),
    [("sepsis", "High risk", "critical"), ("stable", "Low risk", "info")],
)
def test_its_card_is_ours_by_its_own_model(call, ehr, vigil_without_app, patient, words, indicator):
    """Its call has no token and no FHIR server, and its CDSResponse takes the answer."""
    prefetch = ehr.prefetch(vigil_without_app.services, patient)
    said = call(vigil_without_app.hook, prefetch, patient)
    assert "fhirServer" not in said["asked"][0] and said["faults"] == [[]]
    (card,) = said["answers"][0]["cards"]
    assert words in card["summary"] and "NEWS2" in card["summary"]
    assert card["indicator"] == indicator and card["source"]["label"] == "Vigil"


def test_a_card_with_a_link_arrives_whole(call, ehr, vigil):
    """Its Link demands `autoLaunchable`, which CDS Hooks does not know; it then hands on the answer
    as it came.
    """
    said = call(vigil.hook, ehr.prefetch(vigil.services, "sepsis"), "sepsis")
    assert [fault[3:] for fault in said["faults"][0]] in ([], [[0, "autoLaunchable", "missing"]])
    (card,) = said["answers"][0]["cards"]
    assert "High risk" in card["summary"] and card["links"][0]["url"] == f"{vigil.url}/launch"


def test_a_chart_of_another_patient_than_it_names_gets_no_card(call, ehr, vigil):
    """Left alone, the client names a patient at random beside the chart that was loaded: 412, never
    a risk.
    """
    said = call(vigil.hook, ehr.prefetch(vigil.services, "sepsis"))
    assert said["answers"] == [{}] and "Error response 412" in said["log"]


def test_its_synthetic_data_hold_nothing_to_judge(call, vigil):
    """Patient, encounter and condition, but no Observation and no server to ask: 412 (R51)."""
    said = call(vigil.hook, None)
    assert set(said["asked"][0]["prefetch"]) >= {"patient", "encounter"}
    assert said["answers"] == [{}] and "Error response 412" in said["log"]
