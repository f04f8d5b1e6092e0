"""Finds that no complete set of observations was charted for longer than its NEWS2 allows.

Complete is a set of all seven parts. It is as old as the part that was charted longest ago. Where a
part has never been charted, as air is not in some hospitals, the five that are measured make the
set: else every card there would be a warning, and nobody would read one.
"""

from datetime import datetime

from models.findings.finding import Finding
from models.findings.response import least_response
from models.findings.vitals import NEWS2
from models.patient.news2 import MEASURED, SPOKEN_OF_BY, YOUNGEST, adult_news2
from models.patient.snapshot import Snapshot

PARTS = {name: (name,) for name in MEASURED} | SPOKEN_OF_BY
# Beyond so many times its interval a set that is overdue is a warning, unless the EHR's record says
# otherwise (`overdue_factor`).
OVERDUE_FACTOR = 2.0


def overdue(snapshot: Snapshot, factor: float = OVERDUE_FACTOR) -> Finding | None:
    """Return the finding that a set is overdue, or None: at `factor` times its interval a warning.

    None too where there was no set whose NEWS2 could ask for the next.
    """
    if snapshot.age is None or snapshot.age < YOUNGEST:
        return None
    times = {part: _newest(snapshot, names) for part, names in PARTS.items()}
    whole = None not in times.values()
    taken = [times[part] for part in (times if whole else MEASURED)]
    since = min((time for time in taken if time), default=None)
    score = adult_news2(snapshot, of_any_time=True)
    interval = least_response(score).overdue_after_hours
    if since is None or None in taken or interval is None:
        return None
    hours = (snapshot.at - since).total_seconds() / 3600
    if hours <= interval:
        return None
    lacking = "complete set" if whole else "set of all five vital signs"
    sentence = (
        f"Observations overdue: no {lacking} for {hours:.0f} h, due every {interval:.0f} h at "
        f"{score.figure}."
    )
    level = "warning" if hours > factor * interval else "info"
    return Finding(level, "overdue", None, hours, f"{hours:.0f} h", since, sentence, NEWS2)


def _newest(snapshot: Snapshot, names: tuple[str, ...]) -> datetime | None:
    found = [snapshot.latest[name].time for name in names if name in snapshot.latest]
    return max(found, default=None)
