"""`vigil doctor` against real servers on loopback: what is right, what is wrong, what to mend."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from click.testing import CliRunner
from joserfc.jwk import ECKey, RSAKey

from runtime.audit.log import Audit
from tests.support.listener import Listener
from tests.support.served import Served
from vigil import main

KEY = ECKey.generate_key("P-384", {"kid": "sig-1"}).as_dict(private=False)
RSA = RSAKey.generate_key(2048, {"kid": "enc-1"}).as_dict(private=False)
SMART = {
    "authorization_endpoint": "https://a",
    "token_endpoint": "https://t",
    "capabilities": ["launch-ehr", "context-ehr-patient", "client-public"],
    "code_challenge_methods_supported": ["S256"],
    "scopes_supported": ["launch", "patient/Patient.read", "patient/Observation.rs"],
}
READ, SEARCH = [{"code": "read"}], [{"code": "read"}, {"code": "search-type"}]
METADATA = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "rest": [
        {
            "mode": "server",
            "security": {"service": [{"coding": [{"code": "SMART-on-FHIR"}]}]},
            "resource": [
                {"type": "Patient", "interaction": READ},
                {
                    "type": "Observation",
                    "interaction": SEARCH,
                    "searchParam": [{"name": name} for name in ("patient", "code", "date")],
                },
            ],
        }
    ],
}
POLICY = "default-src 'none'; frame-ancestors https://ehr.example.org"
OURS = b'{"resourceType": "OperationOutcome"}'
REFUSED = (401, {"X-Request-Id": "r1"}, OURS)


class Hospital:
    """An EHR and our own discovery on loopback, and a configuration with one record."""

    def __init__(self, folder, listener):
        self.folder, self.listener = folder, listener
        self.publish("/jwks", {"keys": [KEY, RSA | {"use": "enc"}]})
        self.publish("/fhir/.well-known/smart-configuration", SMART)
        self.publish("/fhir/metadata", METADATA)
        listener.answers["/cds-services/vigil-patient-view"] = REFUSED
        self.publish(
            "/cds-services", {"services": [{"id": "vigil-patient-view", "hook": "patient-view"}]}
        )
        listener.answers["/model-card"] = (200, {"Content-Security-Policy": POLICY}, b"")
        self.members = {
            "id": "ward",
            "fhir_base": [f"{listener.url}/fhir"],
            "hook_issuer": "https://ehr.example.org",
            "hook_jwks_url": f"{listener.url}/jwks",
            "smart_client_id": "vigil",
            "smart_client_auth": "none",
            "frame_ancestors": ["https://ehr.example.org"],
        }

    def publish(self, path, document, status=200):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.listener.answers[path] = (status, {}, body)

    def refused(self, reason):
        """Write what the refusal of the doctor's own call leaves in the audit log."""
        Audit(self.folder / "var" / "audit.sqlite").append(
            "refusal", {"reason": reason, "ehrs": ["another"], "request_id": "r1"}
        )

    def doctor(self, ehr="ward", **members):
        """Return the exit code and the lines of the report."""
        record = {
            key: value for key, value in (self.members | members).items() if value is not None
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in record.items()]
        text = "\n".join([f'public_url = "{self.listener.url}"', "[[ehr]]", *lines])
        (self.folder / "vigil.toml").write_text(text)
        run = CliRunner().invoke(
            main, ["doctor", "--ehr", ehr, "--config", str(self.folder / "vigil.toml")]
        )
        return run.exit_code, run.output.splitlines()


@pytest.fixture
def hospital(tmp_path):
    listener = Listener()
    yield Hospital(tmp_path, listener)
    listener.close()


def line(report, words):
    """Return the one line with these words."""
    (found,) = [text for text in report[1] if words in text]
    return found


def test_a_record_that_works_is_said_to(hospital):
    report = hospital.doctor()
    assert report[0] == 0 and not any(text.startswith("wrong") for text in report[1])
    assert line(report, "usable").startswith("ok")
    assert "1 usable keys: sig-1 for ES384" in line(report, "usable")
    assert "key 2 (enc-1) is passed over: use is not sig" in line(report, "passed over")
    assert line(report, "names its endpoints").startswith("ok")
    assert line(report, "/cds-services: answers").startswith("ok")
    assert line(report, "/metadata").startswith("ok") and "by code, date, patient" in line(
        report, "/metadata"
    )
    assert line(report, "frames:").startswith("ok") and line(report, "clock:").startswith("ok")


