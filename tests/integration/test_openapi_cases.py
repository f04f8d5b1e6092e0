"""Calls that schemathesis makes up from /openapi.json, right and wrong ones: no fault of ours, and
every answer is one that the document names.
"""

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from msgspec import structs
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from runtime import store
from tests.support import hookcall
from tests.support.contract import DOCUMENT
from tests.support.hookcall import PUBLIC, World
from tests.support.served import free_port
from vigil import create_app

# Without a server between, nothing takes a compressed body apart.
PLAIN = {"Accept-Encoding": "identity"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# The same cases in each run, and none too slow or too odd for the library's taste.
FEW = settings(
    max_examples=6,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MANY = settings(FEW, max_examples=25)
METHODS = {"get", "post"}
OPERATIONS = [
    (method.upper(), path)
    for path, item in DOCUMENT["paths"].items()
    for method in item.keys() & METHODS
]
SERVICES = [path for method, path in OPERATIONS if method == "POST" and "{handle}" not in path]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return one EHR with keys, whose FHIR server is away, and the document of a whole Vigil."""
    server = store.embedded(tmp_path_factory.mktemp("redis"))
    away = f"http://127.0.0.1:{free_port()}/fhir"
    world = World(tmp_path_factory.mktemp("vigil"), fhir_base=[away])
    world.settings.path("metrics-token").write_text("x" * 32)
    whole = structs.replace(world.settings, metrics_token_file="metrics-token")
    app = create_app(whole, server.url, lambda: world.now)
    yield world, schemathesis.openapi.from_wsgi("/openapi.json", app), away
    server.stop()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_stranger_meets_no_fault(site, method, path):
    """Without a token, a session or a launch: whatever is sent is answered as the document says."""
    _, schema, _ = site

    @FEW
    @given(schema[path][method].as_strategy())
    def call(case):
        case.call_and_validate(headers=PLAIN, checks=CHECKS)

    call()


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("path", SERVICES)
def test_an_ehr_meets_no_fault(site, path, mode):
    """With a token of its own for each call; half of the right calls bring a chart."""
    world, schema, away = site
    answered = Counter()

    @MANY
    @given(schema[path]["POST"].as_strategy(generation_mode=mode))
    def call(case):
        if isinstance(case.body, dict) and "fhirServer" in case.body:
            case.body["fhirServer"] = away
        if mode.is_positive and "context" in case.body and answered.total() % 2:
            case.body |= {"prefetch": hookcall.prefetch()}
            case.body["context"] |= {"patientId": "p1"}
        token = world.token(audience=PUBLIC + path)
        answer = case.call_and_validate(
            headers=PLAIN | {"Authorization": f"Bearer {token}"}, checks=CHECKS
        )
        answered[answer.status_code] += 1

    call()
    assert 401 not in answered and (200 in answered or mode.is_negative)
