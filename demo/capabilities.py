"""What the demonstration's FHIR server says of itself: its smart-configuration and its
CapabilityStatement.
"""

from datetime import datetime
from typing import Any

from demo.config import DemoConfig
from demo.records import TYPES
from demo.scopes import CREATED, MESSAGES
from demo.search import OF_NOBODY, PARAMETERS

CAPABILITIES = (
    "launch-ehr", "launch-standalone", "client-public", "client-confidential-symmetric",
    "client-confidential-asymmetric", "sso-openid-connect", "context-ehr-patient",
    "context-ehr-encounter", "context-standalone-patient", "context-banner", "context-style",
    "permission-patient", "permission-user", "permission-online", "permission-v1",
    "permission-v2", "authorize-post",
)  # fmt: skip


def configuration(config: DemoConfig) -> dict[str, Any]:
    """Return the smart-configuration, which names the endpoints and what they can do (SMART-9)."""
    return {
        "issuer": config.base_url,
        "jwks_uri": f"{config.base_url}/jwks.json",
        "authorization_endpoint": f"{config.base_url}/authorize",
        "token_endpoint": f"{config.base_url}/token",
        "revocation_endpoint": f"{config.base_url}/revoke",
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public"],
        "scopes_supported": [
            "launch",
            "launch/patient",
            "openid",
            "fhirUser",
            "online_access",
            "patient/*.rs",
            "user/*.rs",
            f"patient/{CREATED}.c",
            *MESSAGES,
        ],
        "capabilities": list(CAPABILITIES),
    }


def statement(base: str, now: datetime) -> dict[str, Any]:
    """Return what this server can do, in FHIR's words."""
    about = [{"name": "patient", "type": "reference"}, {"name": "subject", "type": "reference"}]
    resources: list[dict[str, Any]] = []
    for kind in TYPES:
        own = [
            {"name": name, "type": "date" if "date" in name else "token"}
            for name in ("_id", *PARAMETERS[kind])
        ]
        found = own + about * (kind not in OF_NOBODY)
        can = ["read", "search-type", *["create"] * (kind == CREATED)]
        resource = {"type": kind, "interaction": [{"code": one} for one in can]}
        once = {"conditionalCreate": True} if kind == CREATED else {}
        resources.append(resource | once | {"searchParam": found})
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": f"{now:%Y-%m-%d}",
        "kind": "instance",
        "implementation": {
            "description": "Vigil's demonstration EHR: synthetic patients",
            "url": base,
        },
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": {"service": [{"text": "SMART on FHIR"}]},
                "resource": resources,
            }
        ],
    }
