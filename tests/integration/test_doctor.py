"""`vigil doctor` against real servers on loopback: what is right, what is wrong, what to mend."""

import json

import pytest
from click.testing import CliRunner
from joserfc.jwk import ECKey, RSAKey

from runtime.audit.log import Audit
from tests.support.listener import Listener
from vigil import main

KEY = ECKey.generate_key("P-384", {"kid": "sig-1"}).as_dict(private=False)
RSA = RSAKey.generate_key(2048, {"kid": "enc-1"}).as_dict(private=False)


class Hospital:
    """An EHR and our own discovery on loopback, and a configuration with one record."""

    def __init__(self, folder, listener):
        self.folder, self.listener = folder, listener
        self.publish("/jwks", {"keys": [KEY, RSA | {"use": "enc"}]})
        endpoints = {"authorization_endpoint": "https://a", "token_endpoint": "https://t"}
        self.publish("/fhir/.well-known/smart-configuration", endpoints)
        self.publish("/cds-services", {"services": [{}]})
        self.members = {
            "id": "ward",
            "fhir_base": [f"{listener.url}/fhir"],
            "hook_issuer": "https://ehr.example.org",
            "hook_jwks_url": f"{listener.url}/jwks",
            "smart_client_id": "vigil",
            "smart_client_auth": "none",
        }

    def publish(self, path, document, status=200):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.listener.answers[path] = (status, {}, body)

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
    assert line(report, "smart-configuration").startswith("ok")
    assert line(report, "/cds-services").startswith("ok")


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
    found = line(report, words)
    assert report[0] == 1 and found.startswith("wrong")
    assert len(found.partition(words)[2]) > 20


def test_a_key_set_without_a_key_for_the_allowed_algorithms_is_wrong(hospital):
    assert hospital.doctor(hook_algorithms=["RS384"])[0] == 1


def test_a_server_that_is_away_is_wrong_for_the_app_and_a_note_for_hooks(hospital):
    away = {"fhir_base": ["http://localhost:9/fhir"]}
    report = hospital.doctor(**away)
    assert report[0] == 1 and "connection" in line(report, "smart-configuration")
    report = hospital.doctor(**away, smart_client_id=None)
    assert report[0] == 0 and line(report, "fhir_base").startswith("note")


def test_a_server_without_smart_is_reached_all_the_same(hospital):
    hospital.publish("/fhir/.well-known/smart-configuration", b"", 404)
    report = hospital.doctor(smart_client_id=None)
    assert report[0] == 0 and line(report, "fhir_base").startswith("ok")
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
