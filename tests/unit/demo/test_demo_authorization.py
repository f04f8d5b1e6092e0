"""The demonstration's authorization server grants what SMART App Launch asks and refuses
everything near it.
"""

import base64
from urllib.parse import quote_plus, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from demo.clients import ASSERTION_TYPE
from demo.playing.troubles import REFUSALS
from tests.support.small_vigil import APP_KEY, CALLBACK, EHR, VIGIL


@pytest.mark.rule("SMART-13")
@pytest.mark.parametrize("post", [False, True], ids=["GET", "POST"])
def test_an_ehr_launch_gives_a_code_and_the_state_back_unchanged(world, post):
    """The clinician is signed in, so the browser goes straight back, by GET or POST."""
    back = world.back(world.authorize(post=post))
    assert back["state"] == "a state & more" and back["code"] and "error" not in back


@pytest.mark.rule("SMART-26")
def test_the_token_response_holds_the_launch_context(world):
    """Patient, encounter, banner, scope and the card's appContext arrive with the token, and
    nothing may be cached.
    """
    world.http.get("/chart/sepsis")
    opening = world.http.get("/chart/sepsis").text.split("opening=")[1].split("&")[0].split('"')[0]
    answer = world.token(
        world.code(launch=world.launch(query=f"?opening={opening}&call=0&card=0&link=0"))
    )
    token = answer.json
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert (token["patient"], token["encounter"], token["need_patient_banner"]) == (
        "sepsis",
        "sepsis-stay",
        True,
    )
    assert (
        token["token_type"] == "Bearer"
        and token["expires_in"] == 900
        and token["appContext"] == '{"assessment": "a1"}'
    )
    assert (
        "refresh_token" not in token
        and token["scope"] == "launch openid fhirUser patient/Patient.r patient/Observation.rs"
    )


@pytest.mark.rule("SMART-33")
def test_the_id_token_says_who_is_signed_in(world):
    """RS256 with a published key, issuer, audience, nonce and an absolute fhirUser."""
    token = world.token(world.code()).json["id_token"]
    decoded = jwt.decode(token, world.keys(), algorithms=["RS256"])
    claims = decoded.claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (EHR, "vigil", "n1") and claims[
        "exp"
    ] > claims["iat"]
    assert claims["fhirUser"] == f"{EHR}/fhir/Practitioner/demo-clinician"
    public = world.http.get("/jwks.json").json["keys"]
    assert {key["alg"] for key in public} == {"ES384", "RS384", "RS256"} and not any(
        "d" in key or "p" in key for key in public
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": None}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"aud": f"{EHR}/fhir/"}, "invalid_request"),
        ({"aud": "https://evil.example/fhir"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"launch": "somebody-elses"}, "invalid_request"),
        ({"scope": "system/Patient.rs"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"launch": None}, "invalid_scope"),
    ],
)
def test_a_wrong_request_goes_back_with_an_error(world, changes, error):
    """The app learns what is wrong by redirect; no code is given."""
    back = world.back(world.authorize(**changes))
    assert (
        back["error"] == error
        and "code" not in back
        and back.get("state") == changes.get("state", "a state & more")
    )


@pytest.mark.rule("SMART-1")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": f"{CALLBACK}?x=1"},
        {"redirect_uri": "https://evil.example/callback"},
    ],
)
def test_an_unregistered_app_or_address_is_never_redirected_to(world, changes):
    """Redirect URIs are compared as whole strings."""
    answer = world.authorize(**changes)
    assert answer.status_code == 400 and answer.location is None


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": None},
        {"code_verifier": "v" * 42},
        {"redirect_uri": f"{VIGIL}/other"},
        {"redirect_uri": None},
        {"code": "made-up"},
    ],
)
@pytest.mark.rule("SMART-15")
def test_a_code_needs_its_verifier_and_its_redirect_uri(world, changes):
    """PKCE mismatch, another redirect_uri, an invented code: invalid_grant."""
    answer = world.token(**({"code": world.code()} | changes))
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_a_code_used_twice_takes_the_first_token_back(world):
    """The second use is refused and ends what the first one gave (RFC 6749 4.1.2)."""
    code = world.code()
    headers = {"Authorization": f"Bearer {world.token(code).json['access_token']}"}
    assert world.http.get("/fhir/Patient/sepsis", headers=headers).status_code == 200
    assert world.token(code, world.assertion(jti="again")).json["error"] == "invalid_grant"
    assert world.http.get("/fhir/Patient/sepsis", headers=headers).status_code == 401


