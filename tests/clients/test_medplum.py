"""`@medplum/core` (npm): MedplumClient reads discovery, prefetches from its own FHIR server and
calls, without `fhirServer`.
"""

import json
import subprocess

import pytest

from tests.clients import environments


@pytest.fixture
def call(medplum):
    """Let MedplumClient, made with these options, call the service for a patient."""
    node, place = medplum

    def call(patient, prefetch=None, **options):
        command = [node, "call.mjs", json.dumps(options), patient]
        run = subprocess.run(
            command + ([json.dumps(prefetch)] if prefetch is not None else []),
            cwd=place,
            env=environments.alone(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    return call


@pytest.fixture
def apart(ehr, vigil):
    """The options of a client whose charts are in one place and whose CDS services in another."""
    own = {"baseUrl": ehr.url, "fhirUrlPath": "fhir", "cdsServicesUrl": vigil.services}
    return lambda patient: own | {"accessToken": ehr.token(patient)}


@pytest.mark.parametrize(
    ("patient", "words", "indicator"),
    [("sepsis", "High risk", "critical"), ("stable", "Low risk", "info")],
)
def test_it_gets_its_card_without_a_token(call, apart, patient, words, indicator):
    """`cdsServicesUrl` at Vigil: the token stays with Medplum, all data come prefetched."""
    said = call(patient, **apart(patient))
    assert "error" not in said, said["error"]
    assert set(said["request"]) == {"hook", "hookInstance", "context", "prefetch"}
    assert said["request"]["prefetch"]["vitals"]["entry"]
    (card,) = said["answer"]["cards"]
    assert words in card["summary"] and card["indicator"] == indicator


def test_its_own_token_is_passed_over(call, ehr, vigil):
    """Where a proxy has Vigil below Medplum's address the access token comes along; it is no hook
    token, and an open record asks for none.
    """
    said = call("sepsis", baseUrl=vigil.url, fhirUrlPath=ehr.fhir, accessToken=ehr.token("sepsis"))
    assert "error" not in said, said["error"]
    assert "High risk" in said["answer"]["cards"][0]["summary"]


@pytest.mark.rule("R30", "R51")
def test_it_reads_why_it_is_refused(call, apart):
    """What it throws are the words of our OperationOutcome: there was nothing to judge."""
    said = call("sepsis", {}, **apart("sepsis"))
    assert "answer" not in said and "Vital signs" in said["error"]


def test_discovery_and_card_fit_its_types(call, medplum, apart):
    """The TypeScript compiler takes both documents as CdsDiscoveryResponse and CdsResponse."""
    node, place = medplum
    said = call("sepsis", **apart("sepsis"))
    (place / "answers.ts").write_text(
        "import type { CdsDiscoveryResponse, CdsResponse } from '@medplum/core';\n"
        "const discovery = <T extends CdsDiscoveryResponse>(document: T) => document;\n"
        "const answer = <T extends CdsResponse>(document: T) => document;\n"
        f"discovery({json.dumps(said['discovery'])});\nanswer({json.dumps(said['answer'])});\n"
    )
    tsc = [node, "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck"]
    tsc += ["--module", "nodenext", "--target", "es2022", "answers.ts"]
    run = subprocess.run(tsc, cwd=place, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout


@pytest.mark.rule("R112")
def test_a_page_with_it_may_call(http, vigil):
    """Its own header needs leave in a browser's preflight, like every header that a client adds."""
    asked = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-medplum",
    }
    for url in (vigil.services, vigil.hook):
        answer = http.options(url, headers=asked)
        allowed = answer.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
        assert answer.ok and {"content-type", "x-medplum"} <= set(allowed)
