"""A stand-in for Vigil and its SMART app: the demonstration's application, a clock that can be
moved, keys, an HTTP double.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

import demo.app
from demo import clients, hooks
from demo.app import create_app
from demo.config import Client, DemoConfig
from demo.keys import Keys
from demo.patients.generate import generate

EHR, VIGIL = "http://localhost:8001", "http://localhost:8000"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
CALLBACK = f"{VIGIL}/callback"
APP_KEY = ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384"}, auto_kid=True)
SERVICE = {
    "hook": "patient-view",
    "id": "vigil-patient-view",
    "title": "Vigil",
    "description": "A stand-in.",
    "prefetch": {
        "patient": "Patient/{{context.patientId}}",
        "vitals": "Observation?patient={{context.patientId}}&code=http://loinc.org|8867-4&_sort=-date&_count=2",
        "unknown": "Observation?patient={{context.patientId}}&date=ge{{today() - 2 days}}",
    },
}
CARD = {
    "uuid": "5d2f6a1e-0000-4000-8000-000000000001",
    "summary": "High risk <script>alert(1)</script>",
    "indicator": "critical",
    "detail": "**Bold** <img src=x onerror=alert(1)>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[link](javascript:alert(1)) ![i](http://evil.example/x.png)",
    "source": {"label": "Vigil", "url": "https://vigil.example/about"},
    "links": [
        {
            "label": "Explain",
            "url": f"{VIGIL}/launch",
            "type": "smart",
            "appContext": '{"assessment": "a1"}',
        },
        {"label": "Strange app", "url": "https://evil.example/launch", "type": "smart"},
    ],
    "overrideReasons": [{"code": "known", "system": "urn:x", "display": "Already known"}],
}


class Answer:
    """What requests returns, as far as the demonstration looks."""

    def __init__(self, status, body):
        self.status_code, self._body = status, body
        self.content = b"" if body is None else json.dumps(body).encode()

    def json(self):
        return json.loads(self.content)


KEYS = Keys()
patients = cache(generate)


class World:
    """The demonstration with a Vigil that answers what the test says; `sent` holds every call of
    the hook client.
    """

    def __init__(self, monkeypatch, **more):
        self.now = datetime(2026, 3, 29, 13, 30, tzinfo=UTC)
        self.sent = []
        self.discovery = Answer(200, {"services": [SERVICE]})
        self.hook = Answer(200, {"cards": [CARD]})
        self.feedback = Answer(200, {})
        registered = (
            Client(
                client_id="vigil",
                authentication="private_key_jwt",
                redirect_uris=(CALLBACK,),
                jwks_url=f"{VIGIL}/.well-known/jwks.json",
            ),
            Client(client_id="open", authentication="none", redirect_uris=(CALLBACK,)),
            Client(
                client_id="se:cret",
                authentication="client_secret_basic",
                redirect_uris=(CALLBACK,),
                secret="p+ss:w%rd",
            ),
        )
        # Patients and keys are the same for all, since making them takes longer than most tests.
        monkeypatch.setattr(demo.app, "Keys", lambda: KEYS)
        self.config = DemoConfig(
            clock=lambda: self.now, clients=registered, **({"patients": patients} | more)
        )
        self.app = create_app(self.config)
        self.app.testing = True
        self.http = self.app.test_client()
        monkeypatch.setattr(
            clients.requests,
            "get",
            lambda *_, **__: Answer(200, {"keys": [APP_KEY.as_dict(private=False)]}),
        )
        monkeypatch.setattr(
            hooks.requests.Session,
            "request",
            lambda _, *given, **more: self._request(*given, **more),
        )

    def _request(self, method, url, json=None, headers=None, **_):
        self.sent.append((method, url, json, headers))
        answer = (
            self.discovery
            if method == "GET"
            else self.feedback
            if url.endswith("/feedback")
            else self.hook
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    def later(self, **more):
        self.now += timedelta(**more)

    def keys(self):
        return KeySet.import_key_set(self.http.get("/jwks.json").json)

    def launch(self, patient="sepsis", query=""):
        """Return the launch id of an EHR launch from a chart."""
        answer = self.http.get(f"/chart/{patient}/launch{query}")
        return parse_qs(urlsplit(answer.location).query)["launch"][0]

    def authorize(self, post=False, **changes):
        """Ask for a code with right parameters, except for `changes`; None leaves one out."""
        wanted = {
            "response_type": "code",
            "client_id": "vigil",
            "redirect_uri": CALLBACK,
            "scope": "launch openid fhirUser patient/Patient.r patient/Observation.rs",
            "state": "a state & more",
            "aud": f"{EHR}/fhir",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "nonce": "n1",
        } | changes
        if "launch" not in wanted:
            wanted["launch"] = self.launch()
        given = {name: value for name, value in wanted.items() if value is not None}
        return (
            self.http.post("/authorize", data=given)
            if post
            else self.http.get("/authorize", query_string=given)
        )

    def back(self, answer):
        """Return what the app gets at its redirect URI."""
        assert answer.location.startswith(f"{CALLBACK}?"), answer.text
        return {
            name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()
        }

    def code(self, **changes):
        return self.back(self.authorize(**changes))["code"]

    def assertion(self, key=APP_KEY, header=None, **changes):
        now = int(self.now.timestamp())
        claims = {
            "iss": "vigil",
            "sub": "vigil",
            "aud": f"{EHR}/token",
            "iat": now,
            "exp": now + 240,
            "jti": f"jti-{len(self.sent)}-{changes}",
        } | changes
        head = {"alg": "ES384", "kid": APP_KEY.kid, "typ": "JWT"} | (header or {})
        return jwt.encode(
            head,
            {name: value for name, value in claims.items() if value is not None},
            key,
            algorithms=[head["alg"]],
        )

    def token(self, code, assertion=None, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "client_assertion_type": clients.ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(jti=f"new-{code}"),
        } | changes
        return self.http.post(
            "/token", data={name: value for name, value in form.items() if value is not None}
        )

    def bearer(self, scope="launch patient/*.rs", patient="sepsis"):
        """Return headers with a fresh access token for a patient."""
        answer = self.token(self.code(scope=scope, launch=self.launch(patient)))
        return {"Authorization": f"Bearer {answer.json['access_token']}"}
