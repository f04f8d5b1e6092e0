"""Finds what in a chart speaks against a discharge, beside what is grave now.

A day is looked back on: vital signs out of range within 24 hours before a discharge went with more
readmissions and deaths after it (Nguyen et al., J Gen Intern Med 2017;32:42-48). From how far on a
rise of NEWS2 counts is ours.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models.findings.finding import LEVELS, Finding, about
from models.findings.limits import certain, passed
from models.findings.response import least_response
from models.findings.vitals import NEWS2
from models.patient.chart import Reading, Unusable
from models.patient.inputs import origin
from models.patient.news2 import (
    MEASURED,
    MOST_NAMED,
    SPOKEN_OF_BY,
    Part,
    Score,
    adult_news2,
    is_child,
)
from models.patient.printing import age
from models.patient.series import Series
from models.patient.snapshot import Snapshot, snapshot_at
from models.patient.vocabulary import VARIABLES

DAY = timedelta(hours=24)
RISE = 2
SCORED_BY = (*MEASURED, *(name for names in SPOKEN_OF_BY.values() for name in names))
CHART = "what the chart holds"
PASSED_OVER = (
    ("warning", "Not read, as dated in the future", {"future"}),
    (
        "info",
        "Not counted, as time, patient or circumstances can't be told",
        {"time", "patient", "context"},
    ),
)
Scored = tuple[datetime, Score]


def against_discharge(readings: Series, snapshot: Snapshot) -> Iterator[Finding]:
    """Yield what speaks against a discharge: NEWS2 graver within a day or risen, parts of it not
    known now, critical laboratory values that no newer one answers.

    Where the age is not known NEWS2 counts as in an adult; a child has none.
    """
    if not is_child(snapshot):
        score, day = adult_news2(snapshot), list(_day(readings, snapshot.at))
        yield from _graver(day, score, snapshot.at)
        yield from _risen(day, score, snapshot.at)
        yield from _incomplete(score)
    yield from _unanswered(snapshot)
    yield from _passed_over(snapshot)


def _day(readings: Series, at: datetime) -> Iterator[Scored]:
    """Yield NEWS2 at each moment of the last day at which a part of it was charted, oldest
    first.
    """
    chart = readings.chart
    times = {reading.time for reading in chart.readings if reading.variable in SCORED_BY}
    times |= {item.time for item in chart.unusable if item.variable in SCORED_BY}
    for time in sorted(time for time in times if at - DAY <= time < at):
        yield time, adult_news2(snapshot_at(readings, time))


def _graver(day: list[Scored], now: Score, at: datetime) -> Iterator[Finding]:
    """Yield the gravest NEWS2 of the day, the newest of equal ones, if it asked for more than the
    present one does.
    """
    time, worst = max(day, key=lambda one: (_grade(one[1]), one[1].low, one[0]), default=(at, now))
    if _grade(worst) > _grade(now):
        red = next((part for part in worst.parts if part.least == 3), None)
        with_red = f", with {_said(red)}" if red else ""
        sentence = f"{worst.words} {_age(time, at)} ago{with_red}; {_present(now)}."
        yield Finding(
            "warning", "graver", None, float(worst.low), worst.words, time, sentence, NEWS2
        )


def _risen(day: list[Scored], now: Score, at: datetime) -> Iterator[Finding]:
    """Yield that NEWS2 rose since the first whole one of the day, by what is certain of it now."""
    whole = ((time, score) for time, score in day if score.total is not None)
    time, first = next(whole, (at, now))
    if now.low - first.low >= RISE:
        least = f"{now.low}" if now.total is not None else f"{now.low} or more"
        sentence = f"NEWS2 risen from {first.low} to {least} in {_age(time, at)}."
        source = f"{NEWS2}; a rise of {RISE} or more in a day"
        yield Finding("warning", "risen", None, float(now.low), least, time, sentence, source)


def _incomplete(score: Score) -> Iterator[Finding]:
    """Yield what is not known of NEWS2: a warning where one of the five that are measured lacks;
    some hospitals chart neither air nor consciousness.
    """
    if score.total is None:
        blind = any(part.name in MEASURED for part in score.parts if part.points is None)
        many = len(score.missing) > MOST_NAMED
        lacking = f"{len(score.missing)} parts of NEWS2 not known" if many else score.lacking
        sentence = f"Last vital signs incomplete: {lacking}."
        level = "warning" if blind else "info"
        yield Finding(level, "incomplete", None, None, score.figure, None, sentence, NEWS2)


def _unanswered(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield each critical laboratory value that is the newest of its variable and too old to count
    as the present one: nobody is seen to have looked again.
    """
    for name, item in _newest(snapshot).items():
        limits = VARIABLES[name].limits
        present = name in snapshot.fresh or name in snapshot.unusable
        reckoned = isinstance(item, Reading) and origin(item, snapshot)
        if present or reckoned or not any(limits):
            continue
        found = passed(item, snapshot, certain(item))
        if found and found[0] == "critical":
            words = f" ({found[1]})", "; no newer value"
            source = VARIABLES[name].limits_source
            yield about("critical", "unanswered", item, snapshot, words, source)


def _passed_over(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield that values were left out that may say something of this patient now; silence would say
    that all was read. Dated in the future they are, with a wrong time zone, the newest there are.
    """
    for level, words, reasons in PASSED_OVER:
        labels = [left.label for left in snapshot.chart.left_out if left.reason in reasons]
        if labels:
            more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
            sentence = f"{words}: {labels[0]}{more}."
            yield Finding(level, "incomplete", None, None, labels[0], None, sentence, CHART)


def _newest(snapshot: Snapshot) -> dict[str, Reading | Unusable]:
    found: dict[str, Reading | Unusable] = dict(snapshot.latest)
    for item in sorted(snapshot.chart.unusable, key=lambda one: one.time):
        if item.time <= snapshot.at and (
            item.variable not in found or item.time > found[item.variable].time
        ):
            found[item.variable] = item
    return found


def _grade(score: Score) -> int:
    return LEVELS.index(least_response(score).level)


def _said(part: Part) -> str:
    return f"{part.label} {part.value}"


def _present(score: Score) -> str:
    return f"now {score.figure}" if score.known else "now not known"


def _age(time: datetime, at: datetime) -> str:
    return age((at - time) / timedelta(hours=1))