def test_codes_and_tokens_expire(world):
    """A code lives 60 seconds, an access token as long as `expires_in` says."""
    code = world.code()
    world.later(seconds=61)
    assert world.token(code).json["error"] == "invalid_grant"
    headers = world.bearer()
    world.later(seconds=899)
    assert world.http.get("/fhir/Patient/sepsis", headers=headers).status_code == 200
    world.later(seconds=2)
    assert world.http.get("/fhir/Patient/sepsis", headers=headers).status_code == 401


@pytest.mark.rule("SMART-28")
@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "other"},
        {"iss": "other"},
        {"aud": EHR},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": 9_999_999_999},
        {"jti": None},
        {"header": {"kid": "other"}},
        {"header": {"typ": "JOSE"}},
        {"header": {"jku": "https://evil.example/jwks.json"}},
        {"key": ECKey.generate_key("P-384")},
    ],
)
def test_a_bad_assertion_is_refused(world, changes):
    """Every claim and header of the client's JWT counts."""
    answer = world.token(world.code(), world.assertion(**changes))
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "assertion", ["", "x", "a.b.c", "e30.e30.e30", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ2aWdpbCJ9."]
)
def test_garbage_for_an_assertion_is_refused(world, assertion):
    """No input gives a 5xx."""
    assert world.token(world.code(), client_assertion=assertion).status_code == 401


def test_an_assertion_counts_once(world):
    """The jti is remembered while the assertion lives."""
    assertion = world.assertion(jti="once")
    assert world.token(world.code(), assertion).status_code == 200
    assert world.token(world.code(), assertion).json["error"] == "invalid_client"


def test_a_symmetric_assertion_is_refused(world):
    """An HS256 token keyed with the public key never passes."""
    from joserfc.jwk import OctKey

    forged = world.assertion(
        key=OctKey.import_key(str(APP_KEY.as_dict(private=False))), header={"alg": "HS256"}
    )
    assert world.token(world.code(), forged).status_code == 401


def basic(user, password):
    return {
        "Authorization": "Basic "
        + base64.b64encode(f"{quote_plus(user)}:{quote_plus(password)}".encode()).decode()
    }


@pytest.mark.rule("SMART-27")
def test_a_secret_with_strange_characters_works_and_a_wrong_one_does_not(world):
    """Both parts are form-urlencoded before Basic."""
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": "v" * 43}
    for password, status in (("p+ss:w%rd", 200), ("wrong", 401)):
        code = world.code(client_id="se:cret")
        assert (
            world.http.post(
                "/token", data=form | {"code": code}, headers=basic("se:cret", password)
            ).status_code
            == status
        )


def test_a_public_client_names_itself_and_a_confidential_one_may_not(world):
    """A client registered with a key can't come without it."""
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": "v" * 43}
    assert (
        world.http.post(
            "/token", data=form | {"code": world.code(client_id="open"), "client_id": "open"}
        ).status_code
        == 200
    )
    assert (
        world.http.post("/token", data=form | {"code": world.code(), "client_id": "vigil"}).json[
            "error"
        ]
        == "invalid_client"
    )
    assert (
        world.http.post("/token", data=form | {"code": world.code(), "client_id": "open"}).json[
            "error"
        ]
        == "invalid_grant"
    )


@pytest.mark.rule("SMART-35")
def test_a_refresh_token_works_once_and_rotates(world):
    """The old one, used again, ends the whole family."""
    first = world.token(world.code(scope="launch online_access patient/Patient.rs")).json

    def refresh(token, **more):
        changes = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "code_verifier": None,
            "redirect_uri": None,
        } | more
        return world.token(
            None, world.assertion(jti=f"refresh-{token}-{len(more)}-{world.now}"), **changes
        )

    second = refresh(first["refresh_token"]).json
    assert second["patient"] == "sepsis" and second["refresh_token"] != first["refresh_token"]
    assert refresh(second["refresh_token"], scope="patient/*.rs").json["error"] == "invalid_scope"
    world.later(seconds=1)
    assert refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert world.http.get("/fhir/Patient/sepsis", headers=headers).status_code == 401


