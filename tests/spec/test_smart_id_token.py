"""SMART App Launch 2.2: the id_token and its keys (SMART-33, E4; OpenID Connect Core 2, 3.1.3.7 and
10, OpenID Connect Discovery 4).
"""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from ehr import keys
from tests.support.launch_bench import Bench
from tests.support.small_ehr import KEY

# Made once: a key of 2048 bits costs a fifth of a second.
UNDECLARED = RSAKey.import_key(
    {name: value for name, value in KEY.as_dict(private=True).items() if name != "alg"}
)
STRANGER = RSAKey.generate_key(2048, {"kid": "ehr-1"})
P256 = ECKey.generate_key("P-256", {"kid": "p256"})
P384 = ECKey.generate_key("P-384", {"kid": "p384"})
P521 = ECKey.generate_key("P-521", {"kid": "p521"})
ED25519 = OKPKey.generate_key("Ed25519", {"kid": "ed"})


def public(key, **changes) -> dict:
    """Return a JWK; None removes a member."""
    entry = key.as_dict(private=False) | changes
    return {name: value for name, value in entry.items() if value is not None}


def user(bench) -> str | None:
    """Sign in and return the user that the audit knows."""
    bench.browser().sign_in()
    return next(bench.audit.records(type="launch"))["user"]


def refusal(bench, ehr) -> str:
    """Come back with a good code, see that it gives no session, and return the recorded reason."""
    browser = bench.browser()
    answer = browser.callback(ehr.approve(browser.launch()))
    assert answer.status_code == 502 and "<h1>" in answer.text
    assert not any("-session-" in cookie for cookie in browser.cookies_set)
    return next(bench.audit.records(type="refusal"))["reason"]


@pytest.mark.rule("SMART-33", "E4")
@pytest.mark.parametrize(
    "claims, reason",
    [
        ({"iss": "https://evil.example.org"}, "iss"),
        ({"iss": None}, "iss"),
        ({"iss": 5}, "iss"),
        ({"aud": "another-client"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": {"vigil-1": 1}}, "audience"),
        ({"aud": ["vigil-1", "x"]}, "audience"),
        ({"aud": ["vigil-1", "x"], "azp": "x"}, "audience"),
        ({"aud": ["x"], "azp": "vigil-1"}, "audience"),
        ({"azp": "another"}, "audience"),
        ({"azp": 5}, "audience"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "claims"),
        ({"exp": "9999999999"}, "claims"),
        ({"exp": True}, "claims"),
        ({"exp": float("inf")}, "malformed"),
        ({"exp": float("nan")}, "malformed"),
        ({"exp": 10**400}, "claims"),
        ({"iat": 9999999999}, "not yet"),
        ({"iat": None}, "claims"),
        ({"nbf": 9999999999}, "not yet"),
        ({"nbf": "now"}, "claims"),
        ({"nonce": "stale"}, "nonce of another launch"),
        ({"nonce": ""}, "nonce of another launch"),
        ({"nonce": 5}, "nonce missing"),
        ({"nonce": None}, "nonce missing"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 5}, "sub"),
        ({"sub": "s" * 256}, "sub"),
    ],
)
def test_a_claim_that_is_not_right_gives_no_session(bench, ehr, logged, claims, reason):
    """Each claim that the standard requires, and the nonce that we sent (OIDC Core 3.1.3.7); log
    and audit say which it was.
    """
    ehr.claims = claims
    assert refusal(bench, ehr) == f"id_token: {reason}" == logged()[-1]["reason"]


@pytest.mark.rule("SMART-33", "E4")
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["vigil-1"]},
        {"aud": ["vigil-1", "vigil-1"]},
        {"aud": ["x", "vigil-1"], "azp": "vigil-1"},
        {"azp": "vigil-1"},
        {"iat": 1764090000.0, "exp": 4102444800.5},
        {"iat": 1764090000, "exp": 4102444800},
        {"nbf": 1764090000.0},
        {"sub": "s" * 255},
        {"sub": "Müller|7"},
        {"fhirUser": 5, "profile": None, "acr": [], "auth_time": "x", "at_hash": 7, "jti": ""},
    ],
)
def test_what_the_standard_allows_is_taken(bench, ehr, claims):
    """An audience in either form, NumericDates with a fraction (RFC 7519 2), claims not read."""
    ehr.claims = claims
    assert user(bench) == f"{ehr.issuer}|{claims.get('sub', 'dr-1')}"


