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

from ehr import jws as token_reader
from ehr import keys, refusals
from runtime import store
from runtime.limits import overload, refusal_log
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
    {"jti": ""},
    {"jti": "x" * 257},
    {"jti": "with\ncontrol"},
]


@pytest.mark.rule("A2", "A5")
@pytest.mark.rule("R109")
@pytest.mark.rule("R106")
@pytest.mark.parametrize("claims", WRONG_CLAIMS)
def test_wrong_claims_are_refused(world, claims):
    refused(world, world.token(**claims))


@pytest.mark.rule("A5")
@pytest.mark.parametrize(
    "claims",
    [
        {"iat": float(NOW), "exp": NOW + 299.5},
        {"iat": NOW - 0.25, "exp": NOW + 60, "nbf": NOW - 300.75},
        {"iat": NOW * 1.0, "exp": NOW * 1.0 + 300},
        {"jti": "7"},
        {"jti": "größer"},
    ],
)
def test_a_time_is_any_number_and_a_jti_any_text(world, claims):
    """RFC 7519 2 and 4.1.7: NumericDate may have a fraction, `jti` is just a string."""
    world.cards(hookcall.request(), token=world.token(**claims))
    refused(world, world.token(**{"jti": "other"} | claims | {"exp": NOW - 61.5}))


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


def published(world, *entries):
    world.settings.path("jwks.json").write_text(json.dumps({"keys": entries}))


def signed(world, alg, key, header=None):
    """Return a token with this very header, whatever a library would say of it."""
    text = f"{part({'alg': alg} | (header or {}))}.{world.token().split('.')[1]}"
    return f"{text}.{part(jws.JWSRegistry.algorithms[alg].sign(text.encode(), KEYS[key]))}"


@pytest.mark.rule("A3")
@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_verifies_its_alg_or_all_of_its_type(world, alg):
    """`alg` is optional in a JWK (RFC 7517 4.4)."""
    world.cards(hookcall.request(), token=signed(world, alg, "rs", {"kid": "rs"}))


@pytest.mark.rule("A3")
def test_an_rsa_key_with_an_alg_verifies_that_only(world):
    published(world, KEYS["rs"].as_dict(private=False, alg="RS384"))
    world.cards(hookcall.request(), token=signed(world, "RS384", "rs", {"kid": "rs"}))
    refused(world, signed(world, "RS256", "rs", {"kid": "rs"}))


@pytest.mark.rule("A3")
def test_a_record_may_narrow_the_algorithms(build):
    world = build(hook_algorithms=["ES384"])
    world.cards(hookcall.request())
    refused(world, world.token("rs"))
    assert world.record("refusal")["reason"] == "algorithm"


@pytest.mark.rule("A4")
def test_a_token_without_kid_is_checked_with_the_fitting_keys(world):
    world.cards(hookcall.request(), token=signed(world, "ES384", "es"))
    world.cards(hookcall.request(), token=signed(world, "RS256", "rs"))
    refused(world, signed(world, "ES384", "stranger"))
    assert world.record("refusal")["reason"] == "signature"


@pytest.mark.rule("A4")
def test_keys_pinned_by_file_make_a_jku_irrelevant(world):
    """It is neither fetched nor compared; the Sandbox and Epic send it whatever is configured."""
    for jku in ("https://evil.example/jwks", "", "no URL", ISSUER):
        header = {"kid": "es", "jku": jku}
        world.cards(hookcall.request(), token=signed(world, "ES384", "es", header))
        refused(world, signed(world, "ES384", "stranger", header))


@pytest.mark.rule("R101")
@pytest.mark.parametrize("typ", ["JWT", "jwt", "Jwt", "application/jwt", "application/JWT"])
def test_typ_is_a_media_type(world, typ):
    """RFC 7515 4.1.9: compared without case; `application/` may be left out, or stand there."""
    world.cards(hookcall.request(), token=world.token(header={"typ": typ}))


@pytest.mark.rule("A4")
def test_certificates_in_the_header_do_not_matter(world):
    """They never supply a key, and no rule has a token refused for them."""
    named = {"x5u": "https://evil.example", "x5c": ["AA"], "x5t": "AA"}
    world.cards(hookcall.request(), token=world.token(header=named))
    refused(world, world.token("stranger", header=named))


