"""The people who can be signed in to the demonstration: whom a call names is for Vigil's delivery
to see.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from demo.patients.resources import CLINICIAN, NURSE
from demo.playing.clients import Played


@dataclass(frozen=True, slots=True)
class User:
    """One of them; `id` makes the id of a Practitioner, None for the patient of the chart."""

    name: str
    label: str
    id: Callable[[], str] | None
    provider: bool = False

    def reference(self, patient_id: str, played: Played) -> str:
        """Return `userId` as this client sends it: at Epic a user with a provider record is a
        PractitionerRole.
        """
        if self.id is None:
            return f"Patient/{patient_id}"
        kind = "PractitionerRole" if played.role and self.provider else "Practitioner"
        return f"{kind}/{self.id()}"

    def resource(self, patient_id: str) -> str:
        """Return the resource that `fhirUser` names after a launch."""
        return f"Practitioner/{self.id()}" if self.id else f"Patient/{patient_id}"


def _somebody() -> str:
    return f"demo-{secrets.token_hex(4)}"


DOCTOR = User("doctor", "Dr Robin Demonstrator", lambda: CLINICIAN, provider=True)
USERS = {
    user.name: user
    for user in (
        DOCTOR,
        User("nurse", "Alex Specimen, nurse", lambda: NURSE),
        # To whom nothing was shown before.
        User("new", "Somebody new each time", _somebody),
        User("patient", "The patient", None),
    )
}
