"""Turns a real and a hypothetical Assessment into what the second says otherwise."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.assess import Assessment, Risk
from models.certainty import band_words
from models.findings.finding import Finding
from models.patient.chart import Reading, Unusable
from models.patient.inputs import Input, percent
from models.patient.printing import both_units, display
from models.patient.series import SPOKEN_BY
from models.patient.vocabulary import VARIABLES
from models.supposing.hypothetical import Values
from smartapp.plots.news2 import news2_strip
from smartapp.plots.waterfall import Waterfall, waterfall

MEAN = "mean_pressure"
# What has a place of its own beside the findings, or says nothing of the values.
ELSEWHERE = {"risk", "news2", "unread"}
MOST_BARS = 7


@dataclass(frozen=True, slots=True)
class Tried:
    """One outcome's hypothetical risk beside the real one, None where there is none; `points` is
    the difference in percentage points as both are printed. `key` begins its ids.
    """

    key: str
    risk: Risk
    band: str
    real: Risk | None
    points: str
    waterfall: Waterfall


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part of NEWS2: what it has and had; points are None where they can't be told."""

    label: str
    value: str | None
    points: int | None
    before: int | None

    @property
    def differs(self) -> bool:
        """Tell whether its points are others."""
        return self.points != self.before


@dataclass(frozen=True, slots=True)
class Follows:
    """A value that nobody gave: it `made` itself of what was given, or stays as it was though one
    of two pressures was given.
    """

    item: Input
    made: bool


@dataclass(frozen=True, slots=True)
class Given:
    """A value that was tried, as it is printed ("" where it was taken away), and the real one."""

    item: Input
    text: str


@dataclass(frozen=True, slots=True)
class Way:
    """What the chart says of the same minutes and gives way to what is tried; `time` is None where
    the chart has no exact one.
    """

    label: str
    written: str
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a hypothetical chart is said to be: `comes` and `goes` are findings of it and of the
    real one alone, `ways` is what of the real one gives way.
    """

    given: tuple[Given, ...]
    real: Assessment
    tried: Assessment
    outcomes: tuple[Tried, ...]
    parts: tuple[PartRow, ...]
    comes: tuple[Finding, ...]
    goes: tuple[Finding, ...]
    follows: tuple[Follows, ...]
    ways: tuple[Way, ...]


def result(
    real: Assessment, tried: Assessment, values: Values, way: Iterable[Reading | Unusable] = ()
) -> Result:
    """Compare two assessments of one moment; `values` are what was tried in the second, `way` is
    what of the chart gave way to them.
    """
    before = {risk.outcome: risk for risk in real.risks}
    # In the order of the real ones, so that no box jumps under the hand that moves a slider.
    order = {outcome: place for place, outcome in enumerate(before)}
    risks = sorted(tried.risks, key=lambda risk: order.get(risk.outcome, len(order)))
    outcomes = tuple(
        _tried(f"if-{n}", risk, before.get(risk.outcome)) for n, risk in enumerate(risks, 1)
    )
    given = tuple(_given(item, values) for item in real.inputs if item.variable in values)
    return Result(
        given,
        real,
        tried,
        outcomes,
        _parts(real, tried),
        _alone(tried.findings, real.findings),
        _alone(real.findings, tried.findings),
        tuple(_follows(real, tried, set(values))),
        tuple(map(_way, way)),
    )


def _way(item: Reading | Unusable) -> Way:
    label = VARIABLES[item.variable].label
    if isinstance(item, Reading):
        return Way(label, both_units(item), item.time)
    return Way(label, item.written, item.time if item.exact else None)


def _given(item: Input, values: Values) -> Given:
    value = values[item.variable]
    return Given(item, "" if value is None else display(VARIABLES[item.variable], value))


def _tried(key: str, risk: Risk, real: Risk | None) -> Tried:
    points = difference(real.probability, risk.probability) if real else ""
    return Tried(key, risk, band_words(risk.band), real, points, waterfall(risk, MOST_BARS))


def difference(before: float, after: float) -> str:
    """Return the difference of two risks in percentage points, of the figures as they are printed:
    "+4", "−1.3", "0".
    """
    digits = 1 if all("." in percent(risk) for risk in (before, after)) else 0
    points = round(round(100 * after, digits) - round(100 * before, digits), digits)
    sign = "+" if points > 0 else "\N{MINUS SIGN}" if points < 0 else ""
    return f"{sign}{abs(points):.{digits}f}" if points else "0"


def _parts(real: Assessment, tried: Assessment) -> tuple[PartRow, ...]:
    rows = news2_strip(tried.news2, tried.inputs).rows
    return tuple(
        PartRow(row.label, row.value, row.points, part.points)
        for row, part in zip(rows, real.news2.parts, strict=True)
    )


def _alone(these: Sequence[Finding], those: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that only the first have: of another kind, variable or level."""
    known = {(one.kind, one.variable, one.level) for one in those}
    return tuple(
        one
        for one in these
        if one.kind not in ELSEWHERE and (one.kind, one.variable, one.level) not in known
    )


def _follows(real: Assessment, tried: Assessment, given: set[str]) -> Iterable[Follows]:
    for item in tried.inputs:
        if item.variable in given or not given & set(SPOKEN_BY.get(item.variable, ())):
            continue
        if item.origin and item.time == tried.at:
            yield Follows(item, True)
        elif item.variable == MEAN and item.value is not None:
            yield Follows(item, False)
