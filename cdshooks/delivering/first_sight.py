"""The decision about a patient whom nobody has looked at before, and what is seen of one, outside
of a call.
"""

from datetime import UTC

from cdshooks import replay
from cdshooks.delivering.decision import Decision, decide
from cdshooks.delivering.history import History
from cdshooks.delivering.seen import Seen, seen
from models.assess import Assessment
from models.judged import judged
from runtime.settings import Ehr
from runtime.trials.phase import phase_of

SOMEBODY = "Practitioner/somebody"


def first_sight(assessment: Assessment, ehr: Ehr) -> Decision:
    """Decide as for a clinician's first call."""
    found = outside(assessment, ehr.id, SOMEBODY, question=assessment.question)
    return decide(found, History(), ehr, UTC, phase_of(ehr, SOMEBODY).silent)


def outside(
    assessment: Assessment,
    ehr: str,
    user: str,
    encounter: str | None = None,
    question: str = "",
    withheld: bool = False,
) -> Seen:
    """Return what a user sees of an assessment outside of a call."""
    who = {"ehr": ehr, "user": user, "patient": assessment.patient, "at": assessment.at}
    notes = [replay.MISSING + name for name in assessment.unavailable]
    more = {"encounter": encounter, "question": question, "degraded": notes, "withheld": withheld}
    return seen(who | more | judged(assessment))
