"""A Vigil whose models are damaged on disk: cards, pages, records and replays without them (G7)."""

import json
import shutil
import uuid

import pytest
from click.testing import CliRunner

import vigil
from models.fitted.registry import TRAINED
from runtime.settings_file import load_settings
from tests.conftest import AT, SICK, bundle, observation, patient, table
from tests.support.launch_bench import Bench
from tests.support.small_ehr import SmallEhr

FHIR = "https://ehr.example.org/r4"
BOTH = ("deterioration", "sepsis")


class Damaged:
    """A Vigil in a folder of its own, without the models named."""

    def __init__(self, folder, missing=()):
        shutil.copytree(TRAINED, folder / "models")
        self.config = folder / "vigil.toml"
        self.config.write_text(
            'public_url = "http://localhost:8000"\nmodels_dir = "models"\n'
            f'[[ehr]]\nid = "e"\nfhir_base = ["{FHIR}"]\nhook_auth = "open"\n'
        )
        for path in (p for name in missing for p in (folder / "models" / name).glob("*/model.txt")):
            path.write_bytes(path.read_bytes()[:-1])
        settings = load_settings(self.config)
        app = vigil.create_app(settings, "unix:///nowhere.sock", lambda: AT)
        self.http = app.test_client()

    def card(self, instance=None) -> dict:
        """Return the card of a sick patient."""
        prefetch = {
            "patient": patient(),
            "vitals": bundle(table(SICK)),
            "labs": bundle([observation("bun", 40)]),
        }
        body = {
            "hook": "patient-view",
            "hookInstance": instance or str(uuid.uuid4()),
            "prefetch": prefetch,
            "context": {"userId": "Practitioner/1", "patientId": "p1"},
        }
        answer = self.http.post("/cds-services/vigil-patient-view", json=body)
        assert answer.status_code == 200, answer.text
        (card,) = answer.json["cards"]
        assert len(card["summary"]) < 140
        return card

    def run(self, *arguments) -> tuple[int, str]:
        """Run a command with this Vigil's configuration."""
        result = CliRunner().invoke(vigil.main, [*arguments, "--config", str(self.config)])
        return result.exit_code, result.output

    def record(self) -> dict:
        """Return the newest record of a call."""
        return json.loads(self.run("audit", "show", "--type", "hook", "--limit", "1")[1])


@pytest.mark.rule("G7")
@pytest.mark.parametrize(
    ("missing", "summary", "detail"),
    [
        (("sepsis",), "Model sepsis unavailable.", "The model sepsis is unavailable; its risk"),
        (BOTH, "Risk not calculated: the model is unavailable.", "model deterioration is"),
    ],
)
def test_a_damaged_model_is_said_on_the_card_and_in_the_record(tmp_path, missing, summary, detail):
    """The others answer, else NEWS2 alone; the card is as grave as ever, and replays."""
    vigil_ = Damaged(tmp_path, missing)
    card, record = vigil_.card(), vigil_.record()
    assert card["indicator"] == "critical" and "NEWS2" in card["summary"]
    assert summary in card["summary"] and detail in card["detail"]
    assert record["degraded"][: len(missing)] == [f"model missing: {name}" for name in missing]
    assert len(record["risks"]) == 2 - len(missing)
    code, said = vigil_.run("audit", "replay", record["assessment_id"])
    assert code == 0 and said.startswith("The same again"), said
    ready = vigil_.http.get("/readyz").json
    assert ready["status"] == "degraded" and ready["parts"]["models"]["state"] == "degraded"
    assert f"missing {', '.join(missing)}" in ready["parts"]["models"]["why"]
    assert vigil_.http.get("/model-card").status_code == 200
    code, said = vigil_.run("check")
    assert code == 1 and "SHA-256 differs" in said


@pytest.mark.rule("G7", "G12")
def test_the_same_call_is_answered_the_same_once_the_model_is_back(tmp_path):
    """A repeat holds what the first card held; the next call has the model again."""
    without, instance = Damaged(tmp_path, ("sepsis",)), str(uuid.uuid4())
    first = without.card(instance)
    shutil.copytree(TRAINED, tmp_path / "models", dirs_exist_ok=True)
    whole = vigil.create_app(
        load_settings(without.config), "unix:///nowhere.sock", lambda: AT
    ).test_client()
    without.http = whole
    assert without.card(instance) == first
    assert "unavailable" not in without.card()["detail"]
    assert whole.get("/readyz").json["parts"]["models"]["state"] == "ok"


@pytest.mark.rule("G7")
def test_a_champion_that_gave_way_fails_the_check_and_serves(tmp_path):
    """`vigil check` is for the person who can mend it; the service goes on with 0.4.0."""
    vigil_ = Damaged(tmp_path)
    text = tmp_path / "models" / "sepsis" / "0.5.0" / "model.txt"
    text.write_bytes(text.read_bytes()[:-1])
    code, said = vigil_.run("check")
    assert code == 1 and "sepsis serves 0.4.0" in said
    app = vigil.create_app(load_settings(vigil_.config), "unix:///nowhere.sock", lambda: AT)
    told = app.test_client().get("/readyz").json["parts"]["models"]["why"]
    assert "sepsis 0.4.0" in told and told.endswith("behind sepsis")


@pytest.mark.rule("G7")
@pytest.mark.parametrize("missing", [("sepsis",), BOTH])
def test_the_page_stands_and_says_which_model_is_unavailable(tmp_path, missing):
    """With one model or none; it does not sound like an all-clear."""
    ehr = SmallEhr()
    try:
        browser = Bench(tmp_path, ehr, missing=missing).browser()
        page = browser.get(browser.sign_in())
    finally:
        ehr.stop()
    assert page.status_code == 200
    for name in BOTH:
        assert (f"The model {name} is unavailable;" in page.text) is (name in missing)
