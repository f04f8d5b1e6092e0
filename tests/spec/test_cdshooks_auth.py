"""Who may call: JWTs, right and forged (CDS Hooks 2.0 "Trusting CDS Clients", promises A1-A11)."""

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from ehr import keys
from runtime import store
from tests.support import hookcall
from tests.support.hookcall import FEEDBACK, ISSUER, KEYS, PUBLIC, SERVICE, World


def part(value):
    return (
        base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
        .rstrip(b"=")
        .decode()
    )


def refused(world, token, **options):
    answer = world.post(hookcall.request(), token=token, **options)
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    return answer


@pytest.mark.rule("R100")
@pytest.mark.rule("R101")
@pytest.mark.rule("R102")
@pytest.mark.rule("R105")
@pytest.mark.rule("R107")
@pytest.mark.parametrize("key", ["es", "rs"])
def test_es384_and_rs384_are_accepted(world, key):
    world.cards(hookcall.request(), token=world.token(key))


@pytest.mark.rule("A3")
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(
    "key, alg",
    [
        (ECKey.generate_key("P-256", {"kid": "k"}), "ES256"),
        (OKPKey.generate_key("Ed25519", {"kid": "k"}), "EdDSA"),
        (RSAKey.generate_key(2048, {"kid": "k", "alg": "PS256"}), "PS256"),
    ],
)
def test_other_algorithms_are_accepted_with_a_key_of_their_own(world, key, alg):
    """A3: the configured key set decides."""
    world.settings.path("jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    claims = base64.urlsafe_b64decode(world.token().split(".")[1] + "==")
    world.cards(
        hookcall.request(),
        token=jws.serialize_compact({"alg": alg, "kid": "k", "typ": "JWT"}, claims, key, [alg]),
    )


def test_more_header_members_and_claims_are_accepted(world):
    now = int(world.now.timestamp())
    token = world.token(
        header={"x-vendor": "y" * 700, "cty": "JWT"}, sub="x", nbf=now - 300, tenant="t"
    )
    world.cards(hookcall.request(), token=token)


def test_what_a_call_needs_comes_before_what_it_says(world):
    assert world.post(b"{", token=None).status_code == 401


@pytest.mark.rule("A1")
@pytest.mark.rule("R99")
@pytest.mark.rule("R100")
@pytest.mark.parametrize("path", [SERVICE, FEEDBACK])
@pytest.mark.parametrize(
    "header",
    [None, "", "Basic dXNlcjpwdw==", "Bearer", "Bearer ", "bearer x", "Bearer a.b.c, Bearer a.b.c"],
)
def test_a_call_without_a_bearer_token_is_refused(world, header, path):
    headers = {} if header is None else {"Authorization": header}
    answer = world.client.post(
        f"{path}?access_token={world.token()}", json=hookcall.request(), headers=headers
    )
    assert answer.status_code == 401


@pytest.mark.rule("A5")
@pytest.mark.rule("R102")
@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "jti"])
def test_a_missing_claim_is_refused(world, claim):
    refused(world, world.token(**{claim: None}))


NOW = int(hookcall.AT.timestamp())
WRONG_CLAIMS = [
    {"iss": ISSUER + "/"},
    {"iss": ISSUER.upper()},
    {"iss": ISSUER + ".evil.example"},
    {"iss": [ISSUER]},
    {"iss": "https://other.example"},
    {"exp": str(NOW + 60)},
    {"exp": True},
    {"exp": NOW + 60.5},
    {"iat": True},
    {"iat": str(NOW)},
    {"exp": NOW - 61, "iat": NOW - 120},
    {"iat": NOW + 90, "exp": NOW + 120},
    {"iat": NOW, "exp": NOW},
    {"exp": NOW + 301},
    {"exp": NOW + 10 * 365 * 86400},
    {"nbf": NOW + 90},
    {"nbf": "now"},
    {"jti": 123456789},
    {"jti": "short"},
    {"jti": "x" * 257},
    {"jti": "with\ncontrol"},
]


@pytest.mark.rule("A2", "A5")
@pytest.mark.rule("R109")
@pytest.mark.rule("R106")
@pytest.mark.parametrize("claims", WRONG_CLAIMS)
def test_wrong_claims_are_refused(world, claims):
    refused(world, world.token(**claims))


