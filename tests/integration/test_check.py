"""`vigil check`: all that is wrong in one run, and what to mend."""

import json

import pytest
from click.testing import CliRunner
from joserfc.jwk import ECKey

from runtime import store
from tests.support.listener import Listener
from vigil import main

PAIR = ECKey.generate_key("P-384", {"kid": "sig-1", "use": "sig"})
TOP = 'public_url = "https://vigil.example.org"\n'
EHR = """[[ehr]]
id = "ward"
fhir_base = ["https://fhir.example.org/r4"]
hook_issuer = "https://ehr.example.org"
hook_jwks_file = "keys.json"
"""


@pytest.fixture
def check(tmp_path):
    """Return a function that checks a text: exit code and lines."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [PAIR.as_dict(private=False)]}))

    def run(text, *options):
        (tmp_path / "vigil.toml").write_text(text, "utf-8")
        config = str(tmp_path / "vigil.toml")
        found = CliRunner().invoke(main, ["check", "--config", config, *options])
        return found.exit_code, found.output.splitlines()

    return run


def states(report, words):
    """Return the states of the lines with these words."""
    return [text.split()[0] for text in report[1] if words in text]


def test_a_configuration_that_is_right_is_all_ok(check, tmp_path):
    report = check(TOP + EHR, "--offline")
    assert report[0] == 0 and {text.split()[0] for text in report[1]} == {"ok"}
    assert states(report, ", verified") == ["ok", "ok"] and states(report, "is made at") == ["ok"]
    assert not (tmp_path / "var").exists()


@pytest.mark.rule("F7")
def test_every_problem_is_told_at_once(check):
    """Keys that don't fit are taken out, so that the others are looked at; none is told twice."""
    bad = EHR + 'wards = 1\nmode = "on"\nhook_budget_ms = 1\nframe_ancestors = ["*"]\n'
    report = check(TOP + 'port = "x"\nworkers = 0\nno = 1\n' + bad, "--offline")
    for words in (
        "`port`",
        "`workers`",
        "`no`",
        "`wards`",
        "live, silent, shadow",
        "`hook_budget_ms` must",
        "'*'",
    ):
        assert states(report, words) == ["wrong"], words
    assert report[0] == 1 and states(report, "ehr ward: generic") == ["ok"]
    report = check(TOP + EHR.replace('"https://ehr.example.org"', "7") + "hook_budget_ms = 1\n")
    assert len([text for text in report[1] if "hook_issuer" in text]) == 1
    assert states(report, "`hook_budget_ms` must") == ["wrong"]


def test_without_a_required_key_the_rest_waits(check):
    report = check('nonsense = 1\nport = "x"\n' + EHR)
    assert [text.split()[0] for text in report[1]] == ["wrong", "wrong", "wrong", "note"]
    assert report[0] == 1 and "public_url" in report[1][2]
    report = check(TOP + EHR.replace('["https://fhir.example.org/r4"]', '"x"'))
    assert [text.split()[0] for text in report[1]] == ["wrong", "note"]
    report = check("port = \n")
    assert report[0] == 1 and "not valid TOML" in report[1][0]


def test_a_folder_that_can_not_be_written_is_wrong(check, tmp_path):
    (tmp_path / "file").write_text("")
    for folder, words in (("file", "can't be written"), ("file/inner", "can't be made")):
        report = check(f'data_dir = "{folder}"\n' + TOP + EHR, "--offline")
        assert report[0] == 1 and states(report, words) == ["wrong"]
    (tmp_path / "var").mkdir(mode=0o700)
    (tmp_path / "kept").mkdir()
    report = check('checkpoint_dir = "kept"\n' + TOP + EHR, "--offline")
    assert states(report, "can be written") == ["ok", "ok"] and not [*(tmp_path / "var").iterdir()]


@pytest.mark.rule("F6")
def test_a_secret_that_others_may_read_is_wrong(check, tmp_path):
    (tmp_path / "var").mkdir(mode=0o700)
    (tmp_path / "var").chmod(0o755)
    for name in ("var/signing-key.json", "secret"):
        (tmp_path / name).write_text("s")
        (tmp_path / name).chmod(0o644)
    client = 'smart_client_id = "v"\nsmart_client_auth = "client_secret_basic"\n'
    text = 'redis_url = "rediss://:pass@r.example.org"\n' + TOP + EHR + client
    report = check(text + 'smart_client_secret_file = "secret"\n', "--offline")
    assert states(report, "signing_key_file:") == ["wrong"]
    assert states(report, "smart_client_secret_file") == ["wrong"]
    assert states(report, "others may look into") == ["note"]
    assert states(report, "redis_url: holds a password") == ["wrong"]
    assert "pass@" not in "".join(report[1])
    report = check('audit_key_file = "secret"\n' + TOP + EHR, "--offline")
    assert states(report, "audit_key_file:") == ["wrong"]
    (tmp_path / "vigil.toml").chmod(0o640)
    assert not states(check(text, "--offline"), "redis_url: holds a password")