@pytest.mark.rule("SMART-35")
def test_a_public_client_refreshes_without_naming_itself(world):
    """RFC 6749 6 asks for no `client_id`; one that has credentials has to show them all the same."""

    def refreshed(whose, **form):
        scope = "launch online_access patient/Patient.rs"
        held = world.token(world.code(scope=scope, client_id=whose), **form).json
        refresh = {"grant_type": "refresh_token", "refresh_token": held["refresh_token"]}
        return [world.http.post("/token", data=refresh).json for _ in range(2)]

    none = {"client_assertion": None, "client_assertion_type": None}
    first, second = refreshed("open", client_id="open", **none)
    assert first["patient"] == "sepsis" and second["error"] == "invalid_grant"
    assert refreshed("vigil")[0]["error"] == "invalid_client"


@pytest.mark.rule("SMART-50")
def test_a_standalone_launch_picks_a_patient_first(world):
    """The choice is bound to the request that showed it and made once."""
    page = world.authorize(launch=None, scope="launch/patient patient/Patient.rs")
    request = page.text.split('name="request" value="')[1].split('"')[0]
    answer = world.http.post("/authorize/patient", data={"request": request, "patient": "copd"})
    assert answer.status_code == 303
    assert world.token(world.back(answer)["code"]).json["patient"] == "copd"
    assert (
        world.http.post(
            "/authorize/patient", data={"request": request, "patient": "copd"}
        ).status_code
        == 400
    )


def test_cancelling_the_choice_denies_access(world):
    """Nobody chosen, nothing granted."""
    page = world.authorize(launch=None, scope="launch/patient")
    request = page.text.split('name="request" value="')[1].split('"')[0]
    assert (
        world.back(world.http.post("/authorize/patient", data={"request": request, "patient": ""}))[
            "error"
        ]
        == "access_denied"
    )


def troubled(world, trouble, **more):
    """Launch with a trouble, and return what the browser brings back."""
    return world.back(world.authorize(launch=world.launch(query=f"?trouble={trouble}"), **more))


@pytest.mark.parametrize("trouble", REFUSALS)
def test_a_refusal_is_played_at_the_authorization_endpoint(world, trouble):
    """With the error's own name, or an answer that lacks something; nothing else is changed."""
    back = troubled(world, trouble)
    if trouble == "other_state":
        assert back["state"] != "a state & more" and back["code"]
    elif trouble == "no_code":
        assert back == {"state": "a state & more"}
    else:
        assert (back["error"], back["state"]) == (trouble, "a state & more") and "code" not in back


@pytest.mark.parametrize(
    "trouble", ["invalid_grant", "invalid_client", "token_html", "token_empty"]
)
def test_a_fault_is_played_at_the_token_endpoint(world, trouble):
    answer = world.token(troubled(world, trouble)["code"])
    assert "access_token" not in answer.text
    assert trouble.startswith("token") or answer.json["error"] == trouble


def test_a_grant_can_lack_what_was_asked_for(world):
    """Patient, stay, scopes, banner and style; an unknown trouble is none."""
    found = {
        trouble: world.token(troubled(world, trouble)["code"], world.assertion(jti=trouble)).json
        for trouble in ("no_patient", "no_stay", "vitals_only", "own_banner", "made-up")
    }
    assert "patient" not in found["no_patient"] and "encounter" not in found["no_stay"]
    assert found["vitals_only"]["scope"].endswith("category=vital-signs")
    assert found["own_banner"]["need_patient_banner"] is False
    assert found["made-up"]["need_patient_banner"] and found["made-up"]["encounter"]
    assert (
        "color_text" in world.http.get(urlsplit(found["own_banner"]["smart_style_url"]).path).json
    )


@pytest.mark.rule("SMART-36")
def test_a_token_can_be_given_back(world):
    """RFC 7009: all that came of the code ends, and an unknown token is as ended."""
    held = world.token(world.code(scope="launch online_access patient/Patient.rs")).json
    headers = {"Authorization": f"Bearer {held['access_token']}"}
    assert world.http.get("/fhir/Patient/sepsis", headers=headers).status_code == 200
    for number in range(2):
        form = {
            "token": held["refresh_token"],
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": world.assertion(jti=f"revoke-{number}"),
        }
        assert world.http.post("/revoke", data=form).status_code == 200
    assert world.http.get("/fhir/Patient/sepsis", headers=headers).status_code == 401
    assert world.http.post("/revoke", data={"token": "x", "client_id": "x"}).status_code == 401
