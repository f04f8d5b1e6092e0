"""Turns an EHR's `mode` and a user into whether anything may be shown to them.

A silent mode is for a service that was approved as such: it holds back NEWS2 and critical values
too, and says so at the start, in each record and on the page.
"""

from typing import NamedTuple

from runtime.audit.people import relative
from runtime.settings import Ehr

SAID = {
    "shadow": "nothing is shown: calls are computed and recorded, and answered without a card",
    "silent": "cards and pages are shown only to those whom `open_to` names",
}


class Phase(NamedTuple):
    """The phase of an EHR as one user meets it; `open` tells whether cards may be shown."""

    name: str
    open: bool

    @property
    def silent(self) -> str | None:
        """Return the reason for showing nothing, None where cards may be shown."""
        return None if self.open else f"{self.name} mode"


def phase_of(ehr: Ehr, user: str | None) -> Phase:
    """Return the phase for a user: a call's `userId`, or "issuer|sub" of who signed in.

    A reference may be absolute on either side, in a FHIR base of this EHR.
    """
    if ehr.mode == "silent":
        named = {relative(one, ehr) for one in ehr.open_to}
        return Phase(ehr.mode, user is not None and relative(user, ehr) in named)
    return Phase(ehr.mode, ehr.mode == "live")
