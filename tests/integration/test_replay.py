"""`vigil audit`: the chain is whole, records can be shown, and a card's assessment comes out the
same again.
"""

import json
import uuid
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import vigil
from cdshooks.replay import answered_by
from models.assess import assess
from models.fitted.registry import load_models, recorded
from models.patient.chart import Chart
from runtime import store
from runtime.settings_file import load_settings
from tests.conftest import SICK, bundle, observation, patient, table

FHIR = "https://ehr.example.org/r4"


@pytest.fixture
def config(tmp_path):
    """A Vigil whose audit log holds one answered call."""
    path = tmp_path / "vigil.toml"
    path.write_text(
        f'public_url = "http://localhost:8000"\n[[ehr]]\nid = "e"\nfhir_base = ["{FHIR}"]\nhook_auth = "open"\n'
    )
    server = store.embedded(tmp_path / "redis")
    settings = load_settings(path)
    from tests.conftest import AT

    client = vigil.create_app(settings, server.url, lambda: AT).test_client()
    prefetch = {
        "patient": patient(),
        "vitals": bundle(table(SICK)),
        "labs": bundle([observation("bun", 40)]),
    }
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": FHIR,
        "prefetch": prefetch,
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
    }
    assert client.post("/cds-services/vigil-patient-view", json=body).status_code == 200
    server.stop()
    return path


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(vigil.main, [str(a) for a in arguments])
    return result.exit_code, result.output


def test_a_recorded_assessment_is_the_same_again(config):
    """Every risk of the card comes out to the last digit, from the record alone."""
    import json

    shown = json.loads(run("audit", "show", "--config", config, "--type", "hook")[1])
    assert {risk["outcome"] for risk in shown["risks"]} == {"death", "sepsis"}
    code, text = run("audit", "replay", "--config", config, shown["assessment_id"])
    assert code == 0 and all(str(risk["probability"]) in text for risk in shown["risks"])
    assert run("audit", "replay", "--config", config, "unknown")[0] == 1


def test_a_changed_record_is_found(config):
    """The chain verifies, and one altered byte breaks it at its record."""
    import sqlite3

    assert run("audit", "verify", "--config", config)[0] == 0
    with sqlite3.connect(load_settings(config).data_path / "audit.sqlite") as db:
        db.execute(
            "UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), 'scored', 'Scored') AS BLOB) WHERE type = 'hook'"
        )
    db.close()
    code, text = run("audit", "verify", "--config", config)
    assert code == 1 and "record 1 was changed." in text


def test_a_replay_compares_level_and_findings_where_the_record_holds_them(config):
    """A card that would be calmer today than it was is told; records of 0.4.0 hold no findings."""
    import json

    from cdshooks.replay import again, difference

    record = json.loads(run("audit", "show", "--config", config, "--type", "hook")[1])
    found = again(record, load_models())
    assert record["level"] == "critical" and record["findings"][0][:2] == ["critical", "news2"]
    assert difference(record, found) == ""
    assert difference(record | {"level": "info"}, found)
    assert difference(record | {"findings": record["findings"][1:]}, found)
    old = {name: value for name, value in record.items() if name not in ("level", "findings")}
    assert difference(old, found) == ""


def test_records_of_0_4_0_replay_as_they_were_answered():
    """Invented charts, read and answered by the released 0.4.0: ties, scale 2, an unknown age, a
    child, a death, an empty chart. Model, probability and band are the same to the last bit.
    """
    text = (Path(__file__).parent / "records" / "0.4.0.jsonl").read_text("utf-8")
    records = [json.loads(line) for line in text.splitlines()]
    for record in records:
        chart, at = Chart.from_json(record["chart"]), datetime.fromisoformat(record["at"])
        models = recorded(answered_by(record))
        again = {
            risk.outcome: (risk.model.sha256, risk.probability, risk.band)
            for risk in assess(chart, at, models).risks
        }
        assert again == {
            risk["outcome"]: (risk["model"]["sha256"], risk["probability"], risk["band"])
            for risk in record["risks"]
        }, record["assessment_id"]
    assert len(records) == 8


def test_the_models_that_were_asked_are_those_of_the_record():
    """An admission asks them what they go by where no risk can be given, too."""
    asked = [["deterioration", "0.5.0"], ["sepsis", "0.5.0"]]
    assert answered_by({"models": asked, "risks": []}) == [tuple(one) for one in asked]
