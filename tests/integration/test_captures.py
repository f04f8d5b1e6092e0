"""Real charts as Epic, Oracle Health, US Core and Synthea write them go through discovery's
queries and the hook without an error.
"""

import json
import tomllib
import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest

import vigil
from demo import configuration
from demo.cards import view
from demo.keys import Keys
from demo.playing import request as shaped
from demo.playing.clients import PLAYED
from models.reading.fhir import parse
from models.reading.reader import read_chart
from runtime import store
from runtime.audit.log import Audit
from runtime.settings_file import settings_from
from tests.support import captures
from tests.support.listener import Listener
from tests.support.traced import traced

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
def test_fates_and_counts_agree(vendor, shared):
    """What is told of each Observation of a capture adds up to what the chart holds and counts."""
    found = captures.resources(shared / "data" / "fhir" / vendor)
    document = parse(
        json.dumps(
            {
                "resourceType": "Bundle",
                "entry": [
                    {"resource": one} for one in found if one["resourceType"] == "Observation"
                ],
            }
        ).encode()
    )
    for patient in captures.patients(found):
        moment = captures.last_moment(found, patient) or datetime.now(UTC)
        chart, fates = traced(document, patient, moment)
        assert sum(fate.own for fate in fates) >= len(chart.readings)


KEYS = Keys()
SERVICE = "http://localhost:8000/cds-services/vigil-patient-view"


class Played:
    """A Vigil as the demonstration configures it, asked as one of its clients asks; what is not
    sent is read from a FHIR server that holds the vendor's Patients.
    """

    def __init__(self, client, found, folder, redis, fhir):
        self.client, self.found, self.fhir = PLAYED[client], found, fhir
        self.moment = datetime.now(UTC)
        base = self.client.base(fhir.url)
        fhir.seen.clear()
        fhir.answers = {
            f"{base.removeprefix(fhir.url)}/Patient/{one['id']}": (
                200,
                {},
                json.dumps(one).encode(),
            )
            for one in found
            if one["resourceType"] == "Patient" and "id" in one
        }
        port = int(fhir.url.rpartition(":")[2])
        config = tomllib.loads(
            configuration.text(8000, port, None).replace("localhost", "127.0.0.1")
        )
        config |= {"public_url": "http://localhost:8000", "base_dir": str(folder)}
        (folder / "keys.json").write_text(json.dumps(KEYS.public()))
        for record in config["ehr"]:
            if record.pop("hook_jwks_url", None):
                record["hook_jwks_file"] = "keys.json"
        app = vigil.create_app(settings_from(config), redis, lambda: self.moment)
        self.http = app.test_client()
        discovered = self.http.get("/cds-services").get_json()["services"]
        (self.templates,) = (
            one["prefetch"] for one in discovered if one["id"] == "vigil-patient-view"
        )

    def ask(self, patient):
        """Play one patient's chart in its own time."""
        self.moment = captures.last_moment(self.found, patient) or datetime.now(UTC)
        context = {"userId": "Practitioner/1", "patientId": patient}
        context |= {"encounterId": "stay"} if self.client.encounter else {}
        token = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "subject": "vigil"}
        token |= {"scope": self.client.scope, "patient": patient}
        sent = captures.prefetch(self.found, self.templates, patient)
        body = shaped.body(self.client, self.fhir.url, "patient-view", context, token, sent)
        now = int(self.moment.timestamp())
        claims = shaped.claims(self.client, self.fhir.url, SERVICE, now)
        signed = KEYS.sign(self.client.algorithm, claims)
        return self.http.post(SERVICE, json=body, headers={"Authorization": f"Bearer {signed}"})


@pytest.fixture(scope="module")
def fhir():
    """A FHIR server on loopback."""
    server = Listener()
    yield server
    server.close()


@pytest.mark.parametrize("client", PLAYED)
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_charts_go_through_as_each_client_asks(
    vendor, client, shared, tmp_path, redis, fhir
):
    """Signed and shaped as that client does: 200, of that client's record, with a card that it can
    show or a reason on record why there is none.
    """
    found = captures.resources(shared / "data" / "fhir" / vendor)
    played, names = Played(client, found, tmp_path, redis, fhir), captures.patients(found)
    for patient in names:
        answer = played.ask(patient)
        assert answer.status_code == 200, answer.get_json()
        for card in answer.get_json()["cards"]:
            assert view(card, "http://localhost:8000", played.client), card
    records = list(Audit(tmp_path / "data" / "audit.sqlite").records(type="hook"))
    assert [record["ehr"] for record in records] == [played.client.record] * len(names)
    assert all(record["delivery"] for record in records)
    # What the client names in its own words is read from its server.
    known = {one["id"] for one in found if one["resourceType"] == "Patient" and "id" in one}
    asked = {path.rpartition("/")[2] for path in fhir.paths()}
    assert known <= asked or not played.client.renamed


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
