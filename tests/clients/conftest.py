"""What the clients meet, the demonstration EHR and `vigil serve`, and an environment for each."""

import pytest
import requests

from tests.clients import environments
from tests.clients.charts import ChartServer
from tests.support.absent import absent
from tests.support.served import Served, free_port

OPEN = '[[ehr]]\nid = "open"\nfhir_base = ["{}"]\nhook_auth = "open"\n'
APP = 'smart_client_id = "vigil"\ncors_origins = ["http://localhost:3000"]\n'


@pytest.fixture(scope="session")
def http():
    """A session that no proxy of the machine comes between."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="session")
def app_url():
    """Where the SMART app on fhirclient listens."""
    return f"http://localhost:{free_port()}"


@pytest.fixture(scope="session")
def ehr(app_url, http):
    server = ChartServer(app_url, http)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def vigil(ehr, tmp_path_factory):
    """Vigil with one record, which is open and has the SMART app."""
    served = Served(tmp_path_factory.mktemp("vigil"), OPEN.format(ehr.fhir) + APP)
    yield served
    served.stop()


@pytest.fixture(scope="session")
def vigil_without_app(ehr, tmp_path_factory):
    """Vigil with one record, which is open and has no SMART app: its cards have no link."""
    served = Served(tmp_path_factory.mktemp("vigil"), OPEN.format(ehr.fhir))
    yield served
    served.stop()


@pytest.fixture(scope="session")
def healthchain():
    """The interpreter of HealthChain's environment."""
    return _made(environments.python, "healthchain")


@pytest.fixture(scope="session")
def medplum():
    """Node.js and the folder of `@medplum/core`."""
    return _made(environments.node, "medplum")


@pytest.fixture(scope="session")
def fhirclient():
    """Node.js and the folder of `fhirclient`."""
    return _made(environments.node, "fhirclient")


def _made(make, name):
    """Return an environment; where it cannot be made skip by name, and fail where CI=true."""
    try:
        return make(name)
    except environments.Absent as why:
        absent(f"{name} {why}")
