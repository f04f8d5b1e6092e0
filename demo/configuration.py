"""The configuration of Vigil for the demonstration: a record for each client that it plays; the
Sandbox's is open to a real one where that is to be let in.
"""

from demo.playing.clients import GENERIC, PLAYED, Played

HEAD = """\
# Written anew by `vigil demo` at each start.
public_url = "http://localhost:{port}"
data_dir = "data"
"""
RECORD = """
[[ehr]]
id = "{record}"
profile = "{profile}"
fhir_base = [{bases}]
{trust}
smart_client_id = "vigil"
smart_client_auth = "private_key_jwt"
frame_ancestors = ["{home}", "{elsewhere}"]
cors_origins = ["{origin}"]
mode = "live"
write_risk_assessment = true
{lists}{suggested}"""
# What Vigil asks for of itself, and a clinician's leave to read the patients of the wards.
LISTS = """\
smart_scopes = "launch openid fhirUser online_access patient/Patient.r patient/Observation.rs \
patient/RiskAssessment.c user/Patient.rs user/Observation.rs user/Group.rs messaging/ui \
messaging/scratchpad"
"""
# Patients can sign in to the demonstration, as to a portal.
SIGNED = """\
hook_issuer = "{issuer}"
hook_jwks_url = "{home}/jwks.json"
hook_auth = "required"
card_users = ["Practitioner", "PractitionerRole"]"""
SUGGESTED = 'suggestions = ["observations", "lactate", "cultures", "escalation"]\n'
# Codes as a site has them, made up; Epic's client takes no others.
CODES = """
[ehr.suggestion_codes]
observations = "urn:vigil:demo|OBS"
lactate = "urn:vigil:demo|LACT"
cultures = "urn:vigil:demo|CULT"
escalation = "urn:vigil:demo|RRT"
"""
# No keys for its signature: the Sandbox's private key lies in its public repository.
OPEN = 'hook_auth = "open"'

# The demonstration under another name, which browsers take for another site than Vigil's: there
# the app stands in a frame as in a hospital.
ELSEWHERE = "ehr"


def text(port: int, ehr_port: int, sandbox: str | None) -> str:
    """Return the configuration file; `sandbox` is the origin of a Sandbox or None."""
    home = f"http://localhost:{ehr_port}"
    records = [_record(played, home, sandbox) for played in PLAYED.values()]
    return "".join([HEAD.format(port=port), *records])


def _record(played: Played, home: str, sandbox: str | None) -> str:
    # One record alone may be open: a call that nobody signed may name no FHIR server, as
    # HealthChain's, and has to belong to somebody.
    bases = [played.base(home), *([f"{home}/open/fhir"] if played.open and sandbox else [])]
    trust = OPEN if played.open else SIGNED.format(issuer=played.named(home), home=home)
    return RECORD.format(
        record=played.record,
        profile=played.profile,
        bases=", ".join(f'"{base}"' for base in bases),
        trust=trust,
        lists=LISTS * (played is GENERIC),
        suggested=SUGGESTED * played.suggests + CODES * played.own_codes,
        home=home,
        elsewhere=home.replace("//", f"//{ELSEWHERE}."),
        origin=sandbox if played.open and sandbox else home,
    )
