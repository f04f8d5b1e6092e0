"""The questions that a call may ask beside how ill a patient is: what an admission still needs, and
what speaks against a discharge.

Each adds findings to the usual ones, of which none is taken away.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from models.answerable import ADULT_YEARS
from models.course import DAY_HOURS, hourly, moments, not_falling
from models.findings.admission import to_chart
from models.findings.discharge import against_discharge
from models.findings.finding import Finding
from models.fitted.model import Model
from models.patient.news2 import Score
from models.patient.series import Series
from models.patient.snapshot import Snapshot

NOTHING_MORE, ADMISSION, DISCHARGE = "", "admission", "discharge"


# A chart's series, a moment of it, its NEWS2, and the models that are asked for this patient.
Answers = Callable[[Series, Snapshot, Score, Sequence[Model]], Iterator[Finding]]


class Question(NamedTuple):
    """One question: what `answers` it, which kinds of finding say something to it even at the level
    info, and from how many times its interval a set of observations is a warning (None: as ever).
    """

    answers: Answers
    telling: frozenset[str]
    overdue_factor: float | None = None


def _admission(
    _: Series, snapshot: Snapshot, score: Score, models: Sequence[Model]
) -> Iterator[Finding]:
    adult = snapshot.age is not None and snapshot.age >= ADULT_YEARS
    evidence: dict[str, float] = {}
    for model in models if adult else ():
        for name, share in model.manifest.get("certainty", {}).get("evidence", {}).items():
            evidence[name] = max(share, evidence.get(name, 0.0))
    return to_chart(snapshot, score, evidence)


def _discharge(
    readings: Series, snapshot: Snapshot, _: Score, models: Sequence[Model]
) -> Iterator[Finding]:
    yield from against_discharge(readings, snapshot)
    day = moments(hourly(readings, snapshot.at, DAY_HOURS))
    for model in sorted(models, key=lambda one: one.id.name):  # whatever order a replay has
        course = not_falling(day, model)
        if course:
            yield course


QUESTIONS = {
    NOTHING_MORE: Question(lambda *_: iter(()), frozenset()),
    ADMISSION: Question(_admission, frozenset({"to chart", "unread"})),
    # Who goes home is not observed again: a set that is due is overdue.
    DISCHARGE: Question(_discharge, frozenset({"incomplete", "unread", "unusable"}), 1.0),
}
