"""The clients that the README names, each with its requests as it ships them.

The CDS Hooks Sandbox, `@medplum/core`, HealthChain's SandboxClient, Epic and Oracle Health. The first
three also run as they are, elsewhere; of the vendors only what they document is known.
"""

import json
import time
import uuid

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.support import hookcall
from tests.support.hookcall import FEEDBACK, FHIR, PUBLIC, SERVICE, World

NOW = int(hookcall.AT.timestamp())
CARD = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def sign(alg, key, header, claims):
    """Return a JWT with exactly this header beside `alg`, and these claims."""
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    registry.max_header_length = 8192
    payload = json.dumps(claims).encode()
    return jws.serialize_compact({"alg": alg} | header, payload, key, registry=registry)


def publish(listener, *keys):
    """Publish keys at /jwks as a key server does."""
    body = json.dumps({"keys": list(keys)}).encode()
    listener.answers["/jwks"] = (200, {"Content-Type": "application/json"}, body)
    return f"{listener.url}/jwks"


# The public CDS Hooks Sandbox


SANDBOX_KEY = ECKey.generate_key("P-384", {"kid": "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"})
SANDBOX_JKU = "https://sandbox.cds-hooks.org/.well-known/jwks.json"
SANDBOX_FHIR = "https://launch.smarthealthit.org/v/r2/fhir"
SANDBOX = {"id": "sandbox", "fhir_base": [SANDBOX_FHIR]}


class Sandbox:
    """It signs every call, discovery too, for the very URL that it calls, and always sends `jku`."""

    def __init__(self, world, key=SANDBOX_KEY):
        self.world, self.key = world, key

    def token(self, path):
        header = {"typ": "JWT", "kid": SANDBOX_KEY.kid, "jku": SANDBOX_JKU}
        claims = {
            "iss": "https://sandbox.cds-hooks.org",
            "aud": PUBLIC + path,
            "exp": NOW + 300,
            "iat": NOW,
            "jti": str(uuid.uuid4()),
        }
        return sign("ES384", self.key, header, claims)

    def discover(self, path="/cds-services"):
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.token(path)}"}
        return self.world.client.get(path, headers=headers)

    def call(self, path=SERVICE, fhir_server=SANDBOX_FHIR):
        body = {
            "hookInstance": str(uuid.uuid4()),
            "hook": "patient-view",
            "fhirServer": fhir_server,
            "context": {"patientId": "p1", "userId": "Practitioner/COREPRACTITIONER1"},
            "prefetch": hookcall.prefetch(),
        }
        return self.world.post(body, path=path, token=self.token(path))

    def dismiss(self, path=FEEDBACK):
        reason = {"code": "known", "system": "urn:vigil:override-reason"}
        item = {
            "card": CARD,
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-25T21:30:00.123Z",
            "overrideReason": {"reason": reason},
        }
        return self.world.post({"feedback": [item]}, path=path, token=self.token(path))


@pytest.fixture
def open_sandbox(build):
    """An open record, as one sets up to try the Sandbox: no issuer, no keys."""
    return Sandbox(build(hook_auth="open", hook_issuer=None, hook_jwks_url=None, **SANDBOX))


def test_the_sandbox_is_answered_by_an_open_record(open_sandbox):
    """Its token can't be checked there, which is noted, and is not asked for either."""
    assert open_sandbox.discover().status_code == 200
    answer = open_sandbox.call()
    assert answer.status_code == 200 and answer.json["cards"][0]["uuid"]
    record = open_sandbox.world.record()
    assert (record["ehr"], record["client"], record["encounter"]) == ("sandbox", None, None)
    assert record["ignored"] == ["Authorization: issuer"]
    assert open_sandbox.dismiss().status_code == 200
    assert open_sandbox.world.record("feedback")["fb_reason"]["code"] == "known"


def test_the_sandboxs_urls_may_have_a_slash_too_many(open_sandbox):
    """It puts `/` and the id behind a discovery URL as it was typed."""
    assert open_sandbox.discover("/cds-services/").status_code == 200
    called = SERVICE.replace("/cds-services/", "/cds-services//")
    assert open_sandbox.call(called).status_code == 200
    assert open_sandbox.call(fhir_server=SANDBOX_FHIR + "/").status_code == 200
    assert open_sandbox.dismiss(called + "/feedback").status_code == 200


@pytest.mark.parametrize("auth", ["open", "required"])
def test_the_sandboxs_token_is_checked_where_its_keys_are_pinned(tmp_path, auth):
    """With hook_jwks_file its `jku` is neither fetched nor compared."""
    issuer = "https://sandbox.cds-hooks.org"
    world = World(tmp_path, hook_auth=auth, hook_issuer=issuer, **SANDBOX)
    public = SANDBOX_KEY.as_dict(private=False, use="sig", alg="ES384")
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public]}))
    assert Sandbox(world).call().status_code == 200
    assert world.record()["client"]["iss"] == issuer and world.record()["ignored"] == []
    forger = ECKey.generate_key("P-384", {"kid": SANDBOX_KEY.kid})
    assert Sandbox(world, forger).call().status_code == 401
    assert world.record("refusal")["reason"] == "signature"


