"""The configuration of Vigil for the demonstration: the demonstration EHR, and a CDS Hooks Sandbox
where one is to be let in.
"""

VIGIL = """\
# Written anew by `vigil demo` at each start.
public_url = "http://localhost:{port}"
data_dir = "data"

[[ehr]]
id = "demo"
profile = "generic"
fhir_base = ["http://localhost:{ehr_port}/fhir"]
hook_issuer = "http://localhost:{ehr_port}"
hook_jwks_url = "http://localhost:{ehr_port}/jwks.json"
hook_auth = "required"
smart_client_id = "vigil"
smart_client_auth = "private_key_jwt"
frame_ancestors = ["http://localhost:{ehr_port}"]
cors_origins = ["http://localhost:{ehr_port}"]
mode = "live"
suggestions = ["observations", "lactate", "cultures", "escalation"]
"""
# No keys for its signature: the Sandbox's private key lies in its public repository.
SANDBOX = """
[[ehr]]
id = "sandbox"
profile = "generic"
fhir_base = ["http://localhost:{ehr_port}/open/fhir"]
hook_auth = "open"
smart_client_id = "vigil"
smart_client_auth = "private_key_jwt"
cors_origins = ["{sandbox}"]
mode = "live"
suggestions = ["observations", "lactate", "cultures", "escalation"]
"""


def text(port: int, ehr_port: int, sandbox: str | None) -> str:
    """Return the configuration file; `sandbox` is the origin of a Sandbox or None."""
    parts = VIGIL + (SANDBOX if sandbox else "")
    return parts.format(port=port, ehr_port=ehr_port, sandbox=sandbox)