@pytest.mark.parametrize(
    "answer, words",
    [
        ((404, {}, b""), "status 404"),
        ((302, {"Location": "/elsewhere"}, b""), "status 302"),
        ((200, {}, b"<html>"), "no key set"),
        ((200, {}, b'{"keys": []}'), "0 usable keys"),
        ((200, {}, b" " * 70_000), "too large"),
    ],
)
def test_a_key_set_that_is_none_is_wrong_and_its_mending_said(hospital, answer, words):
    hospital.listener.answers["/jwks"] = answer
    report = hospital.doctor()
    found = line(report, f"/jwks: {words}")
    assert report[0] == 1 and found.startswith("wrong")
    assert len(found.partition(words)[2]) > 20


def test_a_key_set_without_a_key_for_the_allowed_algorithms_is_wrong(hospital):
    assert hospital.doctor(hook_algorithms=["RS384"])[0] == 1


def test_a_server_that_is_away_is_wrong_for_the_app_and_a_note_for_hooks(hospital):
    away = {"fhir_base": ["http://localhost:9/fhir"]}
    report = hospital.doctor(**away)
    assert report[0] == 1 and "connection" in line(report, "smart-configuration:")
    report = hospital.doctor(**away, smart_client_id=None)
    assert report[0] == 0 and line(report, "fhir_base http").startswith("note")


def test_a_server_without_smart_is_reached_all_the_same(hospital):
    hospital.publish("/fhir/.well-known/smart-configuration", b"", 404)
    report = hospital.doctor(smart_client_id=None)
    assert report[0] == 0 and line(report, "fhir_base http").startswith("ok")
    assert hospital.doctor()[0] == 1


def test_endpoints_that_are_missing_are_named(hospital):
    hospital.publish("/fhir/.well-known/smart-configuration", {"token_endpoint": "https://t"})
    report = hospital.doctor()
    assert report[0] == 1 and line(report, "lacks authorization_endpoint.").startswith("wrong")


def test_pinned_keys_are_read_from_their_file(hospital):
    (hospital.folder / "keys.json").write_text(json.dumps({"keys": [KEY]}))
    report = hospital.doctor(hook_jwks_url=None, hook_jwks_file="keys.json")
    assert report[0] == 0 and "keys.json: 1 usable" in line(report, "usable")
    assert "/jwks" not in hospital.listener.paths()


def test_a_client_secret_that_is_missing_is_wrong(hospital):
    report = hospital.doctor(
        smart_client_auth="client_secret_basic", smart_client_secret_file="nowhere"
    )
    assert report[0] == 1 and line(report, "nowhere").startswith("wrong")


def test_an_open_record_and_ourselves_away_are_notes(hospital):
    hospital.publish("/cds-services", b"", 502)
    report = hospital.doctor(hook_auth="open", hook_jwks_url=None)
    assert report[0] == 0 and line(report, "hook_auth is open").startswith("note")
    assert line(report, "only one is given").startswith("note")
    assert line(report, "/cds-services").startswith("note")


def test_the_last_refusals_are_told_with_what_they_mean(hospital):
    audit = Audit(hospital.folder / "var" / "audit.sqlite")
    token = {"iss": "https://ehr.example.org", "aud": "https://old.example.org"}
    for _ in range(3):
        audit.append("refusal", {"reason": "audience", "ehrs": ["ward"], "token": token})
    audit.append("refusal", {"reason": "kid", "ehrs": ["another"], "token": token})
    audit.append("refusal", {"reason": "key set: timeout", "ehrs": ["ward", "x"], "token": None})
    audit.append("refusal", {"reason": "issuer", "ehrs": [], "token": {"iss": "https://ehr"}})
    audit.append("refusal", {"reason": "id_token: nonce", "ehr": "ward"})
    audit.append("refusal", {"reason": "state", "ehr": "another"})
    report = hospital.doctor()
    assert report[0] == 0
    told = [text for text in report[1] if text.startswith("log")]
    assert len(told) == 4
    found = line(report, "audience")
    assert "3 refused" in found and "hook_audience" in found and "https://old.example.org" in found
    assert "can't be read" in line(report, "key set: timeout")
    assert "no known record" in line(report, "issuer. No record")
    assert line(report, "id_token: nonce")


def test_an_unknown_record_is_said(hospital):
    code, output = hospital.doctor(ehr="other")
    assert code == 1 and "there are: ward" in output[-1]


