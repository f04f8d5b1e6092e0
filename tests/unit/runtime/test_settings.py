"""The configuration: what is taken, and the one sentence that stops a start (a contract for
those who write such files).
"""

import tomllib
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from runtime import settings, settings_file
from runtime.serving import server
from runtime.settings_file import SettingsError, load_settings, settings_from

ROOT = Path(__file__).parents[3]
TOP = 'public_url = "http://localhost:8000"\n'
EHR = '[[ehr]]\nid = "a"\nfhir_base = ["http://localhost:8001/fhir"]\nsmart_client_id = "vigil"\n'
TRIAL = (
    '[trial]\nprotocol = "P"\napproval = "A"\nrandomise = "patient"\nkey_file = "none"\n'
    "starts = 2026-01-01\nends = 2027-01-01\n"
)
STOP = 'stop_file = "nowhere/stopped"\n'


def read(text: str, folder: str | Path = "."):
    return settings_from(tomllib.loads(text) | {"base_dir": str(folder)}, "vigil.toml")


def test_the_shipped_example_is_right(tmp_path):
    """As it stands, and with every key that it only mentions; each key of ours is in it."""
    text = (ROOT / "vigil.example.toml").read_text("utf-8")
    (tmp_path / "vigil.toml").write_text(text, "utf-8")
    assert load_settings(tmp_path / "vigil.toml").data_path == tmp_path / "var"
    for kind in (settings.Settings, settings.Ehr, settings.Trial):
        for name in set(kind.__struct_fields__) - {"base_dir"}:
            assert f"{name} = " in text or f"[{name}]" in text, name


WRONG = {
    "unknown key `foo`. Allowed: public_url": "foo = 1\n" + TOP + EHR,
    "unknown key `foo` in [[ehr]]. Allowed: show_from": TOP + EHR + "foo = 1\n",
    "the required key `public_url` is missing": EHR,
    "the required key `id` is missing in [[ehr]]": TOP + EHR.replace('id = "a"\n', ""),
    "at least one [[ehr]]": TOP + "ehr = []\n",
    "share one `id`": TOP + EHR + EHR,
    "`ehr[0].fhir_base`: expected a list, got text": TOP
    + EHR.replace('["http://localhost:8001/fhir"]', '"http://localhost:8001/fhir"'),
    "`workers`: expected a whole number, got text": TOP + 'workers = "2"\n' + EHR,
    "`port`: expected a whole number, got true or false": TOP + "port = true\n" + EHR,
    "`port` must be": TOP + "port = 99999\n" + EHR,
    "`workers` must be": TOP + "workers = 0\n" + EHR,
    "`queue_ms` must be": TOP + "queue_ms = 10\n" + EHR,
    "`trusted_proxies` holds": TOP + 'trusted_proxies = ["10.0.0.1/8"]\n' + EHR,
    "`max_body_bytes` must be": TOP + "max_body_bytes = 0\n" + EHR,
    "`redis_url` must begin": TOP + 'redis_url = "localhost"\n' + EHR,
    "`redis_password_file` needs a `redis_url`": TOP + 'redis_password_file = "p"\n' + EHR,
    "allowed: generic, epic, oracle, meditech, medplum": TOP + EHR + 'profile = "cerner"\n',
    "`mode` silent needs `open_to`": TOP + EHR + 'mode = "silent"\n',
    "`open_to` is for `mode` silent": TOP + EHR + 'open_to = ["Practitioner/1"]\n',
    "unknown key `foo` in [trial]. Allowed: protocol": TOP + EHR + TRIAL + "foo = 1\n",
    "the required key `approval` is missing in [trial]": TOP
    + EHR
    + TRIAL.replace('approval = "A"\n', ""),
    "[trial]: `protocol` is required": TOP + EHR + TRIAL.replace('"P"', '" "'),
    "allowed: unit, encounter, patient": TOP + EHR + TRIAL.replace('"patient"', '"bed"'),
    "[trial]: `ends` lies before": TOP + EHR + TRIAL.replace("2027", "2025"),
    "[trial]: `control_share` must be": TOP + EHR + TRIAL + "control_share = 1\n",
    "[trial]: `most_patients` must be": TOP + EHR + TRIAL + "most_patients = 0\n",
    "[trial]: `ehrs` names b, which": TOP + EHR + TRIAL + 'ehrs = ["a", "b"]\n',
    "[trial]: `key_file`: ": TOP + EHR + TRIAL,
    "[trial]: `stop_file`: ": TOP + EHR + TRIAL.replace('"none"', '"trial-key"') + STOP,
    "allowed: live, silent, shadow": TOP + EHR + 'mode = "on"\n',
    "allowed: ES256, ES384, ES512, RS256": TOP + EHR + 'hook_algorithms = ["HS256"]\n',
    "`hook_algorithms` needs at least one": TOP + EHR + "hook_algorithms = []\n",
    "`hook_budget_ms` must be": TOP + EHR + "hook_budget_ms = 5001\n",
    "nowhere does not exist": TOP + 'metrics_token_file = "nowhere"\n' + EHR,
    "`key_set_hours` must be": TOP + "key_set_hours = 0\n" + EHR,
    "`signing_key_file`": TOP + 'signing_key_file = "nowhere"\n' + EHR,
    "`log_key_file`": TOP + 'log_key_file = "nowhere"\n' + EHR,
    "`id` needs": TOP + EHR.replace('"a"', '""'),
    "plain http is allowed for localhost only": TOP.replace("localhost", "vigil.example.org") + EHR,
    "without a path or a final slash": TOP.replace("8000", "8000/") + EHR,
    "`public_url` is 'http://localhost:80x'": TOP.replace("8000", "80x") + EHR,
    "`fhir_base` is 'http://[::1/fhir'": TOP + EHR.replace("localhost:8001", "[::1"),
    "`hook_issuer` is required": TOP + EHR + 'hook_jwks_url = "https://ehr.example.org/jwks"\n',
    "exactly one of `hook_jwks_url` and `hook_jwks_file`": TOP + EHR + 'hook_issuer = "x"\n',
    "this record allows nothing": TOP + EHR.replace('smart_client_id = "vigil"\n', ""),
    "client_secret_basic needs": TOP + EHR + 'smart_client_auth = "client_secret_basic"\n',
    "`audit_key_file`: ": TOP + 'audit_key_file = "nowhere"\n' + EHR,
    "`checkpoint_dir` ": TOP + 'checkpoint_dir = "nowhere"\n' + EHR,
    "allowed: observations, lactate, cultures, escalation": TOP + EHR + 'suggestions = ["tea"]\n',
    "`suggestion_codes` names 'tea'": TOP + EHR + 'suggestion_codes = { tea = "a|b" }\n',
    "`suggestion_codes.lactate` is 'LAC'": TOP + EHR + 'suggestion_codes = { lactate = "LAC" }\n',
    "does not exist": TOP + EHR + 'hook_issuer = "x"\nhook_jwks_file = "nowhere.json"\n',
}


