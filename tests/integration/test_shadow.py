"""A shadow model in `vigil serve`: promoted on the command line, taken at a reload, scored after the
answer, compared by the command.
"""

import shutil
import signal
import time
import uuid

import pytest
import requests
from click.testing import CliRunner

import vigil
from models.fitted.registry import TRAINED
from runtime.audit.log import Audit
from tests.support.hookcall import AT, SICK, bundle, observation, patient
from tests.support.served import Served

EHR = (
    'models_dir = "models"\n[[ehr]]\nid = "e"\nfhir_base = ["http://localhost:1/r4"]\n'
    'hook_auth = "open"\n'
)


@pytest.fixture
def site(tmp_path):
    """A running Vigil with models of its own, none of them a shadow."""
    shutil.copytree(TRAINED, tmp_path / "models")
    running = Served(tmp_path, EHR)
    yield running
    running.stop()


def call(site) -> dict:
    """Call with vital signs of this moment, and return the card."""
    now = vigil.utc_now() - AT
    hours = -now.total_seconds() / 3600 + 1
    vitals = [observation(*row, hours=hours) for row in SICK.values()]
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "prefetch": {"patient": patient(), "vitals": bundle(vitals), "labs": bundle([])},
    }
    answer = requests.post(site.hook, json=body, timeout=40, proxies={"http": ""})
    (card,) = answer.json()["cards"]
    return card


def command(*arguments) -> str:
    """Run a command that has to succeed."""
    result = CliRunner().invoke(vigil.main, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def shadows(tmp_path, number: int, seconds: float = 40.0) -> list[dict]:
    """Return the records of shadows, newest first, once there are so many."""
    audit, end = Audit(tmp_path / "data" / "audit.sqlite"), time.monotonic() + seconds
    while time.monotonic() < end:
        found = list(audit.records(type="shadow"))
        if len(found) >= number:
            return found
        time.sleep(0.1)
    return pytest.fail("no record of a shadow")


def test_a_promoted_shadow_is_scored_after_a_reload(site, tmp_path):
    """Its record names the card of the champion, whose answer it did not change."""
    models, config = tmp_path / "models", tmp_path / "vigil.toml"
    who = ("--by", "Dr Test", "--reason", "x", "--models", models)
    alone = call(site)
    command("models", "promote", "sepsis", "0.4.0", "--alias", "shadow", *who)
    site.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 40
    while time.monotonic() < end and not list(
        Audit(tmp_path / "data" / "audit.sqlite").records(type="shadow")
    ):
        card = call(site)
        time.sleep(0.2)
    found = shadows(tmp_path, 1)[-1]
    assert found["model"]["version"] == "0.4.0" and found["outcome"] == "sepsis"
    assert found["champion"]["model"]["version"] == "0.5.0"
    assert found["interval"] is None or len(found["interval"]) == 2
    assert card["indicator"] == alone["indicator"] and card["summary"][:40] == alone["summary"][:40]
    known = Audit(tmp_path / "data" / "audit.sqlite").find_assessment(found["assessment_id"])
    assert known["hook"] == "patient-view" and known["shown"]
    text = command("audit", "shadow", "--config", config)
    assert "sepsis: champion sepsis 0.5.0, shadow sepsis 0.4.0" in text