def test_what_a_fhir_server_lacks_is_named(hospital):
    resources = METADATA["rest"][0]["resource"]
    lacking = [
        resources[0] | {"interaction": []},
        resources[1] | {"searchParam": [{"name": "code"}]},
    ]
    rest = [METADATA["rest"][0] | {"resource": lacking, "security": None}]
    hospital.publish("/fhir/metadata", METADATA | {"rest": rest, "fhirVersion": "3.0.2"})
    report = hospital.doctor()
    assert report[0] == 1 and line(report, "3.0.2").startswith("wrong")
    assert line(report, "Patient is without the interaction read").startswith("wrong")
    assert line(report, "without the search parameters date, patient").startswith("wrong")
    assert line(report, "names no SMART on FHIR security").startswith("note")
    hospital.publish("/fhir/metadata", {"resourceType": "Bundle"})
    assert hospital.doctor()[0] == 0


@pytest.mark.parametrize(
    ("declared", "state", "words"),
    [
        ({}, "wrong", "without the interaction create"),
        ({"interaction": [{"code": "create"}]}, "note", "without conditionalCreate"),
        ({"interaction": [{"code": "create"}], "conditionalCreate": True}, "ok", "conditional too"),
    ],
)
def test_whether_an_estimate_can_be_written_is_said(hospital, declared, state, words):
    """Where the record asks for it, by what the page goes by; else nothing is said of it."""
    kinds = [*METADATA["rest"][0]["resource"], {"type": "RiskAssessment"} | declared]
    rest = [METADATA["rest"][0] | {"resource": kinds}]
    hospital.publish("/fhir/metadata", METADATA | {"rest": rest})
    code, lines = hospital.doctor(write_risk_assessment=True)
    (found,) = [one for one in lines if "RiskAssessment" in one and "metadata" in one]
    assert found.startswith(state) and words in found and code == int(state == "wrong")
    assert not any("RiskAssessment" in one for one in hospital.doctor()[1])


