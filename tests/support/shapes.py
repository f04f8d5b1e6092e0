"""The shapes in which EHRs launch: where their endpoints are, and what they send beyond the
standard's own members.

Written after the vendors' documents and the public servers' own answers (2026); no vendor's sandbox
was reached. Names and identifiers are those of the public test patients.
"""

from dataclasses import dataclass, field

TENANT = "ec2458f2-1e24-41c8-b71b-0e701af7583d"


@dataclass(frozen=True)
class Shape:
    """One EHR's launch; paths are below its one loopback address.

    `tail` ends the `iss` of a launch, `openid` is the `iss` of its id_tokens where that is not the
    issuer of its smart-configuration, `key` changes its published key, `record` is what Vigil's
    configuration says of it.
    """

    fhir: str = "/fhir"
    tail: str = ""
    issuer: str = "/auth"
    openid: str | None = None
    authorize: str = "/authorize"
    token_endpoint: str = "/token"
    jwks: str = "/jwks"
    configuration: dict = field(default_factory=dict)
    token: dict = field(default_factory=dict)
    header: dict = field(default_factory=lambda: {"kid": "ehr-1", "typ": "JWT"})
    claims: dict = field(default_factory=dict)
    key: dict = field(default_factory=dict)
    callback: dict = field(default_factory=dict)
    record: dict = field(default_factory=dict)


PLAIN = Shape()

# smart-on-fhir/smart-launcher-v2: no `kid` in the id_token, one key in the set.
LAUNCHER = Shape(
    fhir="/v/r4/fhir",
    issuer="/v/r4/fhir",
    authorize="/v/r4/auth/authorize",
    token_endpoint="/v/r4/auth/token",
    jwks="/keys",
    configuration={
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        "scopes_supported": ["openid", "profile", "fhirUser", "launch", "patient/*.*"],
        "capabilities": [
            "launch-ehr",
            "client-confidential-asymmetric",
            "sso-openid-connect",
            "context-passthrough-banner",
            "permission-v1",
            "permission-v2",
            "authorize-post",
        ],
    },
    token={
        "need_patient_banner": True,
        "smart_style_url": "http://127.0.0.1/smart-style.json",
        "patient": "87a339d0-8cae-418e-89c7-8651e6aab3c6",
        "encounter": "a5bd2e3b-6a3f-4a67-8d1f-6e6c4c1c7a5b",
    },
    header={"typ": "JWT"},
    claims={
        "profile": "Practitioner/e443ac58-8ece-4385-8d55-775c1b8f3a37",
        "fhirUser": "Practitioner/e443ac58-8ece-4385-8d55-775c1b8f3a37",
        "sub": "5d52fd0b1e5f8f1a0a6c0a3b7a4f5f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a",
    },
    key={"key_ops": ["verify"]},
)

# Medplum 5: `iss` and issuer end with a slash, `scope` and `nonce` come to the callback too.
MEDPLUM = Shape(
    fhir="/fhir/R4",
    tail="/",
    issuer="/",
    authorize="/oauth2/authorize",
    token_endpoint="/oauth2/token",
    jwks="/.well-known/jwks.json",
    token={
        "profile": {"reference": "Practitioner/0a6cd2bb-3e1b-4b0a-a1a5-0b2f1a3c4d5e"},
        "project": {"reference": "Project/ca9d1b2e-7a0f-4a53-8a3f-2b9d5a1f0c77"},
        "need_patient_banner": True,
        "patient": "0197c8a4-6d1c-7f3e-9c55-2f6f0d6f8a10",
        "encounter": "0197c8a4-6d1c-7f3e-9c55-2f6f0d6f8a11",
    },
    claims={
        "client_id": "vigil-1",
        "login_id": "0197c8a4-6d1c-7f3e-9c55-2f6f0d6f8a12",
        "fhirUser": "Practitioner/0a6cd2bb-3e1b-4b0a-a1a5-0b2f1a3c4d5e",
    },
    callback={"scope": "launch openid fhirUser", "nonce": ""},
)

