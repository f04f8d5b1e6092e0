"""Turns the last assessments of a chart into a small line: one scale for all charts of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.patient.inputs import percent
from smartapp.patients.assessed import Assessed
from smartapp.plots.axes import Scale, hours_before, lines, time_scale

WIDTH, HEIGHT, EDGE = 120, 28, 4
HIGHEST_NEWS2 = 20.0
# Seven points and more are what NEWS2 calls high.
HIGH_NEWS2 = 7.0


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`threshold` is where the high band begins; `values` tells in words what is drawn, with its
    times, for who does not see it.
    """

    of: str
    lines: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    threshold: float | None
    values: tuple[tuple[datetime, str], ...]


def sparkline(
    of: Sequence[Assessed], now: datetime, hours: int, high: float | None
) -> Sparkline | None:
    """Return the course of the leading risk over some assessments, newest first, or of NEWS2 where
    fewer than two have a number; None where there is neither.

    `high` is from where on that risk is high. An assessment without a number is a gap.
    """
    if lead := next((one.lead for one in of if one.lead), None):
        risks = [_of(one, lead.outcome) for one in reversed(of)]
        if sum(value is not None for value in risks) > 1:
            top = max([*(value for value in risks if value is not None), 1.5 * (high or 0.0), 0.01])
            words = [percent(value) if value is not None else "no number" for value in risks]
            return _drawn("risk", of, risks, words, top, high, now, hours)
    scores = [one.news2.get("total") for one in reversed(of)]
    if sum(score is not None for score in scores) < 2:
        return None
    floats = [None if score is None else float(score) for score in scores]
    words = ["not certain" if score is None else f"{score}" for score in scores]
    return _drawn("NEWS2", of, floats, words, HIGHEST_NEWS2, HIGH_NEWS2, now, hours)


def _of(assessed: Assessed, outcome: str) -> float | None:
    risks = (risk for risk in assessed.risks if risk.outcome == outcome and risk.sure)
    return next((risk.probability for risk in risks), None)


def _drawn(
    name: str,
    of: Sequence[Assessed],
    values: Sequence[float | None],
    words: Sequence[str],
    top: float,
    high: float | None,
    now: datetime,
    hours: int,
) -> Sparkline:
    x = time_scale(now, hours, EDGE, WIDTH - EDGE)
    y = Scale(0.0, top, HEIGHT - EDGE, EDGE)
    times = [one.at for one in reversed(of)]
    places = [
        None if value is None else (x(hours_before(time, now)), y(value))
        for time, value in zip(times, values, strict=True)
    ]
    return Sparkline(
        name,
        lines(places),
        tuple(place for place in places if place),
        y(high) if high else None,
        tuple(zip(times, words, strict=True)),
    )
