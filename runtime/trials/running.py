"""The trial of a configuration as a process runs it: key, stop rules, and the arm of each call.

Whatever fails here leaves the arm as it is, or shows what the models say.
"""

import sqlite3
import sys
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from runtime.audit.log import Audit, AuditError
from runtime.logs import get_logger
from runtime.secretfile import SecretFileError
from runtime.settings import Ehr, Settings, Trial
from runtime.trials.arm import Arm, Subject, arm_of, sealed
from runtime.trials.enrolled import Enrolled
from runtime.trials.key import trial_key
from runtime.trials.stop import Stop, stopped, write_stop

FULL = "the most patients were reached"
# Who stopped it, where nobody did by hand.
RULE = "stop rule"
log = get_logger("trials")


class Running:
    """One trial of a host, for one process."""

    def __init__(self, trial: Trial, settings: Settings, audit: Audit):
        self.trial, self._audit = trial, audit
        self._stop_path = settings.trial_stop_path
        self._key_path = settings.path(trial.key_file)
        self._enrolled = Enrolled(settings.data_path / "trial.db")

    @cached_property
    def key(self) -> bytes:
        """Return the key of the allocation. Raises SecretFileError."""
        return trial_key(self._key_path)

    @property
    def fingerprint(self) -> str:
        """Return by what two hosts can tell that they have the same key, and nothing of it."""
        return sealed(self.trial, self.key, "fingerprint").hex()[:12]

    @property
    def enrolled(self) -> int:
        """Return how many patients were allocated on this host. Raises OSError, sqlite3.Error."""
        return self._enrolled.count(self.trial.protocol)

    def arm(self, subject: Subject, ehr: Ehr, at: datetime) -> Arm | None:
        """Return the arm of a call at `at` (aware UTC), and count its patient; None where the EHR
        takes no part.

        A patient beyond the most that were planned stops the trial for all.
        """
        if ehr.id not in (self.trial.ehrs or (ehr.id,)):
            return None
        day = at.astimezone(ehr.zone).date()
        try:
            key = self.key
        except SecretFileError as error:
            # NEWS2 must not be lost with the key: everybody is shown all.
            log.error("trial_key", error=error)
            return Arm(None, why="no key")
        found = arm_of(self.trial, key, subject, day, stopped(self._stop_path))
        if found.name and not self._counted(subject):
            self._stop(at)
            return Arm(None, why="stopped")
        return found

    def record(self, arm: Arm) -> dict[str, Any]:
        """Return what the audit record of a call holds of the trial."""
        trial = self.trial
        return {
            "protocol": trial.protocol,
            "approval": trial.approval,
            "randomised": trial.randomise,
            "arm": arm.name,
            "by": arm.by,
            "why": arm.why,
        }

    def stop(self, reason: str, by: str, at: datetime) -> Stop:
        """Stop the trial and record that; return the first stop, where it was stopped before.

        Raises OSError, ValueError, SecretFileError, AuditError.
        """
        made = write_stop(self._stop_path, self.trial, reason, by, at)
        if (made.reason, made.by, made.at) == (reason, by, at):
            names = {"protocol": made.protocol, "approval": self.trial.approval}
            what = {"action": "stop", "reason": reason, "by": by, "at": at.isoformat()}
            self._audit.append("trial", names | what)
        return made

    def _counted(self, subject: Subject) -> bool:
        trial, most = self.trial, self.trial.most_patients or sys.maxsize
        patient = sealed(trial, self.key, "enrolled", subject.ehr, subject.patient).hex()
        try:
            return self._enrolled.admit(trial.protocol, patient, most)
        except (OSError, sqlite3.Error) as error:
            log.error("trial_count", error=error)
            return True

    def _stop(self, at: datetime) -> None:
        try:
            self.stop(FULL, RULE, at.astimezone(UTC))
        except (OSError, ValueError, SecretFileError, AuditError) as error:
            log.error("trial_stop", error=error)


def running(settings: Settings, audit: Audit) -> Running | None:
    """Return the trial of a configuration, None where there is none."""
    return Running(settings.trial, settings, audit) if settings.trial else None
