"""Finds laboratory values beyond the limits that laboratories telephone at.

The limits and who publishes each stand in the vocabulary. They are inclusive, and a value counts as
it is printed too, so that what a card shows never quarrels with what it says of it.
"""

from collections.abc import Iterator

from models.findings.finding import Finding, about
from models.patient.chart import Reading, Unusable
from models.patient.inputs import origin
from models.patient.news2 import YOUNGEST
from models.patient.printing import number
from models.patient.snapshot import Snapshot
from models.patient.vocabulary import VARIABLES, Variable


def laboratory(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a finding for each fresh value, or bound, beyond a limit; what a sister variable was
    reckoned from is left to that one.
    """
    for name, variable in VARIABLES.items():
        item = snapshot.fresh.get(name) or snapshot.unusable.get(name)
        if item is None or not any(variable.limits) or _reckoned(item, snapshot):
            continue
        found = _beyond(variable, *_certain(variable, item))
        if found:
            yield _finding(variable, item, *found, snapshot)


def _reckoned(item: Reading | Unusable, snapshot: Snapshot) -> bool:
    return isinstance(item, Reading) and bool(origin(item, snapshot))


def as_written(item: Unusable) -> tuple[str, str] | None:
    """Return the level and the words of the gravest limit that a doubted value passes, if it is
    right: a laboratory telephones such a result before it is final.
    """
    found = _beyond(VARIABLES[item.variable], item.least, item.greatest)
    return (found[0], _side(*found)) if found else None


def _beyond(
    variable: Variable, least: float | None, greatest: float | None
) -> tuple[str, str] | None:
    """Return the level and the side, "low" or "high", of the gravest limit that is passed by all
    from `least` to `greatest`.
    """
    low_critical, low_warning, high_warning, high_critical = variable.limits
    for level, low, high in (
        ("critical", low_critical, high_critical),
        ("warning", low_warning, high_warning),
    ):
        if low is not None and greatest is not None and greatest <= low:
            return level, "low"
        if high is not None and least is not None and least >= high:
            return level, "high"
    return None


def _certain(variable: Variable, item: Reading | Unusable) -> tuple[float | None, float | None]:
    """Return from where to where the value is for certain, as it is and as it is printed."""
    if isinstance(item, Unusable):
        return item.certain
    printed = float(number(variable, item.value))
    return max(item.value, printed), min(item.value, printed)


def _finding(
    variable: Variable, item: Reading | Unusable, level: str, side: str, snapshot: Snapshot
) -> Finding:
    adult = snapshot.age is None or snapshot.age >= YOUNGEST
    words = f" ({_side(level, side)}{'' if adult else ' for an adult'})"
    return about(level, "laboratory", item, snapshot, (words, ""), variable.limits_source)


def _side(level: str, side: str) -> str:
    return f"critically {side}" if level == "critical" else side
