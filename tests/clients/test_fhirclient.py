"""`fhirclient` (npm): a SMART app on it launches from the demonstration EHR, and calls Vigil with
the token that it got.
"""

import json
import subprocess
import uuid

import pytest

from tests.clients import environments
from tests.clients.charts import SECRET
from tests.support.served import wait_for

SCOPE = "launch openid fhirUser online_access patient/Patient.read patient/Observation.read"
WAYS = {
    "public": {"scope": SCOPE},
    "secret": {"scope": SCOPE, "clientSecret": SECRET},
    "key": {"scope": SCOPE, "key": True},
}


@pytest.fixture(scope="session")
def app(fhirclient, app_url, ehr, tmp_path_factory):
    """The app, running."""
    node, place = fhirclient
    log = tmp_path_factory.mktemp("app") / "log"
    command = [node, "app.js", app_url.rpartition(":")[2], json.dumps(WAYS)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=environments.alone(),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    wait_for(f"{app_url}/", process, log)
    yield app_url
    process.terminate()
    process.wait(10)


@pytest.fixture
def launched(app, ehr, http):
    """Launch the app, registered in one way, from a patient's chart and return what it read."""

    def launched(way, patient):
        answer = http.get(f"{app}/{way}/launch", params=ehr.launch(patient), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return launched


@pytest.mark.parametrize("way", WAYS)
def test_it_launches_from_the_demonstration_ehr(launched, ehr, way):
    """Discovery, PKCE, each kind of client, id_token, paging, refresh as the library does them."""
    read = launched(way, "sepsis")
    assert read["patient"]["id"] == read["token"]["patient"] == "sepsis"
    assert read["observations"] > read["firstPage"] == 20
    assert (
        read["userType"] == "Practitioner" and read["encounter"] and read["serverUrl"] == ehr.fhir
    )
    assert way == "key" or read["refreshed"]


def test_vigil_reads_the_chart_with_its_token(launched, http, vigil):
    """A CDS client that was itself launched, as the public Sandbox can be: its
    `fhirAuthorization` is what fhirclient holds.
    """
    read = launched("public", "sepsis")
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": read["serverUrl"],
        "fhirAuthorization": {
            name: read["token"][name]
            for name in ("access_token", "token_type", "expires_in", "scope")
        }
        | {"subject": "public", "patient": read["token"]["patient"]},
        "context": {
            "userId": "/".join(read["user"].split("/")[-2:]),
            "patientId": read["patient"]["id"],
            "encounterId": read["encounter"],
        },
    }
    answer = http.post(vigil.hook, json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    (card,) = answer.json()["cards"]
    assert "High risk" in card["summary"] and card["links"][0]["type"] == "smart"
