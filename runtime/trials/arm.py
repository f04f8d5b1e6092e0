"""Turns a trial, its key and who a call is about into an arm.

An HMAC of the id decides, so that every host gives the same arm, at any time and without a list,
and nobody who lacks the key can foresee one or choose it.
"""

import hmac
from datetime import date
from typing import NamedTuple

from runtime.settings import Trial

INTERVENTION, CONTROL = "intervention", "control"
WHOLE = 1 << 64


class Subject(NamedTuple):
    """Who a call is about; None where the call doesn't say. An id counts within its EHR alone."""

    ehr: str
    patient: str
    encounter: str | None = None
    unit: str | None = None


class Arm(NamedTuple):
    """An arm, and `by` what it was allocated; without one, `why` not."""

    name: str | None
    by: str | None = None
    why: str | None = None

    @property
    def withheld(self) -> bool:
        """Tell whether what the models add is not to be shown."""
        return self.name == CONTROL


def arm_of(trial: Trial, key: bytes, subject: Subject, day: date, stopped: str | None) -> Arm:
    """Return the arm on a day of the ward's own calendar; `stopped` is why the trial was.

    Where the call lacks the unit or encounter that is randomised, its patient is.
    """
    if why := idle(trial, day, stopped):
        return Arm(None, why=why)
    by = trial.randomise if getattr(subject, trial.randomise) else "patient"
    control = draw(trial, key, by, subject) < trial.control_share
    return Arm(CONTROL if control else INTERVENTION, by)


def idle(trial: Trial, day: date, stopped: str | None) -> str | None:
    """Return why a trial allocates nobody on a day, or None."""
    if stopped is not None:
        return "stopped"
    if day < trial.starts:
        return "not begun"
    return "ended" if day > trial.ends else None


def draw(trial: Trial, key: bytes, by: str, subject: Subject) -> float:
    """Return the number from 0 up to 1 that belongs to the unit, encounter or patient."""
    digest = sealed(trial, key, by, subject.ehr, getattr(subject, by))
    return int.from_bytes(digest[:8], "big") / WHOLE


def sealed(trial: Trial, key: bytes, *words: str) -> bytes:
    """Return the HMAC of words within a trial, each with its length before it."""
    parts = [word.encode("utf-8", "surrogatepass") for word in (trial.protocol, *words)]
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.digest(key, text, "sha256")