# Clients that prefetch everything and sign nothing


def medplum():
    """`buildCdsRequest` and `callCdsService`: what Medplum's own server answers to each query."""
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/0190-a", "patientId": "p1"},
        "prefetch": hookcall.prefetch(),
    }


def healthchain():
    """Its CDSRequest, without the members that are None: digits for ids, a user of four types."""
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "RelatedPerson/40917", "patientId": "p1"},
        "prefetch": hookcall.prefetch(),
    }


def filled():
    """A client that fills every member it knows, with nothing where it has nothing."""
    context = {"userId": "https://fhir.example.org/Practitioner/1", "patientId": "p1"}
    return medplum() | {
        "fhirServer": "",
        "fhirAuthorization": None,
        "context": context | {"encounterId": ""},
    }


@pytest.mark.parametrize("request_of", [medplum, healthchain, filled])
@pytest.mark.rule("B3")
def test_a_client_with_full_prefetch_needs_neither_token_nor_server(build, request_of):
    """On an open record; by 401 elsewhere, and by 400 where two records are open."""
    world = build(hook_auth="open")
    assert world.cards(request_of(), token=None)
    assert (world.record()["ehr"], world.record()["ignored"]) == ("ehr", [])


@pytest.mark.parametrize("request_of", [medplum, healthchain])
def test_elsewhere_such_a_client_is_told_what_is_missing(tmp_path, build, request_of):
    (tmp_path / "two").mkdir()
    assert World(tmp_path / "two").post(request_of(), token=None).status_code == 401
    other = {"id": "other", "fhir_base": ["https://o.example/r4"], "hook_auth": "open"}
    answer = build(hook_auth="open", others=[other]).post(request_of(), token=None)
    assert answer.status_code == 400 and "fhirServer" in answer.text


def test_an_ehr_that_takes_its_time_is_waited_for(build, listener):
    """Nothing prefetched, each answer after 400 ms: a card, since hook_budget_ms is 800; 412 where
    a record allows less.
    """

    def slowly(resource):
        body = json.dumps(resource).encode()

        def answer(handler):
            time.sleep(0.4)
            listener._send(handler, (200, {"Content-Type": "application/fhir+json"}, body))

        return answer

    listener.answers["/r4/Patient"] = slowly(hookcall.patient())
    listener.answers["/r4/Observation"] = slowly(
        hookcall.bundle(hookcall.observations(hookcall.SICK))
    )
    base = f"{listener.url}/r4"
    body = hookcall.request(
        prefetch=..., fhirServer=base, fhirAuthorization=hookcall.authorization()
    )
    assert build(fhir_base=[base], hook_budget_ms=5000).cards(body)
    assert build(fhir_base=[base], hook_budget_ms=100).post(body).status_code == 412


# Epic, as its tutorial documents it


EPIC_ISSUER = "https://fhir.epic.example/interconnect/api/FHIR/R4"
EPIC_KEY = RSAKey.generate_key(2048, {"kid": "w/Yx+4="})


class Epic:
    """RS384, a long `jku`, `sub` and `nbf`, fifteen minutes, an audience typed in by hand."""

    def __init__(self, world, jku):
        self.world, self.jku = world, jku

    def post(self, body, path=SERVICE, audience="agreed-with-the-site", **claims):
        usual = {
            "iss": EPIC_ISSUER,
            "sub": EPIC_ISSUER,
            "aud": audience,
            "iat": NOW,
            "nbf": NOW - 300,
            "exp": NOW + 900,
            "jti": str(uuid.uuid4()),
        }
        header = {"typ": "JWT", "kid": EPIC_KEY.kid, "jku": self.jku}
        return self.world.post(
            body, path=path, token=sign("RS384", EPIC_KEY, header, usual | claims)
        )

    def request(self):
        """patient-view with Epic's extensions, user, scopes and empty searches."""
        none = {"severity": "information", "code": "informational"}
        outcome = {"resourceType": "OperationOutcome", "issue": [none]}
        empty = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": 0,
            "entry": [{"resource": outcome, "search": {"mode": "outcome"}}],
        }
        return {
            "hook": "patient-view",
            "hookInstance": "9cecd908-6b9e-11ef-ae9b-005056be2c3a",
            "fhirServer": EPIC_ISSUER,
            "fhirAuthorization": {
                "access_token": "SECRET-TOKEN",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "Patient.Read (R4) Observation.Search (Vital Signs) (R4)",
                "subject": "vigil",
                "patient": "p1",
            },
            "context": {"patientId": "p1", "encounterId": "e1.2-3", "userId": "PractitionerRole/r"},
            "prefetch": hookcall.prefetch(labs=empty) | {"-user": {"resourceType": "Practitioner"}},
            "extension": {
                "com.epic.cdshooks.request.bpa-trigger-action": "60",
                "com.epic.cdshooks.request.cds-hooks-specification-version": "1.1",
                "internal.epic.cdshooks.request.criteria-id": 12,
            },
        }


