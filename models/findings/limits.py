"""Finds laboratory values beyond the limits that laboratories telephone at.

The limits and who publishes each stand in the vocabulary. They are inclusive, and a value counts as
it is printed too, so that what a card shows never quarrels with what it says of it.
"""

from collections.abc import Iterator

from models.findings.finding import Finding, about
from models.patient.chart import Reading, Unusable
from models.patient.inputs import origin
from models.patient.news2 import is_child
from models.patient.printing import number
from models.patient.snapshot import Snapshot
from models.patient.vocabulary import VARIABLES, Variable

Span = tuple[float | None, float | None]


def laboratory(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a finding for each fresh value, or bound, beyond a limit; what a sister variable was
    reckoned from is left to that one.
    """
    for name, variable in VARIABLES.items():
        item = snapshot.fresh.get(name) or snapshot.unusable.get(name)
        if item is None or not any(variable.limits) or _reckoned(item, snapshot):
            continue
        found = passed(item, snapshot, certain(item))
        if found:
            level, words = found
            yield about(
                level, "laboratory", item, snapshot, (f" ({words})", ""), variable.limits_source
            )


def _reckoned(item: Reading | Unusable, snapshot: Snapshot) -> bool:
    return isinstance(item, Reading) and bool(origin(item, snapshot))


def passed(item: Reading | Unusable, snapshot: Snapshot, span: Span) -> tuple[str, str] | None:
    """Return the level of the gravest limit that all of a span of the item's variable passes, and
    the words for it, such as "critically high".
    """
    found = _beyond(VARIABLES[item.variable], *span)
    if found is None:
        return None
    level, side = found
    words = f"critically {side}" if level == "critical" else side
    return level, f"{words} for an adult" if is_child(snapshot) else words


def certain(item: Reading | Unusable) -> Span:
    """Return from where to where a value is for certain, as it is and as it is printed."""
    if isinstance(item, Unusable):
        return item.certain
    printed = float(number(VARIABLES[item.variable], item.value))
    return max(item.value, printed), min(item.value, printed)


def _beyond(
    variable: Variable, least: float | None, greatest: float | None
) -> tuple[str, str] | None:
    """Return the level and the side, "low" or "high", of the gravest limit that is passed."""
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
