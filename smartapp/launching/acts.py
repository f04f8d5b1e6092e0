"""The scopes of what a session does beside reading: writing a RiskAssessment, talking to the window
that the app stands in (SMART-57).
"""

from runtime.settings import Ehr
from smartapp.launching.discovery import Endpoints

# The groups of messages that the page sends (SMART Web Messaging 1.0, "Authorization with SMART
# Scopes"); drafts named single messages, as `messaging/ui.done`.
GROUPS = ("ui", "scratchpad")
PREFIX = "messaging/"


def acts(ehr: Ehr, endpoints: Endpoints) -> list[str]:
    """Return the scopes to ask for: writing where the EHR's record says so, messages where the
    server names them, and orders only where the record offers some.
    """
    written = "c" if "permission-v2" in endpoints.capabilities else "write"
    own = [f"patient/RiskAssessment.{written}"] if ehr.write_risk_assessment else []
    wanted = GROUPS if ehr.offers else GROUPS[:1]
    named = [one for one in endpoints.scopes_supported if groups(one) & set(wanted)]
    return [*own, *named]


def groups(granted: str) -> set[str]:
    """Return which groups of messages a grant allows."""
    named = [one.removeprefix(PREFIX) for one in granted.split() if one.startswith(PREFIX)]
    found = {one.partition(".")[0] for one in named}
    return set(GROUPS) if "*" in found else found & set(GROUPS)
