"""Tells for whom a list leaves out what the models say: a trial's control arm, then or now."""

from datetime import datetime, timedelta

from runtime.audit.log import Audit
from runtime.settings import Ehr
from runtime.trials.arm import Arm, Subject
from runtime.trials.running import Running
from smartapp.patients.assessed import Assessed, read

# So far back the stay of a patient is looked for in calls, which name encounter and unit.
STAY = timedelta(hours=48)


def hidden(one: Assessed, ehr: Ehr, now: datetime, trial: Running | None) -> bool:
    """Tell whether an assessment was made, or is looked at, in a control arm."""
    if one.hidden or trial is None:
        return one.hidden
    arm = trial.arm(Subject(ehr.id, one.patient, one.encounter, one.unit), ehr, now)
    return bool(arm and arm.withheld)


def arm_of(
    audit: Audit, ehr: Ehr, patient: str, now: datetime, trial: Running | None
) -> Arm | None:
    """Return the arm of a patient of whom a list says no more than the id: that of the encounter
    and unit of their last call. Raises AuditError.
    """
    if trial is None:
        return None
    last = next(read(audit.of_patient(ehr.id, patient, now - STAY, "hook")), None)
    stay = (last.encounter, last.unit) if last else ()
    return trial.arm(Subject(ehr.id, patient, *stay), ehr, now)
