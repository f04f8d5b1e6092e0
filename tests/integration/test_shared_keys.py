"""Two hosts whose configurations name the same key files."""

import shutil

import vigil
from runtime import logs
from runtime.settings_file import settings_from

EHR = {"id": "ehr", "fhir_base": ["https://fhir.example.org"], "smart_client_id": "vigil"}


def host(folder, **keys):
    """Return the key set that a host in `folder` publishes, and its hash of an identifier."""
    config = {"public_url": "https://vigil.example.org", "base_dir": str(folder), "ehr": [EHR]}
    app = vigil.create_app(settings_from(config | keys), "unix:///nowhere.sock")
    return app.test_client().get("/.well-known/jwks.json").json, logs.keyed_hash("p1")


def test_hosts_with_the_files_of_a_first_one_publish_its_key_and_hash_as_it_does(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    first = host(one)
    two.mkdir()
    for name in ("signing-key.json", "log-key"):
        shutil.copy(one / "var" / name, two / name)
    shared = host(two, signing_key_file="signing-key.json", log_key_file="log-key")
    assert shared == first
    alone = host(tmp_path / "three")
    assert alone[0] != first[0] and alone[1] != first[1]