@pytest.mark.rule("SMART-33")
@pytest.mark.parametrize(
    "seconds, right",
    [
        ({"exp": -59}, True),
        ({"exp": -60}, False),
        ({"iat": 60}, True),
        ({"iat": 61}, False),
        ({"nbf": 60}, True),
        ({"nbf": 60.5}, False),
    ],
)
def test_clocks_may_differ_by_a_minute(bench, ehr, seconds, right):
    """RFC 7519 4.1.4 allows a small leeway; ours is 60 s."""
    bench.time = datetime.now(UTC).replace(microsecond=0)
    now = bench.time.timestamp()
    ehr.claims = {name: now + value for name, value in seconds.items()}
    browser = bench.browser()
    assert browser.callback(ehr.approve(browser.launch())).status_code == (303 if right else 502)


@pytest.mark.rule("SMART-33", "E4")
def test_without_kid_the_only_key_is_taken(bench, ehr):
    """OpenID's rp-id_token-kid-absent-single-jwks, and the SMART launcher."""
    ehr.id_header = {"alg": "RS256"}
    assert user(bench) == f"{ehr.issuer}|dr-1"
    ehr.key_set = [public(KEY, kid=None)]
    assert user(Bench(bench.settings.data_path / "second", ehr)) == f"{ehr.issuer}|dr-1"


@pytest.mark.rule("SMART-33", "E4")
@pytest.mark.parametrize("before, right", [(0, True), (3, True), (4, False)])
def test_without_kid_four_fitting_keys_are_tried(bench, ehr, before, right):
    """Keys of another type, curve, use or algorithm are no trial; a fifth key is not asked."""
    others = [RSAKey.generate_key(2048, {"kid": f"other-{n}"}) for n in range(before)]
    unfit = [public(P256), public(STRANGER, alg="RS512", kid="s"), public(STRANGER, use="enc")]
    ehr.id_header = {"alg": "RS256"}
    ehr.key_set = [*unfit, *map(public, others), public(KEY)]
    if right:
        assert user(bench) == f"{ehr.issuer}|dr-1"
    else:
        assert refusal(bench, ehr) == "id_token: signature"


