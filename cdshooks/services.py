"""Turns the models' FHIR searches into the discovery document (CDS Hooks 2.0 "Discovery", R7-R16).

Members of 3.0 are left out, so that a 2.0 client meets nothing it does not know.
"""

from typing import Any

from models.patient.queries import searches

SERVICE_ID = "vigil-patient-view"
HOOK = "patient-view"
TITLE = "Vigil: risk of deterioration"
DESCRIPTION = (
    "Estimates an adult inpatient's risk of deterioration from vital signs and laboratory "
    "results, with NEWS2, and shows what drives the estimate."
)
REQUIREMENTS = (
    "Research software, not a medical device. For adults in hospital. Needs the Patient and "
    "recent Observations coded in "
    "LOINC with UCUM units, by prefetch or with an access token for Patient and Observation."
)


def discovery() -> dict[str, Any]:
    """Return the discovery document; the prefetch keys are those that `cdshooks.prefetch` reads."""
    service = {
        "hook": HOOK,
        "id": SERVICE_ID,
        "title": TITLE,
        "description": DESCRIPTION,
        "usageRequirements": REQUIREMENTS,
        "prefetch": searches("{{context.patientId}}"),
    }
    return {"services": [service]}