@pytest.mark.rule("A5", "G6")
@pytest.mark.parametrize(
    "claims", [{"iat": NOW + 20, "exp": NOW + 100}, {"iat": NOW - 60, "exp": NOW - 20}]
)
def test_a_little_skew_is_accepted(world, claims):
    world.cards(hookcall.request(), token=world.token(**claims))


@pytest.mark.rule("A6")
@pytest.mark.rule("R103")
@pytest.mark.parametrize(
    "audience",
    [
        PUBLIC,
        PUBLIC + "/cds-services",
        PUBLIC + SERVICE + "/",
        PUBLIC + SERVICE[:-1],
        (PUBLIC + SERVICE).upper(),
        PUBLIC + FEEDBACK,
        "http://localhost" + SERVICE,
        [PUBLIC],
        [],
        5,
        {"a": PUBLIC + SERVICE},
    ],
)
def test_another_audience_is_refused(world, audience):
    refused(world, world.token(audience=audience), Host="localhost")


@pytest.mark.rule("R102")
@pytest.mark.rule("R103")
def test_an_audience_list_may_name_others_too(world):
    world.cards(
        hookcall.request(), token=world.token(audience=["https://other.example", PUBLIC + SERVICE])
    )


@pytest.mark.rule("R103")
def test_feedback_has_its_own_audience(world):
    assert world.post({"feedback": []}, path=FEEDBACK, token=world.token()).status_code == 401


def test_epic_may_use_its_agreed_audience_and_fifteen_minutes(build):
    world = build(profile="epic", hook_audience=["vigil-at-this-site"])
    token = world.token("rs", "vigil-at-this-site", iat=NOW, exp=NOW + 900, nbf=NOW - 300, sub="x")
    world.cards(hookcall.request(), token=token)
    refused(world, world.token(exp=NOW + 901))


def test_the_lifetime_can_be_configured(build):
    build(hook_token_seconds=3600).cards(hookcall.request())


@pytest.mark.rule("A3")
@pytest.mark.rule("R104")
@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", ""])
def test_unsigned_tokens_are_refused(world, alg):
    head, claims, signature = world.token().split(".")
    for end in ("", signature, "AA"):
        refused(world, f"{part({'alg': alg, 'kid': 'es', 'typ': 'JWT'})}.{claims}.{end}")


@pytest.mark.rule("A3")
@pytest.mark.rule("R104")
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("form", ["pem", "der", "jwk"])
@pytest.mark.parametrize("key", ["es", "rs"])
def test_public_keys_are_no_shared_secrets(world, alg, form, key):
    public = KEYS[key]
    secret = (
        json.dumps(public.as_dict(private=False)).encode()
        if form == "jwk"
        else public.as_bytes(form.upper(), private=False)
    )
    signed = f"{part({'alg': alg, 'kid': key, 'typ': 'JWT'})}.{world.token().split('.')[1]}"
    signature = hmac.new(secret, signed.encode(), getattr(hashlib, f"sha{alg[2:]}")).digest()
    refused(world, f"{signed}.{part(signature)}")


@pytest.mark.rule("A3")
@pytest.mark.rule("R105")
@pytest.mark.parametrize(
    "alg", ["ES256", "ES512", "RS256", "RS384", "PS384", "EdDSA", "es384", "ES384 "]
)
def test_the_algorithm_is_the_keys_not_the_tokens(world, alg):
    _, claims, signature = world.token().split(".")
    refused(world, f"{part({'alg': alg, 'kid': 'es', 'typ': 'JWT'})}.{claims}.{signature}")


@pytest.mark.rule("A3")
def test_rs256_with_an_rs384_key_is_refused(world):
    payload = base64.urlsafe_b64decode(world.token().split(".")[1] + "==")
    refused(
        world, jws.serialize_compact({"alg": "RS256", "kid": "rs"}, payload, KEYS["rs"], ["RS256"])
    )


WRONG_HEADERS = [
    {"crit": ["x"], "x": 1},
    {"crit": []},
    {"zip": "DEF"},
    {"b64": False},
    {"jwk": KEYS["stranger"].as_dict(private=False)},
    {"x5u": "https://evil.example"},
    {"x5c": ["AA"]},
    {"kid": "unknown"},
    {"kid": 5},
    {"kid": None},
    {"typ": "JWE"},
    {"alg": ["ES384"]},
    {"alg": None},
    {"jku": "https://evil.example/jwks"},
    {"jku": 5},
]


