"""Collects what is urgent in a chart at a moment, as findings; the gravest one's level is the
card's.

A finding can raise the level, and nothing lowers it: each stands for itself, and what one of them
says takes nothing from another.
"""

from collections.abc import Iterable, Iterator

from models.findings.finding import LEVELS, Finding
from models.findings.limits import laboratory
from models.findings.overdue import overdue
from models.findings.partial import partly_read
from models.findings.response import LEAST, least_response
from models.findings.vitals import NEWS2, doubtful, single, unusable
from models.patient.coverage import unread
from models.patient.news2 import Score, adult_news2
from models.patient.snapshot import UNREAD, Snapshot
from models.patient.vocabulary import VARIABLES

MERGED = "record merged into another"
REPLACED = "The EHR merged this patient record into another one, where newer values may stand."


def findings(
    snapshot: Snapshot,
    score: Score,
    risks: Iterable[Finding],
    overdue_factor: float,
    answers: Iterable[Finding] = (),
) -> tuple[Finding, ...]:
    """Return all findings, the gravest first; of one level what is nearest to the bedside leads.

    `answers` are those to a question that was asked. Of the dead there are none. Where the age is
    not known, single parameters count as in an adult: NEWS2 is not given then, but what would be
    urgent in an adult is not passed over.
    """
    if snapshot.chart.deceased:
        return ()
    seen_as = adult_news2(snapshot) if snapshot.age is None else score
    doubts = list(doubtful(snapshot, seen_as))
    reds = list(single(snapshot, seen_as, {doubt.variable for doubt in doubts}))
    odd, whole = [doubt for doubt in doubts if doubt.kind != "zero"], list(_news2(score))
    labs = list(laboratory(snapshot))
    named = {finding.variable for finding in (*doubts, *reds, *labs)}
    late = overdue(snapshot, overdue_factor)
    found = [
        *(doubt for doubt in doubts if doubt.kind == "zero"),
        *(whole + odd + reds if score.low >= LEAST["5-6"] else odd + reds + whole),
        *labs,
        *unusable(snapshot, seen_as, named),
        *partly_read(snapshot),
        *_unread(snapshot),
        *_replaced(snapshot),
        *_conflicts(snapshot),
        *risks,
        *answers,
        *([late] if late else ()),
    ]
    return tuple(sorted(found, key=lambda finding: -LEVELS.index(finding.level)))


def _news2(score: Score) -> Iterator[Finding]:
    """Yield the finding of a NEWS2 by the points that are certain, if anything is known of it."""
    if score.known:
        row = least_response(score)
        sentence = f"{score.words}: {row.asks}." if row.asks else f"{score.text}."
        value = None if score.total is None else float(score.total)
        yield Finding(row.level, "news2", None, value, score.words, None, sentence, NEWS2)


def _unread(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a finding for each part that could not be read in full: a warning where a newest vital
    sign may stand in what is lacking, as it may be grave.
    """
    for part, sentence in unread(snapshot.chart, snapshot.at).items():
        blind = part == "vitals" and any(
            state == UNREAD and VARIABLES[name].sign for name, state in snapshot.unknown.items()
        )
        level = "warning" if blind else "info"
        yield Finding(level, "unread", None, None, part, None, sentence, "coverage of the chart")


def _replaced(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a warning where this is no longer the patient's record: what is newest may stand in
    the other one.
    """
    if snapshot.chart.replaced:
        yield Finding("warning", "replaced", None, None, MERGED, None, REPLACED, "Patient.link")


def _conflicts(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a finding for each pair of newest values that say two things; how urgent that is, the
    graver one says for itself.
    """
    for found in snapshot.conflicts:
        name = found.variable
        yield Finding(
            "info", "conflict", name, None, name, found.time, found.sentence, "the graver counts"
        )
