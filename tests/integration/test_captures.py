"""Real charts as Epic, Oracle Health, US Core and Synthea write them go through discovery's
queries and the hook without an error.
"""

import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest

import vigil
from models.reading.fhir import parse
from models.reading.reader import read_chart
from runtime import store
from runtime.audit.log import Audit
from runtime.settings_file import settings_from
from tests.support import captures

FHIR = "https://ehr.example.org/r4"
VENDORS = ("epic", "oracle", "us-core", "synthea")


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """An embedded Redis for the module."""
    server = store.embedded(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_charts_are_answered(vendor, shared, tmp_path, redis):
    """Every chart gives 200 with one honest card, and what was read or rejected is on record."""
    moment = [datetime.now(UTC)]
    config = {
        "public_url": "http://localhost:8000",
        "base_dir": str(tmp_path),
        "ehr": [{"id": vendor, "fhir_base": [FHIR], "hook_auth": "open"}],
    }
    client = vigil.create_app(settings_from(config), redis, lambda: moment[0]).test_client()
    templates = client.get("/cds-services").get_json()["services"][0]["prefetch"]
    found = captures.resources(shared / "data" / "fhir" / vendor)
    names = captures.patients(found)
    read, rejected, statuses = Counter(), Counter(), Counter()
    for patient in names:
        moment[0] = captures.last_moment(found, patient) or datetime.now(UTC)
        body = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": FHIR,
            "context": {"userId": "Practitioner/1", "patientId": patient},
            "prefetch": captures.prefetch(found, templates, patient),
        }
        answer = client.post("/cds-services/vigil-patient-view", json=body)
        assert answer.status_code == 200, answer.get_json()
        assert all(len(card["summary"]) < 140 for card in answer.get_json()["cards"])
    for record in Audit(tmp_path / "var" / "audit.sqlite").records(type="hook"):
        statuses[record["status"]] += 1
        read.update(reading[1] for reading in record["chart"]["readings"])
        rejected.update(record["chart"]["rejected"])
    print(
        f"\n{vendor}: {len(names)} charts {dict(statuses)}; read {dict(read)}; rejected {dict(rejected)}"
    )
    assert sum(statuses.values()) == len(names)


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_observation_is_read_or_rejected_with_a_reason_in_its_own_time(vendor, shared):
    """Old sandbox charts hide what is readable: each Observation alone, an hour after it was
    taken, is a reading or a counted rejection.
    """
    read, rejected = Counter(), Counter()
    observations = [
        r
        for r in captures.resources(shared / "data" / "fhir" / vendor)
        if r["resourceType"] == "Observation"
    ]
    for resource in observations:
        patient = captures.subject(resource).rsplit("/", 1)[-1].removeprefix("urn:uuid:")
        document = parse(resource)
        moment = captures.last_moment([resource], patient) or datetime.now(UTC)
        chart = read_chart(document.resources, patient, moment, document.malformed)
        assert chart.readings or chart.rejected, resource["id"]
        read.update(reading.variable for reading in chart.readings)
        rejected.update(chart.rejected)
    print(
        f"\n{vendor}: {len(observations)} Observations; read {dict(read)}; rejected {dict(rejected)}"
    )
    assert read
