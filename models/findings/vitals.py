"""Finds what is urgent in the vital signs: single parameters of NEWS2, rates and pressures of zero,
values that a living body hardly has, and newest values that can't be used.
"""

from collections.abc import Iterator

from models.findings.finding import Finding, about, as_charted, written
from models.findings.limits import passed
from models.patient.chart import Reading, Unusable
from models.patient.inputs import origin
from models.patient.news2 import SPOKEN_OF_BY, Score
from models.patient.snapshot import Snapshot
from models.patient.vocabulary import VARIABLES

NEWS2 = "RCP NEWS2 (2017)"
SEE = ": check the patient and the sensor"
RED = " (3 points)"
NOT_ADULT = " (3 NEWS2 points in an adult)"
NO_RATE_OR_PRESSURE = {"spo2", "temperature"}
OXYGEN = {"fio2", "oxygen_flow"}


def doubtful(snapshot: Snapshot, score: Score) -> Iterator[Finding]:
    """Yield a finding for each fresh value, as charted, that a body has at most near death: a rate
    or pressure of zero, or one that no model may be given.
    """
    red = {item.variable for item in _red(snapshot, score)}
    for name, reading in snapshot.fresh.items():
        variable = VARIABLES[name]
        if variable.for_model(reading.value) or origin(reading, snapshot):
            continue
        level, kind = ("critical", "zero") if is_zero(reading) else ("warning", "sensor")
        words = (RED if name in red else "", SEE)
        source = f"outside {variable.low:g} to {variable.high:g} {variable.unit}"
        yield about(level, kind, reading, snapshot, words, source)


def single(snapshot: Snapshot, score: Score, seen: set[str | None]) -> Iterator[Finding]:
    """Yield a finding for each parameter that alone scores 3, but for those that were `seen`."""
    words = red_words(snapshot)
    for item in _red(snapshot, score):
        if item.variable not in seen:
            yield about("warning", "red", item, snapshot, (words, ""), NEWS2)


def red_words(snapshot: Snapshot) -> str:
    """Return what is said of a parameter that alone scores 3, by whether the age is known."""
    return RED if snapshot.age is not None else NOT_ADULT


def unusable(snapshot: Snapshot, score: Score, seen: set[str | None]) -> Iterator[Finding]:
    """Yield a finding for each newest value that can't be used, but for those that were `seen`.

    Oxygen without an amount is no warning: that somebody is on oxygen is all that NEWS2 asks.
    """
    known = any(part.name == "oxygen" and part.points is not None for part in score.parts)
    for name, item in snapshot.unusable.items():
        if name not in seen:
            vital = VARIABLES[name].sign and not (known and name in OXYGEN)
            least = "warning" if vital or _may_be_beyond(item) else "info"
            level, words = _if_right(item, snapshot) or (least, "")
            sentence = (
                f"The newest {VARIABLES[name].label} can't be used: {as_charted(item)}{words}."
            )
            time = item.time if item.exact else None
            yield Finding(level, "unusable", name, None, written(item), time, sentence, item.reason)


def _if_right(item: Unusable, snapshot: Snapshot) -> tuple[str, str] | None:
    """Return how urgent a doubted value is as it is written, and the words for it: a laboratory
    telephones such a result before it is final.
    """
    found = passed(item, snapshot, (item.least, item.greatest))
    if found:
        return found[0], f", as written {found[1]}"
    return ("critical", SEE) if item.least == item.greatest and is_zero(item) else None


def is_zero(item: Reading | Unusable) -> bool:
    """Tell whether a value is, or as written would be, a rate or pressure of zero."""
    value = item.value if isinstance(item, Reading) else item.least
    named = item.variable not in NO_RATE_OR_PRESSURE
    return value == 0 and named and not VARIABLES[item.variable].for_model(value)


def _may_be_beyond(item: Unusable) -> bool:
    """Tell whether a bound leaves open that a limit is passed: more than 5 may be 5.1 or 9."""
    low_critical, low, high, high_critical = VARIABLES[item.variable].limits
    if item.greatest is None and item.least is not None:
        return high is not None or high_critical is not None
    if item.least is None and item.greatest is not None:
        return low is not None or low_critical is not None
    return False


def _red(snapshot: Snapshot, score: Score) -> Iterator[Reading | Unusable]:
    for part in score.parts:
        if part.least == 3:
            yield _speaker(snapshot, part.name)


def _speaker(snapshot: Snapshot, part: str) -> Reading | Unusable:
    """Return what gave a part its points; of consciousness the one that is not normal."""
    known: dict[str, Reading | Unusable] = {**snapshot.unusable, **snapshot.fresh}
    found = [known[name] for name in SPOKEN_OF_BY.get(part, (part,)) if name in known]
    return next((item for item in found if not _alert(item)), found[0])


def _alert(item: Reading | Unusable) -> bool:
    return isinstance(item, Reading) and (item.variable, item.value) in {("acvpu", 0), ("gcs", 15)}
