"""The decision about a patient whom nobody has looked at before, outside of a call."""

from datetime import UTC

from cdshooks import replay
from cdshooks.delivering.decision import Decision, decide
from cdshooks.delivering.history import History
from cdshooks.delivering.seen import seen
from models.assess import Assessment
from models.judged import judged
from runtime.settings import Ehr
from runtime.trials.phase import phase_of

SOMEBODY = "Practitioner/somebody"


def first_sight(assessment: Assessment, ehr: Ehr) -> Decision:
    """Decide as for a clinician's first call."""
    who = {"ehr": ehr.id, "user": SOMEBODY, "patient": assessment.patient, "at": assessment.at}
    notes = [replay.MISSING + name for name in assessment.unavailable]
    more = {"question": assessment.question, "degraded": notes}
    found = seen(who | more | judged(assessment))
    return decide(found, History(), ehr, UTC, phase_of(ehr, SOMEBODY).silent)
