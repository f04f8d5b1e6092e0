"""Tells whether a number is due for a patient at a moment, and if not, why not, in plain
sentences.
"""

from models.patient.chart import WHOLE
from models.patient.snapshot import STALE, UNREAD, UNUSABLE, Snapshot
from models.patient.vocabulary import VARIABLES

ADULT_YEARS = 18
# Of these five at least three have to be fresh: a risk from fewer vital signs is mostly the
# training data's average.
CORE = ("heart_rate", "respiratory_rate", "spo2", "systolic", "temperature")
CORE_NEEDED = 3
NEEDED = (
    f"A risk needs {CORE_NEEDED} of heart rate, respiratory rate, oxygen saturation, systolic "
    "pressure and temperature from the last 12 hours."
)


def answerable(snapshot: Snapshot) -> tuple[str, tuple[str, ...]]:
    """Return the status and, unless it is "scored", plain sentences that say why no number is
    given.
    """
    age = snapshot.age
    if snapshot.chart.deceased:
        return "deceased", ("The chart says that the patient has died.",)
    if age is None:
        return _without_age(snapshot)
    if age < ADULT_YEARS:
        why = f"The patient is {age} years old; the model was made for adults of {ADULT_YEARS}"
        return "child", (f"{why} or older.",)
    unknown = [state for name in CORE if (state := _unknown(snapshot, name))]
    if len(CORE) - len(unknown) >= CORE_NEEDED:
        return "scored", ()
    return _too_little(unknown)


def _unknown(snapshot: Snapshot, name: str) -> str | None:
    """Return why a vital sign is not there for a model, or None: one that a body has at most near
    death can't be used for a risk.
    """
    reading, variable = snapshot.fresh.get(name), VARIABLES[name]
    if reading is None:
        return snapshot.unknown[name]
    return None if variable.for_model(reading.value) else UNUSABLE


def _without_age(snapshot: Snapshot) -> tuple[str, tuple[str, ...]]:
    if snapshot.chart.parts.get("patient", WHOLE).state != "whole":
        why = "The patient's details could not be read, so the age is not known"
        return "unread", (f"{why} and a child can't be ruled out.",)
    return "age unknown", ("The patient's age is not known, so a child can't be ruled out.",)


def _too_little(unknown: list[str]) -> tuple[str, tuple[str, ...]]:
    """Tell what could not be read from what is not there: only the second is said of the chart."""
    if UNREAD in unknown:
        return "unread", (f"Too few vital signs could be read. {NEEDED}",)
    if UNUSABLE in unknown:
        return "unusable", (f"Too few vital signs can be used as they were charted. {NEEDED}",)
    if len(CORE) - len(unknown) + unknown.count(STALE) >= CORE_NEEDED:
        return "stale", (f"The vital signs in the chart are too old. {NEEDED}",)
    return "insufficient", (f"There are too few vital signs in the chart. {NEEDED}",)
