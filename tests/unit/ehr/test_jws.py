"""Which key signed a token, and by what word one is refused (RFC 7515, RFC 7519; A3, A4, A9)."""

import base64
import json
import math

import pytest
from joserfc import jws as signing
from joserfc.jwk import ECKey, RSAKey

from ehr import jws, keys
from ehr.http import Answer, OutgoingError

ALL = ("ES256", "ES384", "RS256", "RS384", "PS256")
EC = [ECKey.generate_key("P-384", {"kid": f"ec{i}"}) for i in range(6)]
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
URL = "https://keys.example.org/jwks"


class Server:
    """Stands for Outgoing: answers with these keys, or fails by a word."""

    def __init__(self, *published, fault=None):
        self.published, self.fault, self.asked = published, fault, 0

    def get(self, *_):
        self.asked += 1
        if self.fault:
            raise OutgoingError(self.fault)
        return Answer(200, json.dumps({"keys": list(self.published)}).encode())


def public(key, **members):
    entry = key.as_dict(private=False) | members
    return {name: value for name, value in entry.items() if value is not None}


def token(key, alg="ES384", **header):
    registry = signing.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.read(signing.serialize_compact({"alg": alg} | header, b"{}", key, registry=registry))


def signer(made, *published, allowed=ALL, **options):
    return jws.signer(made, URL, keys.KeySets(Server(*published, **options)), allowed)


def refused(made, *published, **options):
    with pytest.raises(jws.TokenRefused) as caught:
        signer(made, *published, **options)
    return str(caught.value)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(**header):
    """Return a token with this very header that nobody signed."""
    return jws.read(f"{part(header)}.e30.AAAA")


@pytest.mark.rule("A4")
def test_without_a_kid_the_fitting_key_is_found():
    made = token(EC[0])
    assert signer(made, public(EC[0])).kid == "ec0"
    assert signer(made, public(RSA), public(EC[1]), public(EC[0])).kid == "ec0"
    assert signer(token(RSA, "RS256"), public(EC[0]), public(RSA)).kid == "rsa"


@pytest.mark.rule("A4")
def test_without_a_kid_four_keys_are_tried_at_most():
    made = token(EC[0])
    others = [public(key) for key in EC[1:5]]
    assert signer(made, *others[:3], public(EC[0])).kid == "ec0"
    assert refused(made, *others, public(EC[0])) == "signature"


@pytest.mark.rule("A4")
def test_of_two_keys_with_one_kid_the_fitting_one_is_taken():
    both = public(RSA, kid="k"), public(EC[0], kid="k")
    assert signer(token(EC[0], kid="k"), *both).algorithms == ("ES384",)
    assert "RS384" in signer(token(RSA, "RS384", kid="k"), *both).algorithms


def test_a_key_without_kid_fits_any_token():
    assert signer(token(EC[0], kid="x"), public(EC[0], kid=None)).kid is None


@pytest.mark.rule("A3")
@pytest.mark.parametrize("alg", ["RS256", "RS384", "PS256"])
def test_an_rsa_key_without_alg_verifies_what_the_record_allows(alg):
    made = token(RSA, alg, kid="rsa")
    assert signer(made, public(RSA)).kid == "rsa"
    assert refused(made, public(RSA), allowed=("ES384",)) == "algorithm"
    assert refused(made, public(RSA, alg="RS512")) == "algorithm"


@pytest.mark.rule("A3")
@pytest.mark.rule("R104")
@pytest.mark.parametrize("alg", ["none", "HS256", "es384", "ES384 ", "", None, ["ES384"], 5])
def test_other_algorithms_are_refused_whatever_is_published(alg):
    assert refused(forged(alg=alg, kid="ec0"), public(EC[0])) == "algorithm"


@pytest.mark.rule("A4")
def test_each_refusal_has_its_word():
    made, stranger = token(EC[0], kid="ec0"), public(EC[1], kid="ec0")
    assert refused(made, stranger) == "signature"
    assert refused(made, public(EC[1])) == "kid"
    assert refused(made, public(RSA, kid="ec0")) == "algorithm"
    assert refused(made) == "key set: no usable key"
    assert refused(made, fault="timeout") == "key set: timeout"


@pytest.mark.rule("A4")
@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["x"], "x": 1},
        {"crit": []},
        {"zip": "DEF"},
        {"b64": False},
        {"jwk": public(EC[0])},
        {"kid": 5},
        {"kid": None},
        {"typ": 5},
        {"jku": ["https://a.example"]},
    ],
)
def test_a_header_that_is_none_is_refused(header):
    assert refused(forged(alg="ES384", **header), public(EC[0])) == "header"


@pytest.mark.rule("A4")
def test_members_that_only_name_a_key_are_passed_over():
    """No key comes from x5u or x5c; RFC 7515 4 has unknown members ignored."""
    header = {"x5u": "https://evil.example", "x5c": ["AA"], "x5t": "AA", "cty": "x", "pi.atm": "1"}
    made = token(EC[0], kid="ec0", **header)
    assert signer(made, public(EC[0])).kid == "ec0"
    assert refused(token(EC[1], kid="ec0", **header), public(EC[0])) == "signature"


@pytest.mark.rule("A8")
def test_a_rotation_under_the_same_kid_or_none_is_picked_up(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    server = Server(public(EC[0], kid="k"))
    sets = keys.KeySets(server)
    jws.signer(token(EC[0], kid="k"), URL, sets, ALL)
    server.published = (public(EC[1], kid="k"),)
    for made in (token(EC[1], kid="k"), token(EC[1])):
        now[0] += 10
        with pytest.raises(jws.TokenRefused):
            jws.signer(made, URL, sets, ALL)
    now[0] += 20
    assert jws.signer(token(EC[1]), URL, sets, ALL) and server.asked == 2


def test_of_several_sets_none_is_read_anew_when_one_has_signed():
    server = Server(public(EC[0]))
    sets = keys.KeySets(server)
    other = Server(public(EC[1]))
    server.get = lambda url, *_: Server.get(server if url == URL else other)
    found = jws.signers(token(EC[0]), [URL, URL + "2"], sets)
    assert found[URL].kid == "ec0" and found[URL + "2"] == "signature"
    assert (server.asked, other.asked) == (1, 1)


@pytest.mark.rule("A9")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "..",
        "a..c",
        "%20.b.c",
        "é.b.c",
        "e30=.e30.AA",
        "e30.e30.",
        "W10.e30.AA",
        "e30.W10.AA",
        "e30.bnVsbA.AA",
        "AAAA.e30.AA",
        "e30.e30.AA\n",
        "e30.e30." + "A" * 8192,
    ],
)
def test_what_is_no_jwt_is_refused_before_any_key_is_looked_for(text):
    with pytest.raises(jws.TokenRefused, match="malformed"):
        jws.read(text)


@pytest.mark.rule("A5")
def test_a_numeric_date_is_any_number():
    """RFC 7519 2: seconds as a JSON number, fractions allowed; true and texts are none."""
    assert jws.numeric_date(1764090000) == jws.numeric_date(1764090000.0) == 1764090000.0
    assert jws.numeric_date(1764090000.5) == 1764090000.5
    for value in (True, False, "1764090000", None, [], {}, math.nan, math.inf, -math.inf):
        assert jws.numeric_date(value) is None
    assert jws.numeric_date(10**400) is None