@pytest.mark.rule("SMART-33", "E4")
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(
    "algorithm, key",
    [(name, UNDECLARED) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")]
    + [("ES256", P256), ("ES384", P384), ("ES512", P521), ("EdDSA", ED25519)],
)
@pytest.mark.parametrize("declared", [True, False])
def test_every_public_key_algorithm_is_taken(bench, ehr, algorithm, key, declared):
    """OIDC Core 3.1.3.7 no. 7 names RS256 as the default and leaves the others to registration; a
    JWK need not name its algorithm (RFC 7517 4.4).
    """
    ehr.id_key, ehr.id_header = key, {"alg": algorithm, "kid": key.kid}
    ehr.key_set = [public(key, alg=algorithm if declared else None)]
    assert user(bench) == f"{ehr.issuer}|dr-1"


@pytest.mark.rule("SMART-33", "E4")
def test_members_of_the_header_that_nobody_defined_are_ignored(bench, ehr):
    """RFC 7515 4; a certificate chain is long, and never supplies the key."""
    chain = [base64.b64encode(b"c" * 1500).decode()] * 3
    own = {"pi.atm": "1", "typ": "at+jwt", "x5c": chain, "x5t": "x"}
    ehr.id_header |= own
    assert user(bench) == f"{ehr.issuer}|dr-1"


def claims(ehr) -> dict:
    """Return claims that are right but for the nonce."""
    now = int(time.time())
    return {
        "iss": ehr.issuer,
        "aud": "vigil-1",
        "sub": "dr-1",
        "iat": now,
        "exp": now + 300,
        "nonce": "n",
    }


def forged(ehr) -> dict[str, object]:
    """Return tokens that nobody who may sign has signed, by name."""
    secret = OctKey.import_key(KEY.as_dict(private=False)["n"])
    good = jwt.encode({"alg": "RS256", "kid": "ehr-1"}, claims(ehr), KEY, algorithms=["RS256"])
    head, body, signature = good.split(".")

    def made(header: dict, key, algorithm: str) -> str:
        return jwt.encode(header | {"alg": algorithm}, claims(ehr), key, algorithms=[algorithm])

    def head_of(header: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()

    return {
        "none": f"{head_of({'alg': 'none', 'kid': 'ehr-1'})}.{body}.",
        "none in other case": f"{head_of({'alg': 'nOnE'})}.{body}.{signature}",
        "HS256 by the public key": made({"kid": "ehr-1"}, secret, "HS256"),
        "a stranger under a known kid": made({"kid": "ehr-1"}, STRANGER, "RS256"),
        "a stranger without a kid": made({}, STRANGER, "RS256"),
        "an unknown kid": made({"kid": "other"}, KEY, "RS256"),
        "another algorithm than the key declares": made({"kid": "ehr-1"}, UNDECLARED, "RS384"),
        "another type than the key's": made({"kid": "ehr-1"}, P256, "ES256"),
        "a key of its own": made({"kid": "ehr-1", "jwk": public(STRANGER)}, STRANGER, "RS256"),
        "crit": f"{head_of({'alg': 'RS256', 'kid': 'ehr-1', 'crit': ['x'], 'x': 1})}.{body}.x",
        "b64": f"{head_of({'alg': 'RS256', 'b64': False, 'crit': ['b64']})}.{body}.x",
        "kid is a number": f"{head_of({'alg': 'RS256', 'kid': 5})}.{body}.{signature}",
        "alg is a list": f"{head_of({'alg': ['RS256']})}.{body}.{signature}",
        "another body": f"{head}.{body[:-4]}AAAA.{signature}",
        "a JWE": f"{head}.{body}.{signature}.x.y",
        "no JWT": "a.b.c",
        "no object": f"{head}.{base64.urlsafe_b64encode(b'[]').decode().rstrip('=')}.{signature}",
        "deep": f"{head}.{base64.urlsafe_b64encode(b'[' * 30_000).decode().rstrip('=')}.x",
        "endless": "a" * 200_000,
        "empty": "",
        "a number": 5,
        "an object": {"alg": "none"},
    }


@pytest.mark.rule("SMART-33", "E4")
def test_nobody_else_signs_an_id_token(bench, ehr, logged):
    """none, HMAC by the public key, strangers' keys, keys in the token, extensions and garbage; and
    not for the missing nonce, which is looked at last.
    """
    browser = bench.browser()
    for name, token in forged(ehr).items():
        ehr.token_extra = {"id_token": token}
        assert browser.callback(ehr.approve(browser.launch())).status_code == 502, name
        assert "nonce" not in logged()[-1]["reason"], name


@pytest.mark.rule("SMART-33", "E4")
def test_a_well_signed_id_token_of_another_launch_is_refused(bench, ehr):
    """Replay: all is right but the nonce."""
    ehr.token_extra = {
        "id_token": jwt.encode({"alg": "RS256"}, claims(ehr), KEY, algorithms=["RS256"])
    }
    assert refusal(bench, ehr) == "id_token: nonce of another launch"


@pytest.mark.rule("SMART-33", "G9")
def test_a_failed_key_set_is_named(bench, ehr, logged):
    """Log and audit tell a key server that is away from a token of an unknown key."""
    ehr.key_set_status = 503
    assert refusal(bench, ehr) == "id_token: key set: status 503" == logged()[-1]["reason"]


@pytest.mark.rule("SMART-33", "G9")
def test_a_key_set_without_a_usable_key_is_named(bench, ehr):
    ehr.key_set = [public(STRANGER, use="enc"), {"kty": "oct", "k": "AAAA", "kid": "ehr-1"}]
    assert refusal(bench, ehr) == "id_token: key set: no usable key"


@pytest.mark.rule("SMART-33", "G9")
@pytest.mark.parametrize("kid", ["p256", None])
def test_a_rotated_key_is_picked_up(bench, ehr, monkeypatch, kid):
    """A token that no key held has signed has the set read again (OIDC Core 10.1.1), with a `kid`
    or without, though not for every token.
    """
    user(bench)
    ehr.id_key, ehr.id_header = P256, {"alg": "ES256"} | ({"kid": kid} if kid else {})
    ehr.key_set = [public(P256)]
    refusal(bench, ehr)
    assert [path for path, _ in ehr.requests].count("/jwks") == 1
    monkeypatch.setattr(keys, "REFRESH_SECONDS", -1)
    assert user(bench) == f"{ehr.issuer}|dr-1"


@pytest.mark.rule("SMART-33")
@pytest.mark.parametrize("configured", [{"jwks_uri": None}, {"jwks_uri": 5}, {"jwks_uri": ""}])
def test_keys_may_be_named_in_openid_configuration_only(bench, ehr, configured):
    """The old place (SMART 1.0), and that of Inferno's mock EHR."""
    ehr.configuration = configured
    assert user(bench) == f"{ehr.issuer}|dr-1"


@pytest.mark.rule("SMART-33")
@pytest.mark.parametrize(
    "document, reason",
    [
        (None, "openid-configuration status 404"),
        ({"jwks_uri": None}, "openid-configuration without jwks_uri"),
        (
            {"jwks_uri": "http://ehr.example.org/jwks"},
            "openid-configuration jwks_uri is no https URL",
        ),
        ({"issuer": "https://evil.example.org"}, "openid-configuration of another issuer"),
    ],
)
def test_an_openid_configuration_that_cannot_be_used_is_named(bench, ehr, document, reason):
    """Its issuer is the one that was asked for (OIDC Discovery 4.3), its keys come by https."""
    (place,) = ehr.documents
    ehr.configuration = {"jwks_uri": None}
    ehr.documents[place] = document and ehr.documents[place] | document
    assert refusal(bench, ehr) == reason


@pytest.mark.rule("SMART-33", "SMART-10")
def test_keys_are_not_asked_of_an_issuer_without_tls(bench, ehr):
    """An issuer is an https URL (OIDC Core 2); over http anyone on the way could name the keys."""
    ehr.configuration = {"issuer": "http://ehr.example.org/auth", "jwks_uri": None}
    ehr.claims = {"iss": "http://ehr.example.org/auth"}
    assert refusal(bench, ehr) == "openid-configuration not https"


@pytest.mark.rule("SMART-33", "SMART-10")
@pytest.mark.parametrize("named, claimed", [("/", ""), ("", "/")])
def test_an_issuer_with_a_final_slash_is_another_issuer(bench, ehr, named, claimed):
    """Compared as a whole string (OIDC Core 3.1.3.7 no. 2), even where a configuration can be
    found at both.
    """
    ehr.configuration = {"issuer": f"{ehr.issuer}{named}"}
    ehr.claims = {"iss": f"{ehr.issuer}{claimed}"}
    (place,) = ehr.documents
    ehr.documents[place] |= {"issuer": f"{ehr.issuer}{claimed}"}
    assert refusal(bench, ehr) == "id_token: iss"
    assert not any("openid-configuration" in path for path, _ in ehr.requests)


@pytest.mark.rule("SMART-33")
def test_an_issuer_with_a_final_slash_on_both_sides_is_taken(bench, ehr):
    ehr.configuration = {"issuer": f"{ehr.issuer}/"}
    ehr.claims = {"iss": f"{ehr.issuer}/"}
    assert user(bench) == f"{ehr.issuer}/|dr-1"


@pytest.mark.rule("SMART-33", "E4")
@pytest.mark.parametrize(
    "named, claimed, right",
    [
        ("/auth", "/auth/oidc/idsps/7/", True),
        ("/auth", "/auth/../evil", False),
        ("/auth", "/auth/%2e%2e/evil", False),
        ("/auth", "/authority", False),
        ("/auth", "/evil", False),
        ("/auth", "/auth/oidc?x=1", False),
        ("/auth", "/auth/oidc#x", False),
        (None, "/auth", True),
        (None, "/elsewhere/oidc/", True),
        (None, "@evil.example.org/auth", False),
        (None, ".evil.example.org/auth", False),
    ],
)
def test_the_tokens_own_issuer_is_followed_within_the_one_that_is_named(
    bench, ehr, named, claimed, right
):
    """SMART has the app go from the token's `iss` to its openid-configuration; here only below the
    issuer of the smart-configuration (Oracle), or, where that names none (SMART 1.0), on the token
    endpoint's origin. Nothing else is ever asked.
    """
    issuer = f"{ehr.url}{claimed}"
    ehr.configuration = {"issuer": named and f"{ehr.url}{named}", "jwks_uri": None}
    ehr.claims = {"iss": issuer}
    ehr.documents = {
        f"{claimed.rstrip('/')}/.well-known/openid-configuration": {
            "issuer": issuer,
            "jwks_uri": f"{ehr.url}/jwks",
        }
    }
    if right:
        assert user(bench) == f"{issuer}|dr-1"
    else:
        assert refusal(bench, ehr) == "id_token: iss"
        assert not any("openid-configuration" in path for path, _ in ehr.requests)


def test_a_server_without_openid_is_not_asked_for_a_user(bench, ehr):
    ehr.configuration = {"capabilities": ["launch-ehr"]}
    browser = bench.browser()
    assert "nonce" not in browser.launch()
    assert browser.get(browser.sign_in()).status_code == 200


@pytest.mark.rule("SMART-20")
def test_an_id_token_that_was_not_asked_for_is_left_alone(bench, ehr):
    """It has no nonce of ours, so it says nothing."""
    ehr.configuration = {"capabilities": ["launch-ehr"]}
    ehr.token_extra = {"id_token": "not even a JWT"}
    assert user(bench) is None