@pytest.fixture
def epic(build, listener):
    key = EPIC_KEY.as_dict(private=False, use="sig")
    jku = publish(listener, key, RSAKey.generate_key(2048, {"kid": "old"}).as_dict(private=False))
    world = build(
        profile="epic",
        fhir_base=[EPIC_ISSUER],
        hook_issuer=EPIC_ISSUER,
        hook_jwks_url=jku,
        hook_audience=["agreed-with-the-site"],
    )
    return Epic(world, jku)


def test_epics_call_is_answered(epic):
    answer = epic.post(epic.request())
    assert answer.status_code == 200 and answer.json["cards"]
    assert epic.world.record()["user"] == "PractitionerRole/r"
    assert epic.world.record()["client"]["kid"] == EPIC_KEY.kid
    again = epic.post(epic.request(), audience=PUBLIC + SERVICE, iat=NOW * 1.0, exp=NOW + 900.0)
    assert again.status_code == 200


def test_epics_feedback_is_read_as_it_sends_it(epic):
    """In batches, under the plural name, with its own extension in place of a Coding."""
    category = "com.epic.cdshooks.feedback.overrideReason.reasonDisplay"
    items = [
        {
            "card": "123456",
            "outcome": "overridden",
            "overrideReasons": [{"reason": {"code": "x", "system": "urn:y", "display": "Z"}}],
        },
        {
            "card": CARD,
            "outcome": "overridden",
            "overrideReasons": {"extension": {category: "Not now"}},
        },
    ]
    assert epic.post({"feedback": items}, path=FEEDBACK).status_code == 200
    first, second = list(epic.world.audit.records(type="feedback"))[::-1]
    assert first["fb_reason"]["code"] == "x" and first["ehr"] == "ehr"
    assert second["fb_reason"] == {category: "Not now"}


def test_epics_token_of_another_site_is_refused(epic):
    assert epic.post(epic.request(), iss=EPIC_ISSUER + "/").status_code == 401
    assert epic.world.record("refusal")["reason"] == "issuer"
    assert epic.post(epic.request(), exp=NOW + 901).status_code == 401
    assert epic.world.record("refusal")["reason"] == "lifetime"


# Oracle Health, as its draft documents it


ORACLE_ISSUER = "https://cds-hooks.cerner.com"
ORACLE_KEY = RSAKey.generate_key(2048, {"kid": "oracle-1"})
ORACLE_BASE = "https://fhir-ehr.cerner.example/r4/{}"


@pytest.fixture
def oracle(tmp_path, listener):
    """Two hospitals of one vendor: one issuer, one key set, a tenant and a FHIR base each."""
    keys = publish(listener, ORACLE_KEY.as_dict(private=False, alg="RS256"))
    record = {"profile": "oracle", "hook_issuer": ORACLE_ISSUER, "hook_jwks_url": keys}
    hospitals = [
        record | {"id": name, "fhir_base": [ORACLE_BASE.format(name)], "hook_tenants": [name]}
        for name in ("north", "south")
    ]
    return World(tmp_path, others=hospitals[1:], smart_client_id=None, **hospitals[0])


def oracle_token(tenant, path=SERVICE):
    claims = {
        "iss": ORACLE_ISSUER,
        "aud": PUBLIC + path,
        "iat": NOW,
        "exp": NOW + 300,
        "jti": str(uuid.uuid4()),
        "tenant": tenant,
    }
    return sign("RS256", ORACLE_KEY, {"typ": "JWT", "kid": ORACLE_KEY.kid}, claims)


@pytest.mark.parametrize("hospital", ["north", "south"])
@pytest.mark.parametrize("named", [True, False])
def test_oracles_call_belongs_to_its_tenant(oracle, hospital, named):
    """With the FHIR base of that hospital, and without."""
    server = ORACLE_BASE.format(hospital) if named else ...
    oracle.cards(hookcall.request(fhirServer=server), token=oracle_token(hospital))
    assert oracle.record()["ehr"] == hospital
    item = {"card": CARD, "outcome": "accepted"}
    token = oracle_token(hospital, FEEDBACK)
    assert oracle.post({"feedback": [item]}, path=FEEDBACK, token=token).status_code == 200
    assert oracle.record("feedback")["ehr"] == hospital


def test_oracles_tenant_may_not_speak_for_another(oracle):
    south = hookcall.request(fhirServer=ORACLE_BASE.format("south"))
    assert oracle.post(south, token=oracle_token("north")).status_code == 401
    assert oracle.record("refusal")["reason"] == "tenant"
    assert (
        oracle.post(hookcall.request(fhirServer=FHIR), token=oracle_token("x")).status_code == 401
    )
