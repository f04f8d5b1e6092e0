"""Builds a Vigil with one trusted EHR, and calls it the way an EHR does: signed, with prefetch,
in FHIR's own words.
"""

import json
import math
import uuid
from datetime import UTC, datetime, timedelta

from flask import Flask
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from cdshooks.views import create_blueprint
from ehr.fetch import Fhir
from ehr.http import Outgoing
from ehr.keys import KeySets
from models.fitted.registry import Model, ModelId
from models.fitted.stock import Stock
from models.patient.features import names
from runtime import store, web
from runtime.audit.log import Audit
from runtime.settings_file import settings_from
from runtime.watching.metrics import Metrics

AT = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
PUBLIC = "https://vigil.example.org"
SERVICE = "/cds-services/vigil-patient-view"
FEEDBACK = f"{SERVICE}/feedback"
ISSUER = "https://ehr.example.org"
FHIR = "https://fhir.example.org/r4"
KEYS = {
    "es": ECKey.generate_key("P-384", {"kid": "es", "use": "sig", "alg": "ES384"}),
    "rs": RSAKey.generate_key(2048, {"kid": "rs", "use": "sig"}),
    "stranger": ECKey.generate_key("P-384", {"kid": "es", "use": "sig", "alg": "ES384"}),
}
# variable: (LOINC, UCUM unit, value); raises heart rate, respiration and temperature, low pressure
# and saturation
SICK = {
    "heart_rate": ("8867-4", "/min", 128),
    "respiratory_rate": ("9279-1", "/min", 27),
    "spo2": ("59408-5", "%", 90),
    "systolic": ("8480-6", "mm[Hg]", 88),
    "temperature": ("8310-5", "Cel", 38.9),
}
# NEWS2 is 0 to 5 with what is not charted here, so it adds no urgency of its own
CALM = {
    "heart_rate": ("8867-4", "/min", 60),
    "respiratory_rate": ("9279-1", "/min", 14),
    "spo2": ("59408-5", "%", 98),
    "systolic": ("8480-6", "mm[Hg]", 125),
    "temperature": ("8310-5", "Cel", 36.8),
}
LABS = {"lactate": ("2524-7", "mmol/L", 4.1), "creatinine": ("2160-0", "mg/dL", 1.8)}


class LinearPredictor:
    """Stands for LightGBM: the weights of heart rate and lactate make the score, so a test can
    reckon it by hand.
    """

    def score(self, row):
        return sum(self.contributions(row))

    def contributions(self, row):
        weights = {"heart_rate": 0.02, "lactate": 0.3}
        return [
            weights.get(name, 0.0) * (value or 0.0)
            for name, value in zip(names(), row, strict=True)
        ] + [-3.0]


def model() -> Model:
    manifest = {
        "outcome": "death",
        "label": "death in hospital",
        "horizon": "during this stay",
        "features": list(names()),
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "thresholds": {"medium": 0.1, "high": 0.3},
    }
    made = Model(ModelId("test", "1.0.0", "0" * 64), manifest, "")
    made.__dict__["predictor"] = LinearPredictor()
    return made


