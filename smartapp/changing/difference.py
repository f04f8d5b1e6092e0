"""Turns two Assessments of a patient into what differs: each outcome's risk, NEWS2, findings, and
values.

Nothing that went is told as better unless a newer value says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from models.assess import Assessment, Risk
from models.certainty import INDETERMINATE
from models.explanation import Explanation
from models.findings.finding import LEVELS, Finding
from models.patient.inputs import NOT_IN_MODEL, Input
from models.patient.news2 import Score
from models.withheld import OF_MODELS
from smartapp.plots.waterfall import Waterfall, waterfall

# The score and its parts stand in a table of their own, and how late a set is passes with time.
ELSEWHERE = OF_MODELS | {"news2", "to chart"}
# Bars of a difference; a table beside them has all.
MOST = 6
UNKNOWN = ("missing", "stale", "unread", "unusable")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome then and now: its figures and bands, None where no number could be given;
    `risk` is the later one with the difference as its explanation, where there are both.
    """

    key: str
    label: str
    then: str | None
    now: str | None
    band_then: str | None
    band_now: str | None
    risk: Risk | None = None
    waterfall: Waterfall | None = None

    @property
    def explanation(self) -> Explanation | None:
        """Return how the one became the other."""
        return self.risk.explanation if self.risk else None

    @property
    def unsure(self) -> bool:
        """Tell whether a figure is an interval, so that points are between best estimates."""
        return INDETERMINATE in (self.band_then, self.band_now)


class Sign(NamedTuple):
    """A finding that came, went, or changed its level; levels are None where it was not there.

    `now` is the input of its variable now, None where it is not about one; `known` tells whether a
    newer value that can be used stands against the earlier one.
    """

    sentence: str
    written: str
    level_then: str | None
    level_now: str | None
    now: Input | None
    known: bool


class Value(NamedTuple):
    """A variable that has another value, or another state, than then: both as the chart has them.

    `came` is how many new readings there are, `late` whether one of them was taken before.
    """

    label: str
    then: Input
    now: Input
    came: int
    late: bool
    level: str | None

    @property
    def lost(self) -> bool:
        """Tell whether it was known then and is not now."""
        return known(self.then) and not known(self.now)


class Points(NamedTuple):
    """A part of NEWS2 with other points than then; None where they can't be told."""

    label: str
    then: int | None
    now: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two moments; `worse` holds findings that came or became graver,
    `eased` those that went or became less grave, the gravest first.
    """

    then: Assessment
    now: Assessment
    outcomes: tuple[Outcome, ...]
    points: tuple[Points, ...]
    worse: tuple[Sign, ...]
    eased: tuple[Sign, ...]
    values: tuple[Value, ...]
    learned: tuple[str, ...]
    lost: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def news2(self) -> tuple[str, str]:
        """Return NEWS2 then and now."""
        return score_text(self.then.news2), score_text(self.now.news2)


def difference(then: Assessment, now: Assessment, new: dict[str, list[datetime]]) -> Difference:
    """Return what differs; `new` holds by variable the times of the readings that were not known
    then.
    """
    before = {item.variable: item for item in then.inputs}
    pairs = [(before[item.variable], item) for item in now.inputs if item.variable in before]
    worse, eased = _signs(then, now)
    return Difference(
        then,
        now,
        tuple(_outcomes(then, now)),
        tuple(_points(then.news2, now.news2)),
        worse,
        eased,
        tuple(_values(pairs, new, then, now)),
        tuple(b.label for a, b in pairs if known(b) and not known(a)),
        tuple(b.label for a, b in pairs if known(a) and not known(b)),
        tuple(b.label for a, b in pairs if not known(a) and not known(b)),
    )


def known(item: Input) -> bool:
    """Tell whether an input has a value that can be used, or a sister that stands for it; what no
    model goes by is not known without one either.
    """
    return item.state not in UNKNOWN and (item.value is not None or item.state != NOT_IN_MODEL)


def told(item: Input) -> tuple[object, ...]:
    """Return what makes an input the same one: an undated value, which can't be used, stands at the
    moment of reading, so that its time says nothing.
    """
    time = None if item.state == "unusable" else item.time
    return item.value, item.display, item.source, time


def score_text(score: Score) -> str:
    """Return a NEWS2 in figures: a range where parts are not known."""
    if not score.known:
        return "not given"
    return f"{score.low} to {score.high}" if score.total is None else str(score.total)


def _outcomes(then: Assessment, now: Assessment) -> Iterator[Outcome]:
    before = {risk.model: risk for risk in then.risks}
    after = {risk.model: risk for risk in now.risks}
    for n, model in enumerate({**after, **before}, 1):
        first, last = before.get(model), after.get(model)
        told = last or first
        if told is None:
            continue
        found = Outcome(
            f"change-{n}",
            told.label,
            first.figure if first else None,
            last.figure if last else None,
            first.band if first else None,
            last.band if last else None,
        )
        if first and last:
            explanation = last.since(first)
            risk = replace(last, explain=partial(_same, explanation))
            found = replace(found, risk=risk, waterfall=waterfall(risk, MOST))
        yield found


def _same(explanation: Explanation) -> Explanation:
    return explanation


def _points(then: Score, now: Score) -> Iterator[Points]:
    before = {part.name: part for part in then.parts}
    for part in now.parts:
        first = before.get(part.name)
        if first and first.points != part.points:
            yield Points(part.label, first.points, part.points)


def _signs(then: Assessment, now: Assessment) -> tuple[tuple[Sign, ...], tuple[Sign, ...]]:
    first, last = _urgent(then), _urgent(now)
    inputs = {item.variable: item for item in now.inputs}
    before = {item.variable: item for item in then.inputs}
    worse: list[Sign] = []
    eased: list[Sign] = []
    for name in {**last, **first}:
        was, is_now = first.get(name), last.get(name)
        finding = is_now or was
        levels = [LEVELS.index(found.level) if found else 0 for found in (was, is_now)]
        if finding is None or levels[0] == levels[1]:
            continue
        own = inputs.get(finding.variable or "")
        earlier = before.get(finding.variable or "")
        newer = bool(own and earlier and known(own) and told(own) != told(earlier))
        sign = Sign(
            finding.sentence,
            finding.written,
            was.level if was else None,
            is_now.level if is_now else None,
            own,
            newer or finding.variable is None,
        )
        (worse if levels[1] > levels[0] else eased).append(sign)
    worse.sort(key=lambda sign: -LEVELS.index(sign.level_now or LEVELS[0]))
    eased.sort(key=lambda sign: -LEVELS.index(sign.level_then or LEVELS[0]))
    return tuple(worse), tuple(eased)


def _urgent(found: Assessment) -> dict[tuple[str, str], Finding]:
    """Return the findings above info, each by its kind and what it is about."""
    return {
        (one.kind, one.variable or (one.written if one.kind == "unread" else "")): one
        for one in reversed(found.findings)
        if one.kind not in ELSEWHERE and one.level != LEVELS[0]
    }


def _values(
    pairs: list[tuple[Input, Input]],
    new: dict[str, list[datetime]],
    then: Assessment,
    now: Assessment,
) -> Iterator[Value]:
    levels = {one.variable: one.level for one in reversed(now.findings)}
    for first, last in pairs:
        if told(first) == told(last) and known(first) == known(last):
            continue
        times = new.get(last.variable, [])
        late = any(time <= then.at for time in times)
        yield Value(last.label, first, last, len(times), late, levels.get(last.variable))
