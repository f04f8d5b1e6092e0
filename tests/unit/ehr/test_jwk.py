"""Which keys of a set may verify what, and why the others are passed over (RFC 7517, A3)."""

import json

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from ehr import jwk

P384 = ECKey.generate_key("P-384", {"kid": "a", "alg": "ES384"}).as_dict(private=False)
P256 = ECKey.generate_key("P-256", {"kid": "b"}).as_dict(private=False)
RSA = RSAKey.generate_key(2048, {"kid": "c"}).as_dict(private=False)


def read(*entries):
    return jwk.read(json.dumps({"keys": entries}).encode())


def verifies(entry):
    """Return what the one key of a set may verify; nothing when it is passed over."""
    return [key.algorithms for key in read(entry).keys]


def why(entry):
    (passed_over,) = read(entry).passed_over
    return passed_over.why


@pytest.mark.rule("A3")
@pytest.mark.rule("R105")
def test_a_keys_type_and_curve_say_what_it_may_verify():
    curves = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
    for curve, alg in curves.items():
        assert verifies(ECKey.generate_key(curve).as_dict(private=False)) == [(alg,)]
    assert verifies(OKPKey.generate_key("Ed25519").as_dict(private=False)) == [("EdDSA",)]


@pytest.mark.rule("A3")
def test_alg_is_optional_in_a_jwk_and_binds_where_it_stands():
    """RFC 7517 4.4: an RSA key without it may verify what RSA can, never a symmetric algorithm."""
    able = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    assert verifies(RSA) == verifies(RSA | {"alg": None}) == [able]
    for alg in able:
        assert verifies(RSA | {"alg": alg}) == [(alg,)]


@pytest.mark.rule("A4")
def test_members_that_are_no_part_of_the_key_do_not_matter():
    odd = {"x5c": ["AA"], "x5u": 5, "x5t": [], "key_ops": ["verify", "x"], "use": "sig", "ext": 1}
    assert verifies(P384 | odd) == [("ES384",)]


def test_a_private_half_published_by_mistake_is_not_kept():
    (key,) = read(ECKey.generate_key("P-384", {"kid": "a"}).as_dict(private=True)).keys
    assert not key.key.is_private


@pytest.mark.rule("A3")
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_keys_that_may_not_verify_are_passed_over_with_the_reason():
    weak = RSAKey.generate_key(1024, {"kid": "w"}).as_dict(private=False)
    secret = OctKey.generate_key(256, {"kid": "s"}).as_dict()
    assert "2048 bits" in why(weak)
    assert "kty" in why(secret) and "kty" in why({"kty": ["EC"]}) and "kty" in why({})
    assert "use" in why(P256 | {"use": "enc"})
    assert "key_ops" in why(P256 | {"key_ops": ["sign"]})
    assert "key_ops" in why(P256 | {"key_ops": "verify"})
    for alg in ("HS256", "ES256", "none", "RSA-OAEP", 5):
        assert "alg" in why(P384 | {"alg": alg}) and "alg" in why(RSA | {"alg": alg})
    for curve in ("X25519", "Ed448"):
        assert "curve" in why(OKPKey.generate_key(curve).as_dict(private=False))
    assert "curve" in why(P256 | {"crv": "secp256k1"})
    assert "readable" in why({"kty": "EC", "crv": "P-256", "x": "AA"})
    assert "kid" in why(P384 | {"kid": 5}) and "object" in why(5)


def test_one_bad_key_costs_only_itself():
    found = read(5, P384, {"kty": "oct", "k": "AA", "kid": "s"}, RSA)
    assert [key.kid for key in found.keys] == ["a", "c"]
    assert [(entry.place, entry.kid) for entry in found.passed_over] == [(1, None), (3, "s")]


@pytest.mark.rule("A4")
def test_a_kid_narrows_and_its_absence_does_not():
    """RFC 7515 4.1.4: `kid` is a hint, optional in the token and in the key."""
    unnamed = {name: value for name, value in P384.items() if name != "kid"}
    found = read(P384, P384 | {"kid": "z"}, RSA | {"kid": "a"})
    assert [key.kid for key in found.fitting("ES384", "a")] == ["a"]
    assert [key.kid for key in found.fitting("ES384", None)] == ["a", "z"]
    assert [key.kid for key in found.fitting("RS256", "a")] == ["a"]
    assert found.fitting("ES384", "q") == [] and found.fitting("ES256", None) == []
    assert len(read(unnamed).fitting("ES384", "q")) == 1
    assert found.names("z") and found.names(None) and not found.names("q")


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"[]", b'{"keys": 5}', b'{"keys": {}}', b"null", b"[" * 100_000, b"\xff"],
)
def test_garbage_is_no_key_set(document):
    with pytest.raises(jwk.JwkError):
        jwk.read(document)


def test_an_empty_set_is_a_set():
    assert read() == ((), ())