WRONG_HEADERS = [
    {"crit": ["x"], "x": 1},
    {"crit": []},
    {"zip": "DEF"},
    {"b64": False},
    {"jwk": KEYS["stranger"].as_dict(private=False)},
    {"kid": "unknown"},
    {"kid": 5},
    {"kid": None},
    {"typ": "JWE"},
    {"typ": "at+jwt"},
    {"typ": ""},
    {"alg": ["ES384"]},
    {"alg": None},
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
def test_long_tokens_are_refused_before_any_parsing(world, monkeypatch):
    monkeypatch.setattr(token_reader.base64, "urlsafe_b64decode", lambda _: 1 / 0)
    for token in ("a" * 1_000_000, f"{'e30' * 2800}.e30.AA"):
        refused(world, token)
        assert world.record("refusal")["reason"] == "malformed"


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
    # Held keys are read anew beside the call, which does not wait for it.
    until = time.perf_counter() + 10
    while len(listener.paths()) < 3 and time.perf_counter() < until:
        time.sleep(0.01)
    assert listener.paths() == ["/jwks"] * 3


SANDBOX = {"id": "sandbox", "fhir_base": ["https://launch.example/r4"], "hook_auth": "open"}


def test_an_open_ehr_is_known_by_its_server(tmp_path):
    world = World(tmp_path, others=[SANDBOX])
    at_sandbox = hookcall.request(fhirServer="https://launch.example/r4")
    world.cards(at_sandbox, token=None)
    assert world.record()["ehr"] == "sandbox" and world.record()["client"] is None
    assert world.post(hookcall.request(), token=None).status_code == 401
    assert world.record("refusal")["reason"] == "no token"
    other = hookcall.request(fhirServer="https://other.example/r4")
    assert world.post(other, token=None).status_code == 401
    assert world.record("refusal")["reason"] == "fhirServer"
    assert world.post(at_sandbox).status_code == 403


@pytest.mark.rule("B3")
@pytest.mark.parametrize("server", [..., "", None])
def test_one_open_ehr_needs_no_server(tmp_path, server):
    """A client with full prefetch may send neither token nor `fhirServer` (R25, R26)."""
    world = World(tmp_path, others=[SANDBOX])
    world.cards(hookcall.request(fhirServer=server), token=None)
    assert world.record()["ehr"] == "sandbox"


def test_several_open_ehrs_are_told_apart_by_their_server_or_not_at_all(build):
    world = build(hook_auth="open", others=[SANDBOX])
    answer = world.post(hookcall.request(fhirServer=...), token=None)
    assert answer.status_code == 400 and "fhirServer" in answer.text
    world.cards(hookcall.request(fhirServer=SANDBOX["fhir_base"][0]), token=None)
    assert world.record()["ehr"] == "sandbox"


def test_required_without_a_token_stays_401(world):
    for server in (..., "", hookcall.FHIR):
        assert world.post(hookcall.request(fhirServer=server), token=None).status_code == 401


NO_KEYS = {"hook_auth": "open", "hook_jwks_url": None}


@pytest.mark.parametrize(
    "ehr, reason",
    [
        ({"hook_auth": "open", "hook_issuer": "https://another.example"}, "issuer"),
        ({"hook_issuer": None} | NO_KEYS, "issuer"),
        (NO_KEYS, "no keys"),
    ],
)
def test_open_means_that_a_token_that_no_key_is_configured_for_is_noted_and_ignored(
    build, ehr, reason
):
    world = build(**ehr)
    token = world.token("stranger", header={"jku": "https://sandbox.example/jwks"}, exp=NOW - 900)
    for _ in range(2):
        world.cards(hookcall.request(), token=token)
    assert world.record()["client"] is None
    assert world.record()["ignored"] == [f"Authorization: {reason}"]
    feedback = {"feedback": [{"card": "c", "outcome": "accepted"}]}
    assert world.post(feedback, path=FEEDBACK, token=token).status_code == 200
    assert world.record("feedback")["ehr"] == "ehr"


@pytest.mark.parametrize("token", ["a.b.c", "opaque", "x" * 9000])
def test_what_is_no_token_is_ignored_where_no_key_could_check_it(build, token):
    """A proxy lets the access token of the client's own server through, which need be no JWT; a
    record that asks for a token, or that has keys, refuses it.
    """
    world = build(others=[SANDBOX])
    world.cards(hookcall.request(fhirServer=SANDBOX["fhir_base"][0]), token=token)
    assert world.record()["ignored"] == ["Authorization: malformed"]
    refused(world, token)
    keyed = build(hook_auth="open", others=[SANDBOX])
    refused(keyed, token)
    assert keyed.record("refusal")["reason"] == "malformed"


def test_open_asks_for_no_bearer_header_of_any_kind(build):
    """A proxy's own Basic login in front of a sandbox comes through as it is."""
    world = build(hook_auth="open")
    body = json.dumps(hookcall.request())
    for header in ("Basic dXNlcjpwdw==", "", "Negotiate x"):
        answer = world.client.post(
            SERVICE, data=body, content_type="application/json", headers={"Authorization": header}
        )
        assert answer.status_code == 200, header
    assert world.record()["ignored"] == ["Authorization: scheme"]


def test_open_does_not_mean_that_a_wrong_token_passes(build):
    """Where keys are configured for its issuer, a token is checked as ever."""
    world = build(hook_auth="open")
    world.cards(hookcall.request())
    assert world.record()["client"]["iss"] == ISSUER and world.record()["ignored"] == []
    for token in (
        world.token("stranger"),
        world.token(exp=NOW - 100, iat=NOW - 200),
        world.token(audience="x"),
        "a.b.c",
    ):
        refused(world, token)


@pytest.mark.rule("R25")
def test_an_access_token_without_its_server_is_not_used_and_that_is_recorded(build):
    world = build(hook_auth="open")
    body = hookcall.request(fhirServer=..., fhirAuthorization=hookcall.authorization())
    world.cards(body, token=None)
    assert world.record()["ignored"] == ["fhirAuthorization: no fhirServer"]
    assert "SECRET-TOKEN" not in str(world.record())
    world.cards(body)
    assert world.record()["client"]["iss"] == ISSUER


TWO = {
    "id": "two",
    "fhir_base": ["https://two.example/r4"],
    "hook_issuer": ISSUER,
    "hook_jwks_file": "jwks.json",
}


def test_one_issuer_may_sign_for_several_records(tmp_path):
    """The record called is told by `fhirServer`; without, 400 says what is missing."""
    world = World(tmp_path, others=[TWO])
    world.cards(hookcall.request(fhirServer="https://two.example/r4"))
    assert world.record()["ehr"] == "two"
    world.cards(hookcall.request())
    assert world.record()["ehr"] == "ehr"
    answer = world.post(hookcall.request(fhirServer=...))
    assert answer.status_code == 400 and "fhirServer" in answer.text


@pytest.mark.parametrize("first", [True, False])
def test_lifetime_and_audience_are_those_of_the_record_called(tmp_path, first):
    """Whichever of the two stands first in the configuration."""
    long = {"hook_token_seconds": 900, "hook_audience": ["agreed"]}
    world = World(tmp_path, others=[TWO if first else TWO | long], **(long if first else {}))
    lenient, strict = (
        hookcall.request(fhirServer=base)
        for base in (
            (hookcall.FHIR, "https://two.example/r4")
            if first
            else ("https://two.example/r4", hookcall.FHIR)
        )
    )
    for wider in ({"exp": NOW + 900}, {"audience": "agreed"}):
        world.cards(lenient, token=world.token(**wider))
        answer = world.post(strict, token=world.token(**wider))
        assert answer.status_code == 401
    assert world.record("refusal")["reason"] == "audience"
    world.cards(strict)


@pytest.mark.rule("A2")
def test_a_record_with_tenants_is_of_these_tenants_only(tmp_path):
    """As a token's `tenant` says it, compared as a whole; feedback, which names no server, is told
    apart by it too.
    """
    world = World(tmp_path, others=[TWO | {"hook_tenants": ["b", "c"]}], hook_tenants=["a"])
    feedback = {"feedback": [{"card": "c", "outcome": "accepted"}]}
    for tenant, ehr in (("a", "ehr"), ("b", "two"), ("c", "two")):
        world.cards(hookcall.request(fhirServer=...), token=world.token(tenant=tenant))
        assert world.record()["ehr"] == ehr
        token = world.token(audience=PUBLIC + FEEDBACK, tenant=tenant)
        assert world.post(feedback, path=FEEDBACK, token=token).status_code == 200
        assert world.record("feedback")["ehr"] == ehr
    for tenant in ("A", "ab", "", None, 5, ["a"]):
        refused(world, world.token(tenant=tenant))
    assert world.record("refusal")["reason"] == "tenant"
    other = hookcall.request(fhirServer="https://two.example/r4")
    assert world.post(other, token=world.token(tenant="a")).status_code == 401


def test_feedback_belongs_to_the_record_whose_audience_it_names(tmp_path):
    world = World(tmp_path, others=[TWO | {"hook_audience": ["two-here"]}])
    feedback = {"feedback": [{"card": "c", "outcome": "accepted"}]}
    for audience in ("two-here", ["two-here", PUBLIC + FEEDBACK]):
        token = world.token(audience=audience)
        assert world.post(feedback, path=FEEDBACK, token=token).status_code == 200
        assert world.record("feedback")["ehr"] == "two"
    assert world.post(feedback, path=FEEDBACK).status_code == 200
    assert (world.record("feedback")["ehr"], world.record("feedback")["ehrs"]) == (
        None,
        ["ehr", "two"],
    )


def test_two_records_of_one_issuer_may_have_keys_of_their_own(tmp_path):
    stranger = KEYS["stranger"].as_dict(private=False)
    (tmp_path / "two.json").write_text(json.dumps({"keys": [stranger]}))
    world = World(tmp_path, others=[TWO | {"hook_jwks_file": "two.json"}])
    world.cards(
        hookcall.request(fhirServer=...), token=world.token("stranger", header={"kid": "es"})
    )
    assert world.record()["ehr"] == "two"
    world.cards(hookcall.request(fhirServer=...))
    assert world.record()["ehr"] == "ehr"
    assert world.post(hookcall.request(fhirServer="https://two.example/r4")).status_code == 401


@pytest.mark.rule("R103")
@pytest.mark.rule("A6")
@pytest.mark.parametrize("path", [SERVICE, FEEDBACK])
@pytest.mark.parametrize("ending", ["/", ""])
@pytest.mark.parametrize("slash", ["/", "//"])
def test_a_url_with_a_slash_too_many_is_answered(world, path, ending, slash):
    """A client that was given our URL with a final slash calls that URL, and signs for it; or it
    signs for the endpoint as discovery names it.
    """
    called = path.replace("/cds-services/", f"/cds-services{slash}") + ending
    body = {"feedback": []} if path == FEEDBACK else hookcall.request()
    for audience in (PUBLIC + called, PUBLIC + path):
        token = world.token(audience=audience)
        assert world.post(body, path=called, token=token).status_code == 200
    assert world.post(body, path=called, token=world.token(audience=PUBLIC)).status_code == 401
    asked = {"Origin": "https://chart.example.org", "Access-Control-Request-Method": "POST"}
    answer = world.client.options(called, headers=asked)
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"]


@pytest.mark.rule("A11")
def test_a_flood_of_refusals_is_429_and_valid_calls_pass(world):
    statuses = [world.post(b"", token="a.b.c").status_code for _ in range(70)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert world.post(b"", token="a.b.c").headers["Retry-After"]
    world.cards(hookcall.request())
    assert len(list(world.audit.records(type="refusal"))) == 10


@pytest.mark.rule("A11")
def test_a_flood_is_one_record_a_minute_with_its_count(world, monkeypatch):
    """The first ten of a kind are recorded each; another kind is not hidden by them."""
    closing = []

    class Timer:
        def __init__(self, seconds, close):
            closing.append((seconds, close))

        def start(self):
            pass

    monkeypatch.setattr(refusal_log.threading, "Timer", Timer)
    for _ in range(25):
        world.post(b"", token="a.b.c")
    world.post(b"", token=world.token(iss="https://other.example.org"))
    ((seconds, close),) = closing
    assert seconds == 60 and world.record("refusal")["reason"] == "issuer"
    close()
    found = world.record("refusal")
    assert (found["reason"], found["count"], found["status"]) == ("malformed", 15, 401)
    assert len(list(world.audit.records(type="refusal"))) == 12
    assert "15 refused" in "".join(refusals.lately([found], "ehr"))


@pytest.mark.rule("A11")
def test_a_flood_behind_one_proxy_is_told_by_who_sent_it(build):
    """The address that a configured proxy names is the one that counts, and nobody else's word."""
    behind = build(trusted_proxies=["127.0.0.0/8"])
    flood = [behind.post(b"", token="a.b.c", X_Forwarded_For="9.9.9.9") for _ in range(61)]
    assert flood[-1].status_code == 429
    assert behind.post(b"", token="a.b.c", X_Forwarded_For="8.8.8.8").status_code == 401
    for n in range(61):
        # Written by the caller, left of what the proxy wrote.
        last = behind.post(b"", token="a.b.c", X_Forwarded_For=f"1.1.1.{n}, 7.7.7.7")
    assert last.status_code == 429


@pytest.mark.rule("A11")
def test_an_issuer_that_is_refused_too_often_is_429_from_everywhere(build):
    behind = build(trusted_proxies=["127.0.0.1"])
    answers = [
        behind.post(b"", token=behind.token("stranger"), X_Forwarded_For=f"9.9.9.{n}")
        for n in range(61)
    ]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429]
    behind.cards(hookcall.request(), X_Forwarded_For="9.9.9.1")


@pytest.mark.rule("A11")
def test_a_signature_is_checked_only_where_the_claims_are_good(world, monkeypatch):
    """It is the costly step: whoever can't even say the right things is refused before."""
    checked = []
    real = token_reader.signers
    monkeypatch.setattr(token_reader, "signers", lambda *given: checked.append(1) or real(*given))
    for claims in ({"audience": PUBLIC}, {"exp": NOW - 61, "iat": NOW - 120}, {"jti": ""}):
        refused(world, world.token("stranger", **claims))
    assert not checked
    refused(world, world.token("stranger"))
    assert checked


def test_a_token_is_used_up_only_by_a_call_that_is_admitted(world, monkeypatch):
    """Who is turned away for the crowd, or for the form of the body, may send it again."""
    token = world.token()
    with monkeypatch.context() as crowded:
        crowded.setattr(overload.Queue, "admit", turned_away)
        answer = world.post(hookcall.request(), token=token)
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"
    assert world.post(b"x", token=token, content_type="text/xml").status_code == 415
    assert world.post(hookcall.request(), token=token).status_code == 200
    refused(world, token)


def turned_away(queue):
    raise overload.Overloaded


@pytest.mark.rule("B6")
def test_a_refusal_tells_who_called_and_of_whom_as_far_as_known(world):
    """Who signed is named only where that was checked."""
    wrong = hookcall.authorization(patient="p2")
    assert world.post(hookcall.request(fhirAuthorization=wrong)).status_code == 412
    found = world.record("refusal")
    assert found["status"] == 412 and found["client"]["iss"] == ISSUER and found["ehrs"] == ["ehr"]
    assert (found["user"], found["patient"]) == ("Practitioner/d1", "p1")
    other = hookcall.prefetch(patient=hookcall.patient(id="p2"))
    assert world.post(hookcall.request(prefetch=other)).status_code == 412
    found = world.record("refusal")
    assert (found["ehr"], found["patient"], found["client"]["kid"]) == ("ehr", "p1", "es")
    refused(world, world.token("stranger"))
    assert "client" not in world.record("refusal")


@pytest.mark.rule("R110")
@pytest.mark.rule("C4")
def test_refusals_are_recorded_with_what_to_compare_and_without_the_token(world):
    """Of the token only what a record is set up by: no signature, no subject, no jti."""
    token = world.token(iss="https://evil.example/" + "x" * 500, sub="Dr Who", jti="CANARY")
    refused(world, token)
    found = world.record("refusal")
    assert found["reason"] == "issuer" and found["ehrs"] == []
    assert found["token"]["iss"].startswith("https://evil.example/xx")
    assert len(found["token"]["iss"]) == 200 and found["token"]["aud"] == PUBLIC + SERVICE
    for secret in (*token.split("."), "Dr Who", "CANARY"):
        assert secret not in str(found)


REASONS = [
    ("issuer", {"iss": ISSUER + "/"}),
    ("signature", {"key": "stranger", "header": {"kid": "es"}}),
    ("kid", {"header": {"kid": "another"}}),
    ("header", {"header": {"typ": "at+jwt"}}),
    ("claims", {"exp": None}),
    ("jti", {"jti": ""}),
    ("lifetime", {"exp": NOW + 301}),
    ("expired", {"exp": NOW - 61, "iat": NOW - 120}),
    ("not yet", {"iat": NOW + 90, "exp": NOW + 120}),
    ("audience", {"audience": PUBLIC}),
]


@pytest.mark.rule("G6")
@pytest.mark.parametrize("reason, wrong", REASONS)
def test_log_and_audit_say_which_it_was_and_the_caller_is_told_nothing(world, reason, wrong):
    answer = refused(world, world.token(**wrong))
    assert world.record("refusal")["reason"] == reason
    assert refusals.meaning(reason) and reason not in answer.text


@pytest.mark.parametrize(
    "answer, fault",
    [
        ((500, {}, b""), "status 500"),
        ((302, {"Location": "https://elsewhere.example"}, b""), "status 302"),
        ((200, {}, b"<html>"), "no key set"),
        ((200, {}, b'{"keys": []}'), "no usable key"),
    ],
)
def test_a_key_set_that_cannot_be_had_is_not_called_a_wrong_signature(
    build, listener, answer, fault
):
    listener.answers["/jwks"] = answer
    world = build(hook_jwks_url=f"{listener.url}/jwks")
    refused(world, world.token())
    assert world.record("refusal")["reason"] == f"key set: {fault}"
    assert world.record("refusal")["ehrs"] == ["ehr"]


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