def test_what_sign_in_asks_for_and_is_not_offered_is_named(hospital):
    smart = SMART | {
        "code_challenge_methods_supported": ["plain"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "capabilities": ["launch-ehr", "context-ehr-patient"],
        "scopes_supported": ["patient/Patient.c", "user/*.read"],
        "issuer": "https://ehr.example.org/",
    }
    hospital.publish("/fhir/.well-known/smart-configuration", smart)
    report = hospital.doctor(smart_client_auth="private_key_jwt")
    assert report[0] == 1 and line(report, "PKCE without S256").startswith("wrong")
    assert line(report, "takes client_secret_basic and not private_key_jwt").startswith("wrong")
    assert line(report, "without client-confidential-asymmetric").startswith("note")
    assert line(report, "differ by a slash").startswith("note")
    assert not [text for text in report[1] if "no scope" in text]
    smart |= {"scopes_supported": ["patient/Patient.c", "patient/Observation.r"]}
    hospital.publish("/fhir/.well-known/smart-configuration", smart)
    assert "no scope of it reads Patient or Observation" in line(hospital.doctor(), "no scope")


@pytest.mark.rule("A5", "G6")
@pytest.mark.parametrize(
    ("ahead", "state"), [(50, "ok"), (-50, "ok"), (75, "wrong"), (-75, "wrong")]
)
def test_a_clock_more_than_a_minute_off_is_wrong(hospital, ahead, state):
    """Of any server that is asked; a date that is none is passed over."""
    said = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    status, _, body = hospital.listener.answers["/fhir/metadata"]
    hospital.listener.answers["/fhir/metadata"] = (status, {"Date": said}, body)
    report = hospital.doctor()
    assert line(report, "clock:").startswith(state) and report[0] == (state == "wrong")


@pytest.mark.parametrize(
    ("reason", "state", "words"),
    [
        ("malformed", "ok", "came through as it was sent"),
        ("no token", "wrong", "Authorization did not arrive"),
        (None, "note", "no record here says why"),
    ],
)
def test_a_call_that_must_be_refused_proves_the_road(hospital, reason, state, words):
    """By the record of its refusal: a proxy that drops Authorization looks like good manners."""
    if reason:
        hospital.refused(reason)
    report = hospital.doctor()
    assert line(report, words).startswith(state) and report[0] == (state == "wrong")


@pytest.mark.parametrize("status", [400, 413, 502])
def test_a_proxy_that_answers_itself_is_wrong(hospital, status):
    hospital.listener.answers["/cds-services/vigil-patient-view"] = (status, {}, b"<html>")
    report = hospital.doctor()
    assert report[0] == 1 and f"got {status}" in line(report, "must get our 401")
    assert line(report, f"{status} on the way" if status != 413 else "(413)").startswith("wrong")


def test_odd_documents_of_others_are_no_fault_of_the_doctor(hospital):
    """Members of any type; a `jwks_uri` that is a path is one of that server, and no file here."""
    hospital.publish("/odd", {"keys": [KEY]})
    odd = dict.fromkeys(SMART, 5) | {"issuer": [], "jwks_uri": "/odd"}
    hospital.publish("/fhir/.well-known/smart-configuration", odd)
    search = {"interaction": SEARCH, "searchParam": [{"name": []}, 1]}
    kinds = [1, {"type": []}, {"type": "Patient"}, {"type": "Observation"} | search]
    rest = {"mode": "server", "security": 1, "resource": kinds}
    hospital.publish("/fhir/metadata", {"resourceType": "CapabilityStatement", "rest": [2, rest]})
    report = hospital.doctor()
    assert line(report, "jwks_uri").startswith("ok") and "/odd" in hospital.listener.paths()
    assert report[0] == 1 and line(report, "says nothing of PKCE").startswith("note")


def test_a_frame_that_is_forbidden_is_wrong(hospital):
    hospital.listener.answers["/model-card"] = (
        200,
        {"Content-Security-Policy": "frame-ancestors 'none'", "X-Frame-Options": "DENY"},
        b"",
    )
    report = hospital.doctor()
    assert report[0] == 1 and line(report, "do not let https://ehr.example.org").startswith("wrong")
    assert line(report, "X-Frame-Options").startswith("wrong")


def test_a_private_key_that_is_published_is_wrong(hospital):
    hospital.publish("/jwks", {"keys": [ECKey.generate_key("P-384").as_dict(private=True)]})
    assert "holds its secret half" in line(hospital.doctor(), "secret half")


RECORD = """
[[ehr]]
id = "ward"
fhir_base = ["{url}/fhir"]
hook_issuer = "https://ehr.example.org"
hook_jwks_url = "{url}/jwks"
hook_audience = []
"""


def test_a_real_vigil_is_called_as_the_ehr_would(hospital):
    """With its key, the signed call is taken; with another's it is refused, and the reason said."""
    pair = ECKey.generate_key("P-384", {"kid": "sig-1", "use": "sig"})
    hospital.publish("/jwks", {"keys": [pair.as_dict(private=False)]})
    served = Served(hospital.folder, RECORD.format(url=hospital.listener.url))
    try:
        run = ["doctor", "--ehr", "ward", "--config", str(hospital.folder / "vigil.toml")]
        for key, code in ((pair, 0), (ECKey.generate_key("P-384", {"kid": "sig-1"}), 1)):
            (hospital.folder / "key.json").write_text(json.dumps(key.as_dict(private=True)))
            found = CliRunner().invoke(main, [*run, "--key", str(hospital.folder / "key.json")])
            report = found.exit_code, found.output.splitlines()
            assert report[0] == code, found.output
            assert line(report, "came through as it was sent").startswith("ok")
            assert line(report, "with a body of").startswith("ok")
            words = "signed call: taken (412" if code == 0 else "answered 401, signature"
            assert line(report, words).startswith("wrong" if code else "ok")
        report = CliRunner().invoke(main, run).output.splitlines()
        assert line((0, report), "signed call: none of").startswith("note")
        Audit(hospital.folder / "data" / "audit.sqlite").append(
            "hook", {"ehr": "ward", "client": {"kid": "sig-1"}}
        )
        report = CliRunner().invoke(main, run).output.splitlines()
        assert line((0, report), "last one was taken").startswith("ok")
    finally:
        served.stop()


def test_a_file_without_a_private_key_is_said(hospital):
    hospital.doctor()
    for text in ("{}", json.dumps({"keys": [KEY]}), "no"):
        (hospital.folder / "key.json").write_text(text)
        run = ["doctor", "--ehr", "ward", "--config", str(hospital.folder / "vigil.toml")]
        found = CliRunner().invoke(main, [*run, "--key", str(hospital.folder / "key.json")])
        assert found.exit_code == 1 and "holds no private key" in found.output