class World:
    """A Vigil in a folder of its own; `ehr` holds members of the one EHR that differ from the
    usual.
    """

    def __init__(
        self,
        folder,
        redis_url=None,
        models=None,
        others=(),
        trusted_proxies=(),
        shadows=(),
        trial=None,
        **ehr,
    ):
        (folder / "jwks.json").write_text(
            json.dumps({"keys": [KEYS[k].as_dict(private=False) for k in ("es", "rs")]})
        )
        usual = {
            "id": "ehr",
            "fhir_base": [FHIR],
            "hook_issuer": ISSUER,
            "smart_client_id": "vigil",
            "cors_origins": ["https://chart.example.org"],
        }
        if "hook_jwks_url" not in ehr:
            usual["hook_jwks_file"] = "jwks.json"
        config = {
            "public_url": PUBLIC,
            "base_dir": str(folder),
            "data_dir": "var",
            "redis_url": redis_url,
            "trusted_proxies": trusted_proxies,
            "ehr": [usual | ehr, *others],
            "trial": trial,
        }
        self.settings = settings_from(config)
        self.now = AT
        self.audit = Audit(folder / "var" / "audit.db")
        self.app = Flask("vigil")
        web.install(self.app, self.settings)
        self.metrics = Metrics([ehr.id for ehr in self.settings.ehr])
        http = Outgoing()
        chosen = (model(),) if models is None else models
        blueprint = create_blueprint(
            self.settings,
            Stock(tuple(chosen), shadows=tuple(shadows)),
            store.connect(redis_url or "unix:///nowhere.sock"),
            self.audit,
            KeySets(http),
            Fhir(http, self.settings),
            lambda: self.now,
            self.metrics,
        )
        self.app.register_blueprint(blueprint)
        self.client = self.app.test_client()

    def token(self, key="es", audience=PUBLIC + SERVICE, header=None, **claims):
        """Return a signed token; a claim of None is left out."""
        now = int(self.now.timestamp())
        usual = {
            "iss": ISSUER,
            "aud": audience,
            "iat": now,
            "exp": now + 300,
            "jti": uuid.uuid4().hex,
        }
        alg = "RS384" if key == "rs" else "ES384"
        wanted = {name: value for name, value in (usual | claims).items() if value is not None}
        registry = jws.JWSRegistry(algorithms=["ES384", "RS384"], strict_check_header=False)
        registry.max_header_length = 8192
        return jwt.encode(
            {"alg": alg, "kid": key, "typ": "JWT"} | (header or {}),
            wanted,
            KEYS[key],
            registry=registry,
        )

    def post(self, body, token="", path=SERVICE, content_type="application/json", **headers):
        """Send a body (value or bytes); a token is made unless one, or None for no token, is
        given.
        """
        token = self.token(audience=PUBLIC + path) if token == "" else token
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        return self.client.post(path, data=data, content_type=content_type, headers=sent)

    def cards(self, body, **options):
        """Return the cards of a call that has to succeed."""
        answer = self.post(body, **options)
        assert answer.status_code == 200, answer.text
        return answer.json["cards"]

    def record(self, kind="hook"):
        """Return the newest audit record of a type."""
        return next(self.audit.records(1, kind))


def observation(code, unit, value, patient="p1", hours=1.0, **members):
    usual = {
        "resourceType": "Observation",
        "id": f"o{code}-{hours}",
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": (AT - timedelta(hours=hours)).isoformat(),
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": {
            "value": value,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }
    return usual | members


def bundle(resources, **members):
    entries = [{"resource": resource, "search": {"mode": "match"}} for resource in resources]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(entries),
        "entry": entries,
    } | members


def observations(table, **options):
    return [observation(*row, **options) for row in table.values()]


def patient(**members):
    return {
        "resourceType": "Patient",
        "id": "p1",
        "birthDate": "1950-02-03",
        "gender": "male",
    } | members


def prefetch(**members):
    usual = {
        "patient": patient(),
        "vitals": bundle(observations(SICK)),
        "labs": bundle(observations(LABS)),
    }
    return {name: value for name, value in (usual | members).items() if value is not ...}


def request(**members):
    """Return a patient-view request; a member of `...` is left out."""
    usual = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": FHIR,
        "context": {"userId": "Practitioner/d1", "patientId": "p1"},
        "prefetch": prefetch(),
    }
    return {name: value for name, value in (usual | members).items() if value is not ...}


def authorization(**members):
    usual = {
        "access_token": "SECRET-TOKEN",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.read",
        "subject": "vigil",
    }
    return usual | members


def expected_risk(heart_rate=128, lactate=4.1):
    return 1 / (1 + math.exp(3.0 - 0.02 * heart_rate - 0.3 * lactate))