def test_a_private_key_in_a_key_set_is_wrong(check, tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [PAIR.as_dict(private=True)]}))
    report = check(TOP + EHR, "--offline")
    assert report[0] == 1 and states(report, "key 1 (sig-1) holds its secret half") == ["wrong"]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ('hook_auth = "open"', "hook_auth is open"),
        ('hook_audience = ["https://fhir.example.org/r4/"]', "differ by the final slash alone"),
        ('hook_audience = ["http://localhost:1"]', "plain http in hook_audience"),
        ('frame_ancestors = ["http://chart.example.org"]', "plain http in frame_ancestors"),
        ('smart_client_id = "v"', "frame_ancestors is empty"),
    ],
)
def test_what_wants_a_second_look_is_a_note(check, members, words):
    report = check(TOP + EHR + members + "\n", "--offline")
    assert report[0] == 0 and states(report, words) == ["note"]


@pytest.mark.parametrize(
    ("scope", "writes"),
    [
        ("patient/Observation.rs", False),
        ("patient/Patient.read", False),
        ("user/Observation.search", False),
        ("patient/*.*", True),
        ("user/Task.write", True),
        ("patient/Observation.crs", True),
        ("patient/Task.u?status=x", True),
        ("openid", False),
        ("offline_access", False),
    ],
)
def test_a_scope_that_writes_is_noted(check, scope, writes):
    app = f'smart_client_id = "v"\nframe_ancestors = ["https://e.org"]\nsmart_scopes = "launch {scope}"\n'
    report = check(TOP + EHR + app, "--offline")
    assert states(report, f"asks to write: {scope}") == (["note"] if writes else [])


def test_a_shared_issuer_is_a_note(check):
    other = EHR.replace("ward", "icu").replace("r4", "r5")
    assert states(check(TOP + EHR + other, "--offline"), "hook_issuer is that of") == ["note"] * 2


def test_without_a_model_it_is_wrong(check, tmp_path):
    (tmp_path / "none").mkdir()
    report = check('models_dir = "none"\n' + TOP + EHR, "--offline")
    assert report[0] == 1 and states(report, "no trained model") == ["wrong"]


def test_redis_is_reached_or_said_not_to_be(check, tmp_path):
    report = check('redis_url = "redis://localhost:9/0"\n' + TOP + EHR)
    assert report[0] == 1 and states(report, "redis_url redis://localhost/0: ConnectionError") == [
        "wrong"
    ]
    assert not states(
        check('redis_url = "redis://localhost:9/0"\n' + TOP + EHR, "--offline"), "redis_url"
    )
    (tmp_path / "secret").write_text("s")
    (tmp_path / "secret").chmod(0o644)
    text = 'redis_url = "redis://localhost:9"\nredis_password_file = "secret"\n'
    for options in ((), ("--offline",)):
        assert states(check(text + TOP + EHR, *options), "redis_password_file") == ["wrong"]
    assert states(check(TOP + EHR), "redis_url: none") == ["ok"]
    server = store.embedded(tmp_path)
    try:
        text = f'redis_url = "{server.url}"\n' + TOP + EHR
        report = check(text)
        assert states(report, ": answers") == ["ok"] and not states(report, "maxmemory-policy")
        store.connect(server.url).config_set("maxmemory-policy", "allkeys-lru")
        assert states(check(text), "maxmemory-policy is allkeys-lru") == ["note"]
    finally:
        server.stop()


def test_the_urls_of_every_record_are_asked_unless_offline(check):
    listener = Listener()
    try:
        keys = json.dumps({"keys": [PAIR.as_dict(private=False)]}).encode()
        listener.answers["/jwks"] = (200, {}, keys)
        text = TOP + EHR.replace("https://fhir.example.org/r4", f"{listener.url}/fhir")
        text = text.replace(
            'hook_jwks_file = "keys.json"', f'hook_jwks_url = "{listener.url}/jwks"'
        )
        assert check(text, "--offline")[0] == 0 and not listener.seen
        report = check(text)
        assert states(report, "1 usable keys") == ["ok"] and states(report, ": reached") == ["ok"]
        listener.answers["/jwks"] = (500, {}, b"")
        assert check(text)[0] == 1
    finally:
        listener.close()
