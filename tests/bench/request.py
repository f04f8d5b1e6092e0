"""Makes the call that is timed: a prefetched patient-view with 200 Observations as a vendor
sends them, and its tokens.
"""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import RSAKey

from models.patient.vocabulary import LOINC, UCUM, VARIABLES

PUBLIC, ISSUER, FHIR = (
    "https://vigil.example.org",
    "https://ehr.example.org",
    "https://fhir.example.org/r4",
)
SERVICE = "/cds-services/vigil-patient-view"
KEY = RSAKey.generate_key(2048, {"kid": "bench", "use": "sig", "alg": "RS384"})
TYPICAL = {"heart_rate": 96, "respiratory_rate": 21, "spo2": 94, "systolic": 108, "diastolic": 62, "temperature": 37.9, "gcs": 15,
           "fio2": 28, "lactate": 2.4, "creatinine": 1.5, "bun": 28, "sodium": 137, "potassium": 4.4, "bicarbonate": 21,
           "glucose": 140, "wbc": 14, "haemoglobin": 10.8, "platelets": 190, "bilirubin": 1.1, "albumin": 3.1}  # fmt: skip


# The default's 4 MiB are 3,800 of these Observations; only `make bench` asks for more.
MOST_BYTES = 16 * 1024 * 1024


def settings(folder: Path) -> dict:
    """Return a configuration with one trusted EHR."""
    keys = {"keys": [KEY.as_dict(private=False)]}
    (folder / "keys.json").write_text(json.dumps(keys))
    ehr = {"id": "bench", "fhir_base": [FHIR], "hook_issuer": ISSUER, "hook_jwks_file": "keys.json"}
    # Each call has its whole card: that is what costs the most.
    ehr["quiet_hours"] = 0
    return {
        "public_url": PUBLIC,
        "base_dir": str(folder),
        "data_dir": "var",
        "max_body_bytes": MOST_BYTES,
        "ehr": [ehr],
    }


def body(count: int = 200) -> dict:
    """Return a request whose Observations fill 48 h up to now, about 1.2 kB each."""
    now = datetime.now(UTC)
    made = [
        _observation(
            i, list(TYPICAL)[i % len(TYPICAL)], now - timedelta(hours=48 * i / count, minutes=5)
        )
        for i in range(count)
    ]
    person = {
        "resourceType": "Patient",
        "id": "p1",
        "birthDate": "1951-04-02",
        "gender": "male",
        "name": [{"family": "Bench"}],
    }
    pages = {
        group: [
            o for o in made if VARIABLES[o["id"].split("--")[0].replace("-", "_")].group == group
        ]
        for group in ("vitals", "labs")
    }
    bundles = {
        name: {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(page),
            "entry": [
                {
                    "fullUrl": f"{FHIR}/Observation/{o['id']}",
                    "resource": o,
                    "search": {"mode": "match"},
                }
                for o in page
            ],
        }
        for name, page in pages.items()
    }
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": FHIR,
        "context": {"userId": "Practitioner/1", "patientId": "p1", "encounterId": "e1"},
        "prefetch": {"patient": person, **bundles},
    }


def calls(sent: dict, number: int, public: str = PUBLIC) -> Iterator[tuple[bytes, str]]:
    """Yield the body and the token of so many calls; each needs both anew."""
    head, tail = json.dumps(sent).encode().split(sent["hookInstance"].encode())
    for _ in range(number):
        yield head + str(uuid.uuid4()).encode() + tail, token(public)


def token(public: str) -> str:
    """Return a fresh RS384 token for the service under a public URL."""
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": ISSUER,
        "aud": public + SERVICE,
        "iat": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
    }
    return jwt.encode({"alg": "RS384", "kid": "bench", "typ": "JWT"}, claims, KEY, ["RS384"])


def _observation(number: int, name: str, time: datetime) -> dict:
    row = VARIABLES[name]
    label = {
        "text": row.label,
        "coding": [
            {"system": LOINC, "code": row.loinc[0], "display": row.label},
            # A vendor's own code goes by the kind of measurement: 2,251 Observations of Epic's
            # sandbox have eleven sets of codes.
            {
                "system": "urn:oid:1.2.840.114350.1.13.0.1.7.5.737384.118888",
                "code": f"118{list(VARIABLES).index(name)}",
                "display": f"R {row.label}",
            },
        ],
    }
    category = [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": "vital-signs",
                    "display": "Vital Signs",
                }
            ],
            "text": "Vital Signs",
        }
    ]
    value = round(TYPICAL[name] * (1 + 0.03 * ((number * 7) % 5 - 2)), 1)
    return {
        "resourceType": "Observation",
        "id": f"{name.replace('_', '-')}--{number}",
        "status": "final",
        "category": category,
        "code": label,
        "subject": {"reference": "Patient/p1", "display": "Bench, Patient"},
        "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": time.isoformat(timespec="seconds"),
        "issued": time.isoformat(timespec="milliseconds"),
        "performer": [{"reference": "Practitioner/1", "display": "A Nurse"}],
        "valueQuantity": {
            "value": value if row.unit != "{score}" else 15,
            "unit": row.unit,
            "system": UCUM,
            "code": row.unit,
        },
        "referenceRange": [
            {
                "low": {"value": row.low, "unit": row.unit},
                "high": {"value": row.high, "unit": row.unit},
                "text": "limits",
            }
        ],
    }
