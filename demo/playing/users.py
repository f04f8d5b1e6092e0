"""The people who can be signed in to the demonstration: whom a call names is for Vigil's delivery
to see.
"""

import secrets
from dataclasses import dataclass, replace

from demo.patients.resources import CLINICIAN, NURSE
from demo.playing.clients import Played


@dataclass(frozen=True, slots=True)
class User:
    """One of them; `id` is that of a Practitioner, None for the patient of the chart."""

    name: str
    label: str
    id: str | None
    provider: bool = False

    def reference(self, patient_id: str, played: Played) -> str:
        """Return `userId` as this client sends it: at Epic a user with a provider record is a
        PractitionerRole.
        """
        if self.id is None:
            return f"Patient/{patient_id}"
        kind = "PractitionerRole" if played.role and self.provider else "Practitioner"
        return f"{kind}/{self.id}"

    def resource(self, patient_id: str) -> str:
        """Return the resource that `fhirUser` names after a launch."""
        return f"Practitioner/{self.id}" if self.id else f"Patient/{patient_id}"


DOCTOR = User("doctor", "Dr Robin Demonstrator", CLINICIAN, provider=True)
NEW = User("new", "Somebody new each time", "demo-new")
USERS = {
    user.name: user
    for user in (
        DOCTOR,
        User("nurse", "Alex Specimen, nurse", NURSE),
        NEW,
        User("patient", "The patient", None),
    )
}


def named(name: str) -> User:
    """Return who is meant, the doctor for an unknown name; "new" is somebody to whom nothing was
    shown before, who stays the same from a chart to its launch.
    """
    user = USERS.get(name, DOCTOR)
    return replace(user, id=f"demo-{secrets.token_hex(4)}") if user is NEW else user
