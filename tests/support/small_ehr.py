"""A small EHR for the launch tests: discovery, authorization, token and FHIR endpoints in one
thread; each fault is a switch.
"""

import base64
import hashlib
import json
import threading
import time
from urllib.parse import parse_qsl, urlsplit

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

# Made once: a key of 2048 bits costs a fifth of a second.
KEY = RSAKey.generate_key(2048, {"kid": "ehr-1", "use": "sig", "alg": "RS256"})
LOINC = "http://loinc.org"
VITALS = {
    "8867-4": (128, "/min"),
    "9279-1": (27, "/min"),
    "59408-5": (91, "%"),
    "8480-6": (92, "mm[Hg]"),
    "8310-5": (38.7, "Cel"),
}


class _Quiet(WSGIRequestHandler):
    """Sends an answer in one piece, since werkzeug closes each connection at once, and writes no
    log.
    """

    wbufsize = 1 << 20

    def log(self, *args):
        pass


class SmallEhr:
    """One FHIR base at /fhir; `state` below is what tests look at and change."""

    def __init__(self):
        self.key = KEY
        self.client_key: dict | None = None
        self.requests: list[tuple[str, dict]] = []
        self.codes: dict[str, dict] = {}
        self.token_extra: dict = {}
        self.claims: dict = {}
        self.id_key, self.id_header = self.key, {"alg": "RS256", "kid": "ehr-1"}
        self.configuration: dict = {}
        self.patient = "pat-1"
        self.patient_answered: str | None = None
        self.observations = 200
        self.next_link: str | None = None
        self.elsewhere: str | None = None
        self.delay = 0.0
        self.now = time.time
        app = Flask("small_ehr")
        app.add_url_rule("/fhir/.well-known/smart-configuration", "smart", self._configuration)
        app.add_url_rule(
            "/auth/.well-known/openid-configuration",
            "openid",
            lambda: {"issuer": f"{self.url}/auth", "jwks_uri": f"{self.url}/jwks"},
        )
        app.add_url_rule("/jwks", "jwks", lambda: {"keys": [self.key.as_dict(private=False)]})
        app.add_url_rule("/authorize", "authorize", self._authorize)
        app.add_url_rule("/token", "token", self._token, methods=["POST"])
        app.add_url_rule("/fhir/Patient/<id>", "patient", self._patient)
        app.add_url_rule("/fhir/Observation", "observation", self._observation)
        app.before_request(lambda: self.requests.append((request.path, dict(request.headers))))
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.iss = f"{self.url}/fhir"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()

    def approve(self, authorization_url: str, launch: str | None = "xyz") -> dict:
        """Do as the user who agrees: return the callback's parameters."""
        asked = dict(parse_qsl(urlsplit(authorization_url).query))
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def _configuration(self):
        return jsonify(
            {
                "issuer": f"{self.url}/auth",
                "jwks_uri": f"{self.url}/jwks",
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "grant_types_supported": ["authorization_code"],
                "capabilities": ["launch-ehr", "sso-openid-connect", "permission-v2"],
                "code_challenge_methods_supported": ["S256"],
            }
            | self.configuration
        )

    def _authorize(self):
        answer = self.approve(request.url)
        return redirect(
            f"{request.args['redirect_uri']}?code={answer['code']}&state={answer['state']}", 302
        )

    def _token(self):
        form = request.form.to_dict()
        self.form = form
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = (
            base64.urlsafe_b64encode(
                hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            )
            .rstrip(b"=")
            .decode()
        )
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return {
                "error": "invalid_grant",
                "error_description": "The code is <b>not</b> good.",
            }, 400
        if self.client_key and not self._asserted(form):
            return {"error": "invalid_client"}, 401
        answer = {
            "access_token": f"token-of-{self.patient}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": asked["scope"],
            "patient": self.patient,
        }
        if "nonce" in asked:
            answer["id_token"] = self._id_token(asked)
        return {
            key: value for key, value in (answer | self.token_extra).items() if value is not None
        }

    def _asserted(self, form: dict) -> bool:
        token = jwt.decode(
            form["client_assertion"], ECKey.import_key(self.client_key), algorithms=["ES384"]
        )
        self.assertion = token
        return (
            token.claims["aud"] == f"{self.url}/token"
            and token.claims["sub"] == token.claims["iss"]
        )

    def _id_token(self, asked: dict) -> str:
        now = int(self.now())
        claims = {
            "iss": f"{self.url}/auth",
            "aud": asked["client_id"],
            "sub": "dr-1",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        claims = {key: value for key, value in (claims | self.claims).items() if value is not None}
        return jwt.encode(self.id_header, claims, self.id_key, algorithms=[self.id_header["alg"]])

    def _patient(self, id: str):
        return self._fhir(
            {
                "resourceType": "Patient",
                "id": self.patient_answered or id,
                "birthDate": "1951-03-09",
                "gender": "female",
                "name": [{"family": "Example", "given": ["Ada <script>"]}],
                "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": f"MRN-{id}"}],
            }
        )

    def _observation(self):
        if self.observations != 200:
            return Response(
                "no", self.observations, {"Location": self.elsewhere} if self.elsewhere else {}
            )
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now() - 3600))
        entries = [
            {
                "resource": {
                    "resourceType": "Observation",
                    "id": f"o{code}",
                    "status": "final",
                    "effectiveDateTime": when,
                    "subject": {"reference": "Patient/" + request.args["patient"]},
                    "code": {"coding": [{"system": LOINC, "code": code}]},
                    "valueQuantity": {
                        "value": value,
                        "code": unit,
                        "system": "http://unitsofmeasure.org",
                    },
                }
            }
            for code, (value, unit) in VITALS.items()
            if code in request.args["code"].replace(f"{LOINC}|", "").split(",")
        ]
        links = [{"relation": "next", "url": self.next_link}] if self.next_link else []
        return self._fhir(
            {"resourceType": "Bundle", "type": "searchset", "entry": entries, "link": links}
        )

    def _fhir(self, body: dict):
        time.sleep(self.delay)
        if request.headers.get("Authorization") != f"Bearer token-of-{self.patient}":
            return Response("no", 401)
        return Response(json.dumps(body), mimetype="application/fhir+json")