@pytest.mark.rule("F7")
@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_file_is_one_sentence_that_names_the_key(words, tmp_path):
    (tmp_path / "trial-key").write_bytes(b64encode(bytes(32)))
    (tmp_path / "trial-key").chmod(0o600)
    with pytest.raises(SettingsError) as caught:
        read(WRONG[words], tmp_path)
    assert (
        words in str(caught.value)
        and str(caught.value).startswith("vigil.toml: ")
        and "\n" not in str(caught.value)
    )


@pytest.mark.rule("F7", "D4")
@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.example.org",
        "https://a.example.org/",
        "null",
        "https://a b",
        "https://a;b",
        "ftp://a",
    ],
)
@pytest.mark.parametrize("key", ["frame_ancestors", "cors_origins"])
def test_an_origin_is_an_origin(key, origin):
    with pytest.raises(SettingsError, match=key):
        read(TOP + EHR + f"{key} = [{origin!r}]\n")
    read(
        TOP
        + EHR
        + f'{key} = ["https://a.example.org", "http://localhost:8001", "https://[::1]:8443"]\n'
    )


def test_a_file_that_can_not_be_read_is_one_sentence(tmp_path):
    (tmp_path / "bad.toml").write_text("public_url = \n", "utf-8")
    for name, words in (("none.toml", "can't be read"), ("bad.toml", "not valid TOML")):
        with pytest.raises(SettingsError, match=words):
            load_settings(tmp_path / name)


@pytest.mark.rule("F6")
def test_a_secret_comes_from_a_private_file_or_the_environment(tmp_path, monkeypatch):
    """Otherwise the server does not start (F6)."""
    (tmp_path / "secret").write_text("s3\n", "utf-8")
    basic = TOP + EHR + 'smart_client_auth = "client_secret_basic"\n'
    by_file, by_name = (
        read(basic + 'smart_client_secret_file = "secret"\n', tmp_path),
        read(basic + 'smart_client_secret_env = "V"\n', tmp_path),
    )
    (tmp_path / "secret").chmod(0o644)
    monkeypatch.delenv("V", raising=False)
    for found in (by_file, by_name):
        with pytest.raises(SettingsError, match="readable by others|has no V"):
            server.serve(found, None, None)
    (tmp_path / "secret").chmod(0o600)
    assert settings_file.secret(by_file.ehr[0], by_file) == "s3"
    assert settings_file.secret(by_name.ehr[0], by_name, {"V": "s3"}) == "s3"