@pytest.mark.rule("A4")
@pytest.mark.rule("R101")
@pytest.mark.parametrize("header", WRONG_HEADERS)
def test_wrong_headers_are_refused(world, header):
    claims = world.token().split(".")[1]
    signed = f"{part({'alg': 'ES384', 'kid': 'es', 'typ': 'JWT'} | header)}.{claims}"
    for key in ("es", "stranger"):
        signature = jws.JWSRegistry.algorithms["ES384"].sign(signed.encode(), KEYS[key])
        refused(world, f"{signed}.{part(signature)}")


MALFORMED = [
    "a.b",
    "a.b.c.d",
    "..",
    "a..c",
    "%20.b.c",
    "a b.c.d",
    "é.b.c",
    "e30.e30.e30",
    "W10.W10.AA",
    '{"payload":"x"}',
    "a.b.c.d.e",
]


@pytest.mark.rule("A9")
@pytest.mark.parametrize("token", MALFORMED)
def test_malformed_tokens_are_refused(world, token):
    assert (
        world.client.post(
            SERVICE, json={}, headers={"Authorization": f"Bearer {token}"}
        ).status_code
        == 401
    )


@pytest.mark.rule("A9")
def test_long_tokens_are_refused_at_once(world):
    started = time.perf_counter()
    refused(world, "a" * 1_000_000)
    assert time.perf_counter() - started < 0.05


def test_a_changed_token_is_refused(world):
    head, claims, signature = world.token().split(".")
    changed = part(json.loads(base64.urlsafe_b64decode(claims + "==")) | {"sub": "x"})
    refused(world, f"{head}.{changed}.{signature}")


@pytest.mark.rule("A10")
@pytest.mark.rule("R110")
def test_all_refusals_look_alike(world):
    used = world.token()
    world.cards(hookcall.request(), token=used)
    tokens = [
        used,
        "a.b.c",
        world.token(iss="x"),
        world.token(exp=NOW - 100, iat=NOW - 200),
        world.token(audience="x"),
        world.token("stranger"),
    ]
    answers = [world.post(hookcall.request(), token=token) for token in (*tokens, None)]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.data for answer in answers}) == 1
    assert (
        len({str(sorted((k, v) for k, v in a.headers if k != "X-Request-Id")) for a in answers})
        == 1
    )


@pytest.mark.rule("A7", "G1")
@pytest.mark.rule("R109")
def test_a_token_is_good_once_even_after_a_restart(tmp_path):
    first = World(tmp_path)
    token = first.token()
    first.cards(hookcall.request(), token=token)
    refused(first, token)
    refused(World(tmp_path), token)


