"""Turns assessments into the rows of a list: one a patient, the gravest first, then the newest."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from models.certainty import Certainty, band_words
from models.findings.finding import LEVELS
from models.fitted.registry import Model
from models.patient.chart import Chart
from models.patient.inputs import percent
from models.patient.printing import age
from smartapp.patients.assessed import Assessed
from smartapp.patients.sparkline import Sparkline, sparkline
from smartapp.record import Person

# So far back a list looks.
HOURS = 12
# Why there is no number, by the status of an assessment.
WITHOUT = {
    "insufficient": "not enough data",
    "age unknown": "age not known",
    "child": "a child",
    "stale": "data too old",
    "unusable": "vital signs can't be used as charted",
    "deceased": "the patient has died",
    "unread": "not read in full",
    "withheld": "withheld under a study protocol",
}
# Findings that stand in a row by their own number, and words before those that need some.
OWN_PLACE = {"news2", "risk", "course"}
BEFORE = {"overdue": "observations overdue: ", "unread": "not read: ", "partial": "read in part: "}
MOST_SAID = 3


class Outcome(NamedTuple):
    """What is said of a model's outcome."""

    label: str
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One patient as last assessed at `at` (aware UTC); `said` is what beside risk and NEWS2 made
    it urgent, `why` says why there is no `figure`.

    `points` (of 100) and `news2_change` are against the assessment before, None where there is none
    or one of both had no certain number. `data_age` is the age of the newest value now, empty where
    there is none. `given` is what became of the card. `person` is None where no name may be read.
    """

    patient: str
    age_years: int | None
    sex: str | None
    level: str
    said: tuple[str, ...]
    figure: str | None
    band: str | None
    label: str
    interval: str | None
    why: str
    points: int | None
    news2: str
    news2_change: int | None
    data_age: str
    data_time: datetime | None
    at: datetime
    given: str
    times: int
    spark: Sparkline | None
    person: Person | None = None


def outcomes(models: Iterable[Model]) -> dict[str, Outcome]:
    """Return the words of each outcome of the models that serve."""
    facts = [model.manifest for model in models]
    return {one["outcome"]: Outcome(one["label"], one["thresholds"]["high"]) for one in facts}


def rows(
    found: Iterable[Assessed],
    now: datetime,
    words: Mapping[str, Outcome],
    hidden: Callable[[Assessed], bool],
) -> list[Row]:
    """Return a row for each patient of some assessments, which come newest first.

    Of a patient of whom `hidden` tells so what the models say is left out, of all assessments.
    """
    by_patient = defaultdict[str, list[Assessed]](list)
    for one in found:
        by_patient[one.patient].append(one)
    made = []
    for theirs in by_patient.values():
        if any(map(hidden, theirs)):
            theirs = [one.without_models() for one in theirs]
        made.append(_row(theirs, now, words))
    return ordered(made)


def ordered(made: Iterable[Row]) -> list[Row]:
    """Return rows by level, the gravest first, then by time, the newest first."""
    newest = sorted(made, key=lambda row: row.at, reverse=True)
    return sorted(newest, key=lambda row: LEVELS.index(row.level), reverse=True)


def _row(of: Sequence[Assessed], now: datetime, words: Mapping[str, Outcome]) -> Row:
    last, before = of[0], of[1] if len(of) > 1 else None
    risk = last.lead
    word = words.get(risk.outcome) if risk else None
    interval = Certainty(*risk.interval, False, ()).text if risk and risk.interval else None
    who = Chart(last.patient, last.chart.birth_date, last.chart.sex, False, (), {})
    old = (now - last.data_time).total_seconds() / 3600 if last.data_time else None
    return Row(
        last.patient,
        who.age(now),
        who.sex,
        last.level,
        _said(last),
        (percent(risk.probability) if risk.sure else interval) if risk else None,
        band_words(risk.band) if risk else None,
        (word.label if word else risk.outcome) if risk else "",
        interval if risk and risk.sure else None,
        "" if risk else WITHOUT.get(last.status, "the score was unavailable"),
        _points(last, before),
        _news2(last),
        _news2_change(last, before),
        age(old),
        last.data_time,
        last.at,
        _given(last),
        len(of),
        sparkline(of, now, HOURS, word.high if word else None),
    )


def _said(of: Assessed) -> tuple[str, ...]:
    """Return what beside risk and NEWS2 made the level, the gravest first."""
    grave = [found for found in of.findings if found[0] != LEVELS[0] and found[1] not in OWN_PLACE]
    words = [f"{BEFORE.get(kind, '')}{written}" for _, kind, _, written in grave]
    more = len(words) - MOST_SAID
    return (*words[:MOST_SAID], *([f"{more} more"] if more > 0 else ()))


def _points(last: Assessed, before: Assessed | None) -> int | None:
    """Return by how many percentage points the leading risk has changed."""
    now, earlier = last.lead, before.risks if before else ()
    then = next((risk for risk in earlier if now and risk.outcome == now.outcome), None)
    if now is None or then is None or not (now.sure and then.sure):
        return None
    return round(100 * now.probability) - round(100 * then.probability)


def _news2(of: Assessed) -> str:
    total, low, high = (of.news2.get(name) for name in ("total", "low", "high"))
    if total is not None:
        return str(total)
    return "not known" if low is None or (low, high) == (0, 20) else f"{low} to {high}"


def _news2_change(last: Assessed, before: Assessed | None) -> int | None:
    now, then = last.news2.get("total"), before.news2.get("total") if before else None
    return None if now is None or then is None else now - then


def _given(of: Assessed) -> str:
    if of.type == "page":
        return "this page was opened"
    if of.type == "listed":
        return "assessed from a list"
    if not of.shown:
        return f"card held back: {of.delivery}"
    return "one line shown" if of.form == "line" else "card shown"