# Epic: another issuer, RS256 only, a `kid` in base64, scopes in its own spelling, text for a
# boolean, `state` and its own members in the token answer (fhir.epic.com, OAuth 2.0 tutorial).
EPIC = Shape(
    fhir="/interconnect-fhir-oauth/api/FHIR/R4",
    issuer="/interconnect-fhir-oauth/oauth2",
    authorize="/interconnect-fhir-oauth/oauth2/authorize",
    token_endpoint="/interconnect-fhir-oauth/oauth2/token",
    jwks="/interconnect-fhir-oauth/api/epic/2019/Security/Open/PublicKeys/530027/OIDC",
    configuration={
        "scopes_supported": ["epic.scanning.dmsusername", "fhirUser", "launch", "openid"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "client_secret_basic",
            "private_key_jwt",
        ],
        "capabilities": [
            "launch-ehr",
            "sso-openid-connect",
            "context-banner",
            "context-style",
            "permission-v1",
            "permission-v2",
            "authorize-post",
        ],
    },
    token={
        "token_type": "bearer",
        "expires_in": 3240,
        "scope": "user/Observation.Read user/Patient.read fhirUser launch openid ",
        "state": "abc123",
        "__epic.dstu2.patient": "TnOZ.elPXC6zcBNFMcFA7A5KZbYxo2.4T-LylRk4GoW4B",
        "appointment": "eVa-Ad1SCIenVq8CYQVxfKwGtP-DfG3nIy9-5oPwTg2g3",
        "encounter": "eySnzekbpf6uGZz87ndPuRQ3",
        "location": "e4W4rmGe9QzuGm2Dy4NBqVc0KDe6yGld6HW95UuN-Qd03",
        "loginDepartment": "e4W4rmGe9QzuGm2Dy4NBqVc0KDe6yGld6HW95UuN-Qd03",
        "need_patient_banner": "false",
        "patient": "e0w0LEDCYtfckT6N.CkJKCw3",
    },
    header={"kid": "liCulTIaitUzjfUh2AqNiMro47X9HcVcd9XPi8LDJKA=", "typ": "JWT"},
    claims={
        "sub": "exfo6E4EXjWsnhA1OGVElgw3",
        "fhirUser": "https://ehr.example.org/api/FHIR/R4/Practitioner/exfo6E4EXjWsnhA1OGVElgw3",
    },
    key={"kid": "liCulTIaitUzjfUh2AqNiMro47X9HcVcd9XPi8LDJKA=", "alg": None},
    record={"profile": "epic"},
)

# Oracle Health: the id_token's issuer lies below the one that smart-configuration names, which has
# no openid-configuration of its own; a token lives 570 s; errors bring an `error_uri` and no text
# (docs.oracle.com, fhir.cerner.com: OpenID Connect, authorization specification).
ORACLE = Shape(
    fhir=f"/r4/{TENANT}",
    issuer=f"/tenants/{TENANT}",
    openid=f"/tenants/{TENANT}/oidc/idsps/{TENANT}/",
    authorize=f"/tenants/{TENANT}/protocols/oauth2/profiles/smart-v1/personas/provider/authorize",
    token_endpoint=f"/tenants/{TENANT}/hosts/fhir-ehr-code/protocols/oauth2/profiles/smart-v1/token",
    jwks="/jwk",
    configuration={
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "capabilities": [
            "authorize-post",
            "launch-ehr",
            "client-confidential-asymmetric",
            "sso-openid-connect",
            "context-banner",
            "permission-online",
            "permission-v1",
            "permission-v2",
            "health-cards",
        ],
    },
    token={
        "expires_in": 570,
        "need_patient_banner": True,
        "smart_style_url": "https://smart.example.org/styles/smart-v1.json",
        "user": "12742069",
        "username": "portal",
        "tenant": TENANT,
        "active_ttl": 600,
        "patient": "12724066",
        "encounter": "97953477",
    },
    header={"kid": "2016-12-14T16:49:21.511.rsa", "typ": "JWT"},
    claims={"sub": "portal", "name": "Portal, Portal", "profile": "Practitioner/12742069"},
    key={"kid": "2016-12-14T16:49:21.511.rsa", "alg": None},
    record={"profile": "oracle"},
)

SHAPES = {"launcher": LAUNCHER, "medplum": MEDPLUM, "epic": EPIC, "oracle": ORACLE}