@pytest.mark.rule("A7")
@pytest.mark.rule("R109")
def test_of_parallel_uses_one_is_served(world):
    token, statuses = world.token(), []

    def call():
        body = json.dumps(hookcall.request())
        answer = world.app.test_client().post(
            SERVICE,
            data=body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [401] * 11


@pytest.mark.rule("A7")
@pytest.mark.rule("R109")
def test_a_token_used_on_one_host_is_refused_on_another(tmp_path):
    server = store.embedded(tmp_path)
    try:
        hosts = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            hosts.append(World(tmp_path / name, redis_url=server.url))
        token = hosts[0].token()
        hosts[0].cards(hookcall.request(), token=token)
        refused(hosts[1], token)
    finally:
        server.stop()


@pytest.mark.rule("A4", "A8", "G9")
@pytest.mark.rule("R106")
@pytest.mark.rule("R108")
def test_a_key_set_url_is_cached_rotated_and_never_the_tokens(build, listener, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: time.perf_counter() + clock[0])
    published = {"keys": [KEYS["es"].as_dict(private=False)]}
    listener.answers["/jwks"] = lambda handler: listener._send(
        handler, (200, {}, json.dumps(published).encode())
    )
    world = build(hook_jwks_url=f"{listener.url}/jwks")
    for jku in (f"{listener.url}/jwks", None):
        world.cards(hookcall.request(), token=world.token(header={"jku": jku} if jku else {}))
    assert listener.paths() == ["/jwks"]
    refused(world, world.token(header={"jku": f"{listener.url}/evil"}))
    for _ in range(40):
        refused(world, world.token("rs"))
    assert listener.paths() == ["/jwks"]
    published["keys"].append(KEYS["rs"].as_dict(private=False))
    clock[0] += 31
    world.cards(hookcall.request(), token=world.token("rs"))
    listener.answers["/jwks"] = (500, {}, b"")
    clock[0] += 700
    world.cards(hookcall.request(), token=world.token("rs"))
    assert listener.paths() == ["/jwks"] * 3


def test_an_open_ehr_is_known_by_its_server_only(tmp_path):
    sandbox = {"id": "sandbox", "fhir_base": ["https://launch.example/r4"], "hook_auth": "open"}
    world = World(tmp_path, others=[sandbox])
    assert (
        world.post(hookcall.request(fhirServer="https://launch.example/r4"), token=None).status_code
        == 200
    )
    assert world.record()["ehr"] == "sandbox" and world.record()["client"] is None
    assert world.post(hookcall.request(), token=None).status_code == 401
    assert world.post(hookcall.request(fhirServer=...), token=None).status_code == 401
    assert (
        world.post(
            hookcall.request(fhirServer="https://launch.example/r4"), token="a.b.c"
        ).status_code
        == 401
    )
    assert world.post(hookcall.request(fhirServer="https://launch.example/r4")).status_code == 403


def test_one_issuer_may_sign_for_several_tenants(tmp_path):
    tenant = {
        "id": "two",
        "fhir_base": ["https://two.example/r4"],
        "hook_issuer": ISSUER,
        "hook_jwks_file": "jwks.json",
    }
    world = World(tmp_path, others=[tenant])
    world.cards(hookcall.request(fhirServer="https://two.example/r4"))
    assert world.record()["ehr"] == "two"
    assert world.post(hookcall.request(fhirServer=...)).status_code == 400


@pytest.mark.rule("A11")
def test_a_flood_of_refusals_is_429_and_valid_calls_pass(world):
    statuses = [world.post(b"", token="a.b.c").status_code for _ in range(70)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert world.post(b"", token="a.b.c").headers["Retry-After"]
    assert len(list(world.audit.records(type="refusal"))) <= 61
    world.cards(hookcall.request())


def test_refusals_are_recorded_without_the_token(world):
    token = world.token(iss="https://evil.example")
    refused(world, token)
    assert world.record("refusal")["reason"] == "issuer"
    assert token.split(".")[2] not in str(world.record("refusal"))


@pytest.mark.rule("R112")
def test_a_preflight_needs_no_token(world):
    asked = {"Origin": "https://chart.example.org", "Access-Control-Request-Method": "POST"}
    for path in (SERVICE, FEEDBACK, "/cds-services"):
        answer = world.client.options(path, headers=asked)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://chart.example.org"
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.rule("R112")
def test_errors_carry_the_cors_headers_too(world):
    origin = "https://chart.example.org"
    for answer in (
        world.post(b"", token="a.b.c", Origin=origin),
        world.post(b"{", Origin=origin),
        world.post(hookcall.request(prefetch=..., fhirServer=...), Origin=origin),
        world.client.post("/cds-services/other", headers={"Origin": origin}),
    ):
        assert answer.status_code >= 400 and answer.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.rule("D4")
@pytest.mark.rule("R112")
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://chart.example.org.evil.example",
        "http://chart.example.org",
    ],
)
def test_other_origins_get_no_cors_headers(world, origin):
    answer = world.client.options(
        SERVICE, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


@pytest.mark.rule("D5")
@pytest.mark.rule("R5")
def test_answers_ask_for_tls_and_keep_to_themselves(world):
    for answer in (
        world.post(hookcall.request()),
        world.post(b"", token=None),
        world.client.get("/nowhere"),
    ):
        assert "max-age" in answer.headers["Strict-Transport-Security"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.mimetype == "application/json"


def test_jtis_are_kept_per_issuer(tmp_path):
    other = {
        "id": "two",
        "fhir_base": ["https://two.example/r4"],
        "hook_issuer": "https://two.example",
        "hook_jwks_file": "jwks.json",
    }
    world, jti = World(tmp_path, others=[other]), uuid.uuid4().hex
    world.cards(hookcall.request(), token=world.token(jti=jti))
    world.cards(
        hookcall.request(fhirServer="https://two.example/r4"),
        token=world.token(jti=jti, iss="https://two.example"),
    )
