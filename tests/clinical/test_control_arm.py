"""Over generated charts: in a trial's control arm a card says nothing that a model adds, and is
never calmer than its values force it to be.
"""

import json
import uuid

import pytest
from hypothesis import given, settings

from models.fitted.registry import load_models
from tests.clinical.test_graver_never_calmer import at_least, charts, resources
from tests.conftest import AT, bundle, patient
from tests.support.hookcall import FHIR, World
from tests.support.trials import trial
from tests.support.urgency_reference import least_level


@pytest.fixture(scope="module")
def control(tmp_path_factory) -> World:
    """A Vigil with the shipped models, of which nearly everybody is in the control arm."""
    folder = tmp_path_factory.mktemp("control")
    plan = trial(folder, control_share=0.999)
    world = World(folder, models=load_models(), trial=plan, hook_auth="open", hook_issuer=None)
    world.now = AT
    return world


@settings(max_examples=150, deadline=None)
@given(values=charts())
def test_the_control_arm_never_lowers_what_the_values_ask_for(control, values):
    """Where they ask for a card there is one, at their level, without risk, model and link."""
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": FHIR,
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "prefetch": {
            "patient": patient(born="1965-09-01"),
            "vitals": bundle(resources(values)),
            "labs": bundle([]),
        },
    }
    answer = control.post(json.dumps(body).encode(), token=None)
    cards, record, least = answer.json["cards"], control.record(), least_level(values)
    assert record["trial"]["arm"] == "control" and record["withheld"]
    assert len(cards) == record["shown"]
    if least != "info":
        assert len(cards) == 1 and at_least(cards[0]["indicator"], least), (values, cards)
    for card in cards:
        assert card["indicator"] != "info"
        if record["status"] == "scored":
            text = f"{card['summary']} {card['detail']}".lower()
            assert "%" not in card["summary"].replace("SpO2", "").split("withheld")[-1]
            for word in ("risk of", "low risk", "medium risk", "high risk", "percentage points"):
                assert word not in text, (word, card)
            assert "withheld" in text and "links" not in card
            for risk in record["risks"]:
                assert risk["model"]["version"] not in card["detail"]
