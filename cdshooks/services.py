"""The table of our services, a row each, and the discovery document made of it (CDS Hooks 2.0
"Discovery", R7-R16).

Members of 3.0 are left out, so that a 2.0 client meets nothing it does not know.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from cdshooks.hooks import Context, EncounterContext
from cdshooks.prefetch import ENCOUNTER
from models.reading.queries import searches


class Service(NamedTuple):
    """One service: its id, the hook it answers, what that hook's context holds, the prefetch
    templates of a patient, and its words for people.
    """

    id: str
    hook: str
    context: type[Context]
    prefetch: Callable[[str], dict[str, str]]
    title: str
    description: str
    requirements: str

    @property
    def path(self) -> str:
        """Return the path of the endpoint (R12)."""
        return f"/cds-services/{self.id}"

    @property
    def feedback_path(self) -> str:
        """Return the path where feedback on its cards goes (R93)."""
        return f"{self.path}/feedback"


PURPOSE = "Research software, not a medical device. For adults in hospital. "
NEEDS = (
    "Needs the Patient and recent Observations coded in LOINC with UCUM units, by prefetch or with "
    "an access token for Patient and Observation."
)


def _with_encounter(patient: str) -> dict[str, str]:
    """Return what is asked where the hook names an encounter; patient-view may name none (R116)."""
    return searches(patient) | {ENCOUNTER: "Encounter/{{context.encounterId}}"}


SERVICES = (
    Service(
        id="vigil-patient-view",
        hook="patient-view",
        context=Context,
        prefetch=searches,
        title="Vigil: risk of deterioration",
        description=(
            "Estimates an adult inpatient's risk of deterioration from vital signs and laboratory "
            "results, with NEWS2, and shows what drives the estimate."
        ),
        requirements=PURPOSE + NEEDS,
    ),
    Service(
        id="vigil-encounter-start",
        hook="encounter-start",
        context=EncounterContext,
        prefetch=_with_encounter,
        title="Vigil: what an admission still needs",
        description=(
            "On admission says what is to be charted for a first NEWS2 and a first risk of "
            "deterioration, and what the chart already holds that is grave."
        ),
        requirements=PURPOSE + NEEDS,
    ),
    Service(
        id="vigil-encounter-discharge",
        hook="encounter-discharge",
        context=EncounterContext,
        prefetch=_with_encounter,
        title="Vigil: what speaks against a discharge",
        description=(
            "Before discharge says what the chart holds against it: a risk that is not falling, "
            "NEWS2 risen or high within a day, old or incomplete vital signs, critical laboratory "
            "values without a newer one, and what could not be read."
        ),
        requirements=PURPOSE + NEEDS,
    ),
)


def discovery() -> dict[str, Any]:
    """Return the discovery document; the prefetch keys are those that `ehr.chart` reads."""
    return {"services": [_listed(service) for service in SERVICES]}


def _listed(service: Service) -> dict[str, Any]:
    return {
        "hook": service.hook,
        "id": service.id,
        "title": service.title,
        "description": service.description,
        "usageRequirements": service.requirements,
        "prefetch": service.prefetch("{{context.patientId}}"),
    }
