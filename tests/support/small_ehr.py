"""A small EHR for the launch tests: discovery, authorization, token and FHIR endpoints in one
thread; each fault is a switch.
"""

import base64
import hashlib
import json
import threading
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.shapes import PLAIN, Shape

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
    """One EHR; what follows in its constructor is what tests look at and change.

    `shape` says where its endpoints are and what it sends beyond the standard's members.
    """

    def __init__(self, shape: Shape = PLAIN):
        self.shape = shape
        self.key = KEY
        self.client_key: dict | None = None
        self.audience: str | None = None
        self.requests: list[tuple[str, dict]] = []
        self.codes: dict[str, dict] = {}
        # Refresh tokens that are good, each with the scope that it renews; with `rotates` for one
        # use. `refreshes` counts, `refresh_extra` changes the answers.
        self.refresh_tokens: dict[str, str] = {}
        self.rotates, self.refreshes = True, 0
        self.refresh_extra: dict = {}
        self.refresh_answer: Response | None = None
        self.revoked: list[dict] = []
        self.revocation_status = 200
        self.style: Response | None = None
        self.token_extra: dict = {}
        self.token_nulls: tuple[str, ...] = ()
        self.token_answer: Response | None = None
        self.claims: dict = {}
        self.id_key, self.id_header = self.key, {"alg": "RS256", **shape.header}
        self.configuration: dict = {}
        self.configuration_answer: Response | None = None
        published = self.key.as_dict(private=False) | shape.key
        self.key_set = [{name: value for name, value in published.items() if value is not None}]
        self.key_set_status = 200
        self.patient = shape.token.get("patient", "pat-1")
        self.patient_answered: str | None = None
        # What it says of itself, to whom; what it takes, and the statuses with which it answers a write in turn; then it takes it.
        self.statement: Response | None = None
        self.statement_open = True
        self.declared: dict = {"interaction": [{"code": "create"}], "conditionalCreate": True}
        self.write_answers: list[int | Response] = []
        self.written: list[tuple[dict, dict]] = []
        self.person: dict = {}
        self.observations = 200
        # Lists of the user's patients by name, and who of them answers with which status.
        self.groups: dict[str, list[str]] = {}
        # So many of them a page, what else is in the answer, and members as they stand in a list.
        self.groups_a_page, self.groups_beside = 1000, list[dict]()
        self.groups_answer: Response | None = None
        self.members: list = []
        self.ill: dict[str, int] = {}
        self.at_once = self.most_at_once = 0
        # Observations of any kind that come with the vital signs.
        self.more: list[dict] = []
        self.next_link: str | None = None
        self.elsewhere: str | None = None
        self.delay = 0.0
        self.now = time.time
        self._server = make_server(
            "127.0.0.1", 0, self._app(), threaded=True, request_handler=_Quiet
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.base = f"{self.url}{shape.fhir}"
        self.iss = f"{self.base}{shape.tail}"
        self.issuer = f"{self.url}{shape.issuer}"
        self.documents = {
            f"{(shape.openid or shape.issuer).rstrip('/')}/.well-known/openid-configuration": {
                "issuer": f"{self.url}{shape.openid or shape.issuer}",
                "jwks_uri": f"{self.url}{shape.jwks}",
            }
        }
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _app(self) -> Flask:
        app, shape = Flask("small_ehr"), self.shape
        well_known = f"{shape.fhir}/.well-known/smart-configuration"
        app.add_url_rule(well_known, "smart", self._configuration)
        app.add_url_rule(shape.jwks, "jwks", self._jwks)
        app.add_url_rule(shape.authorize, "authorize", self._authorize)
        app.add_url_rule(shape.token_endpoint, "token", self._token, methods=["POST"])
        app.add_url_rule("/revoke", "revoke", self._revoke, methods=["POST"])
        app.add_url_rule("/style.json", "style", lambda: self.style or ("none", 404))
        app.add_url_rule(f"{shape.fhir}/Patient/<id>", "patient", self._patient)
        app.add_url_rule(f"{shape.fhir}/Observation", "observation", self._observation)
        app.add_url_rule(f"{shape.fhir}/metadata", "metadata", self._metadata)
        app.add_url_rule(f"{shape.fhir}/Group", "groups", self._groups)
        app.add_url_rule(f"{shape.fhir}/Group/<id>", "group", self._group)
        app.add_url_rule(f"{shape.fhir}/RiskAssessment", "write", self._write, methods=["POST"])
        app.add_url_rule("/<path:path>", "documents", lambda path: self._document())
        app.before_request(lambda: self.requests.append((request.path, dict(request.headers))))
        return app

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
        if self.configuration_answer is not None:
            return self.configuration_answer
        return jsonify(
            {
                "issuer": self.issuer,
                "jwks_uri": f"{self.url}{self.shape.jwks}",
                "authorization_endpoint": f"{self.url}{self.shape.authorize}",
                "token_endpoint": f"{self.url}{self.shape.token_endpoint}",
                "grant_types_supported": ["authorization_code"],
                "capabilities": ["launch-ehr", "sso-openid-connect", "permission-v2"],
                "code_challenge_methods_supported": ["S256"],
            }
            | self.shape.configuration
            | self.configuration
        )

    def _document(self):
        found = self.documents.get(request.path)
        return jsonify(found) if found else Response("nothing here", 404)

    def _jwks(self):
        return {"keys": self.key_set}, self.key_set_status

    def _authorize(self):
        answer = self.approve(request.url) | self.shape.callback
        if "nonce" in answer:
            answer["nonce"] = request.args["nonce"]
        return redirect(f"{request.args['redirect_uri']}?{urlencode(answer)}", 302)

    def _token(self):
        if self.token_answer is not None:
            return self.token_answer
        form = request.form.to_dict()
        self.form = form
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form)
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
        answer |= self.shape.token | self.token_extra
        sent = {key: value for key, value in answer.items() if value is not None}
        return sent | dict.fromkeys(self.token_nulls)

    def _refreshed(self, form: dict):
        if self.delay:
            time.sleep(self.delay)
        if self.refresh_answer is not None:
            return self.refresh_answer
        held = form.get("refresh_token", "")
        if held not in self.refresh_tokens or (self.client_key and not self._asserted(form)):
            return {"error": "invalid_grant", "error_description": "Used <b>before</b>."}, 400
        self.refreshes += 1
        scope = self.refresh_tokens[held]
        answer = {
            "access_token": self._bearer(),
            "token_type": "Bearer",
            "expires_in": 600,
            "scope": scope,
        }
        if self.rotates:
            del self.refresh_tokens[held]
            answer["refresh_token"] = f"again-{self.refreshes}"
            self.refresh_tokens[answer["refresh_token"]] = scope
        return answer | self.refresh_extra

    def renewable(self, **more) -> None:
        """Have the next launches get a refresh token, which is good once."""
        self.refresh_tokens["again-0"] = "launch patient/Patient.r patient/Observation.rs"
        self.token_extra = {"refresh_token": "again-0", "expires_in": 570} | more

    def _revoke(self):
        self.revoked.append(request.form.to_dict())
        return "", self.revocation_status

    def _asserted(self, form: dict) -> bool:
        """Check an assertion as the SMART launcher does: `typ`, `jti`, and the one registered key
        whose `alg` and `kid` are those of the header.
        """
        header = jws.extract_compact(form["client_assertion"].encode()).headers()
        if (header["alg"], header["kid"]) != (self.client_key["alg"], self.client_key["kid"]):
            return False
        key = ECKey.import_key(self.client_key)
        self.assertion = jwt.decode(form["client_assertion"], key, algorithms=["ES384"])
        claims = self.assertion.claims
        return (
            header["typ"] == "JWT"
            and bool(claims["jti"])
            and claims["aud"] == (self.audience or f"{self.url}{self.shape.token_endpoint}")
            and claims["sub"] == claims["iss"]
            and self.now() < claims["exp"] <= self.now() + 300
        )

    def _id_token(self, asked: dict) -> str:
        now = int(self.now())
        place = self.shape.openid or self.shape.issuer
        claims = {
            "iss": f"{self.url}{place}",
            "aud": asked["client_id"],
            "sub": "dr-1",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        claims |= self.shape.claims | self.claims
        claims = {key: value for key, value in claims.items() if value is not None}
        return jwt.encode(
            self.id_header,
            claims,
            self.id_key,
            registry=JWSRegistry(algorithms=[self.id_header["alg"]], strict_check_header=False),
            default_type=None,
        )

    def _patient(self, id: str):
        if id in self.ill:
            return Response("no", self.ill[id])
        found = {
            "resourceType": "Patient",
            "id": self.patient_answered or id,
            "birthDate": "1951-03-09",
            "gender": "female",
            "name": [{"family": "Example", "given": ["Ada <script>"]}],
            "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": f"MRN-{id}"}],
        } | self.person
        return self._fhir({name: value for name, value in found.items() if value is not None})

    def _observation(self):
        status = self.ill.get(request.args["patient"], self.observations)
        if status != 200:
            return Response("no", status, {"Location": self.elsewhere} if self.elsewhere else {})
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
        if "8867-4" in request.args["code"]:
            entries += [{"resource": one} for one in self.more]
        links = [{"relation": "next", "url": self.next_link}] if self.next_link else []
        return self._fhir(
            {"resourceType": "Bundle", "type": "searchset", "entry": entries, "link": links}
        )

    def _bearer(self) -> str:
        """Return the one access token that is good: a renewal ends the one before."""
        return f"token-of-{self.patient}" + (f"-{self.refreshes}" if self.refreshes else "")

    def _metadata(self):
        if not (self.statement_open or request.headers.get("Authorization")):
            return Response("no", 401)
        if self.statement is not None:
            return self.statement
        kinds = [
            {"type": "Group", "interaction": [{"code": "search-type"}]},
            {"type": "RiskAssessment"} | self.declared,
        ]
        rest = [{"mode": "server", "resource": kinds}]
        return jsonify({"resourceType": "CapabilityStatement", "rest": rest})

    def _groups(self):
        if self.groups_answer is not None:
            return self.groups_answer
        entries = [
            {
                "resource": {
                    "resourceType": "Group",
                    "id": f"g{n}",
                    "name": name,
                    "quantity": len(of),
                }
            }
            for n, (name, of) in enumerate(self.groups.items())
        ]
        at, size = int(request.args.get("at", 0)), self.groups_a_page
        more = [{"relation": "next", "url": f"{self.iss}/Group?at={at + size}"}]
        return self._fhir(
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "entry": entries[at : at + size] + [{"resource": o} for o in self.groups_beside],
                "link": more if len(entries) > at + size else [],
            }
        )

    def _group(self, id: str):
        found = list(self.groups.values())[int(id[1:])]
        members = [{"entity": {"reference": f"Patient/{patient}"}} for patient in found]
        return self._fhir({"resourceType": "Group", "id": id, "member": members + self.members})

    def _write(self):
        """Take a resource, once an identifier; a status below zero drops the answer after that."""
        status = self.write_answers.pop(0) if self.write_answers else 0
        if request.headers.get("Authorization") != f"Bearer {self._bearer()}":
            return Response("no", 401)
        if isinstance(status, Response):
            return status
        if status > 0:
            return Response("no", status)
        same = [one for one, _ in self.written if one["identifier"] == request.json["identifier"]]
        if not (same and "conditionalCreate" in self.declared):
            self.written.append((request.json, dict(request.headers)))
        if status < 0:
            return Response("lost", 504)
        place = f"{self.iss}/RiskAssessment/ra-{len(self.written)}/_history/1"
        return Response("", 200 if same else 201, {"Location": place})

    def _fhir(self, body: dict):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.delay)
        self.at_once -= 1
        if request.headers.get("Authorization") != f"Bearer {self._bearer()}":
            return Response("no", 401)
        return Response(json.dumps(body), mimetype="application/fhir+json")