@pytest.mark.rule("F6", "F10")
@pytest.mark.parametrize("user", ["", "vigil@"])
def test_the_password_of_redis_comes_from_a_private_file(tmp_path, user):
    """Whatever characters it has; a URL without such a file stays as it is."""
    password = tmp_path / "password"
    password.write_text("p@ss/w:rd #1\n", "utf-8")
    password.chmod(0o600)
    url = f"redis://{user}redis.example.org:6379/2"
    found = read(TOP + f'redis_url = "{url}"\nredis_password_file = "password"\n' + EHR, tmp_path)
    told = redis.Redis.from_url(settings_file.redis_url(found)).connection_pool.connection_kwargs
    assert told["password"] == "p@ss/w:rd #1" and told["db"] == 2
    assert (told["host"], told.get("username")) == ("redis.example.org", user[:-1] or None)
    assert settings_file.redis_url(read(TOP + f'redis_url = "{url}"\n' + EHR)) == url
    password.chmod(0o640)
    with pytest.raises(SettingsError, match="readable by others"):
        settings_file.redis_url(found)


@pytest.mark.rule("C1", "SMART-5")
def test_an_ehr_is_found_by_its_whole_base_only():
    found = read(TOP + EHR)
    assert (
        found.trusted("http://localhost:8001/fhir").id
        == found.trusted("http://localhost:8001/fhir/").id
        == "a"
    )
    for other in (
        "http://localhost:8001/fhir//",
        "http://localhost:8001/fhirs",
        "http://localhost:8001",
        "HTTP://localhost:8001/fhir",
        "",
    ):
        assert found.trusted(other) is None


@pytest.mark.parametrize(
    "name",
    ["Europe/Atlantis", "europe", "Europe", "", "../etc/passwd", "/etc/localtime", "a\\u0000b"],
)
def test_an_unknown_time_zone_stops_the_start(name):
    """Whatever is no name of the database is refused by one sentence with an example."""
    with pytest.raises(SettingsError, match=r"ehr `a`: `time_zone` is .* Europe/Berlin"):
        read(TOP + EHR + f'time_zone = "{name}"\n')


def test_a_time_zone_of_the_database_is_taken():
    """A ward's own zone keeps its summer time; without one an EHR's times are UTC."""
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    ward = read(TOP + EHR + 'time_zone = "America/New_York"\n').ehr[0]
    assert f"{noon.astimezone(ward.zone):%H:%M %Z}" == "08:00 EDT"
    assert f"{noon.astimezone(read(TOP + EHR).ehr[0].zone):%H:%M %Z}" == "12:00 UTC"


@pytest.mark.rule("F6")
@pytest.mark.parametrize(
    ("token", "mode", "words"),
    [("x" * 31, 0o600, "needs 32"), ("x" * 32, 0o640, "chmod 600"), ("x" * 32, 0o600, None)],
)
def test_the_token_for_metrics_is_long_and_not_for_others(tmp_path, token, mode, words):
    """A short one, and one that others may read, stops the start."""
    (tmp_path / "token").write_text(token + "\n")
    (tmp_path / "token").chmod(mode)
    (tmp_path / "v.toml").write_text(TOP + 'metrics_token_file = "token"\n' + EHR)
    if words is None:
        assert load_settings(tmp_path / "v.toml").metrics_token_path == tmp_path / "token"
    else:
        with pytest.raises(SettingsError, match=words):
            load_settings(tmp_path / "v.toml")


def test_lists_are_searches_of_groups_and_lists(tmp_path):
    """Nothing else of a server is read by them."""
    text = (ROOT / "vigil.example.toml").read_text("utf-8")
    odd = 'frame_ancestors = ["http://localhost:8001"]\npatient_lists = ["Patient?name=x"]'
    path = tmp_path / "vigil.toml"
    path.write_text(text.replace('frame_ancestors = ["http://localhost:8001"]', odd), "utf-8")
    with pytest.raises(SettingsError, match="`patient_lists` holds 'Patient\\?name=x'"):
        load_settings(path)
