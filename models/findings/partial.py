"""Finds grave values on what could be read of a part that was cut.

Of such a part no value is known to be the newest, so that none enters NEWS2 or a model. A normal
one proves nothing then; a grave one was charted, and nothing that was read takes it back.
"""

from collections.abc import Iterator

from models.findings.finding import Finding, about
from models.findings.limits import certain, passed
from models.findings.vitals import NEWS2, is_zero, red_words
from models.patient.chart import Reading
from models.patient.conflicts import gravity
from models.patient.news2 import is_child
from models.patient.snapshot import UNREAD, Snapshot
from models.patient.vocabulary import VARIABLES

MAYBE_OLD = "; a newer value may not have been read"


def partly_read(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a finding for the newest value that was read of each variable that is unknown because
    its part was cut, where that alone scores 3 or lies beyond a limit.
    """
    for reading in _newest(snapshot).values():
        variable = VARIABLES[reading.variable]
        beyond = passed(reading, snapshot, certain(reading)) if any(variable.limits) else None
        if beyond:
            level, words, source = beyond[0], f" ({beyond[1]})", variable.limits_source
            yield about(level, "partial", reading, snapshot, (words, MAYBE_OLD), source)
        elif _is_red(reading, snapshot):
            level = "critical" if is_zero(reading) else "warning"
            words = red_words(snapshot)
            yield about(level, "partial", reading, snapshot, (words, MAYBE_OLD), NEWS2)


def _is_red(reading: Reading, snapshot: Snapshot) -> bool:
    points = gravity(VARIABLES[reading.variable], reading.value)[1]
    return points == 3 and not is_child(snapshot)


def _newest(snapshot: Snapshot) -> dict[str, Reading]:
    """Return the newest reading of each unread variable that is not too old."""
    at, found = snapshot.at, dict[str, Reading]()
    for one in snapshot.chart.readings:
        age = VARIABLES[one.variable].max_age
        if snapshot.unknown.get(one.variable) == UNREAD and at - age <= one.time <= at:
            found[one.variable] = _later(found.get(one.variable, one), one)
    return found


def _later(first: Reading, second: Reading) -> Reading:
    """Return the newer of two readings of a variable; of one moment the graver."""
    variable = VARIABLES[first.variable]
    return max((first, second), key=lambda one: (one.time, gravity(variable, one.value)))
