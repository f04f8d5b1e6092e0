"""Follows a risk through the hours: its course, and whether it is on its way down."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.answerable import answerable
from models.certainty import INDETERMINATE, Certainty, certainty
from models.findings.finding import Finding
from models.fitted.model import Model, sigmoid
from models.patient.conflicts import undecided
from models.patient.features import FeatureRow, feature_row
from models.patient.inputs import percent
from models.patient.printing import age
from models.patient.series import Series, series
from models.patient.snapshot import Snapshot, snapshot_at
from models.trend import Scene, trend

DAY_HOURS, COURSE_HOURS = 24, 48


class Hour(NamedTuple):
    """The risk at one hour (aware UTC): `probability` where a band can be told, `unsure` where only
    an interval can be given; neither where no number is due.
    """

    time: datetime
    probability: float | None
    unsure: Certainty | None


class Moment(NamedTuple):
    """What was known at one hour; `row` is None where no number is due then."""

    snapshot: Snapshot
    row: FeatureRow | None


def hourly(readings: Series, at: datetime, hours: int = COURSE_HOURS) -> list[Snapshot]:
    """Return what was known hour by hour up to `at`: made once, for every model and for NEWS2.

    Shape: hours + 1 items, oldest first. Time: a reading counts from its own time, not from when it
    was filed, and decides nothing before.
    """
    times = [at - timedelta(hours=back) for back in range(hours, -1, -1)]
    return [snapshot_at(_until(readings, time), time) for time in times]


def _until(readings: Series, at: datetime) -> Series:
    chart = readings.chart
    return series(chart.until(at)) if undecided(chart.readings, at) else readings


def moments(known: Iterable[Snapshot]) -> list[Moment]:
    """Return what a model is given of each of some snapshots."""
    return [Moment(snapshot, row_at(snapshot)) for snapshot in known]


def course(known: Sequence[Moment], model: Model) -> list[Hour]:
    """Return the risk at each of some moments, from what was known then."""
    return [
        Hour(snapshot.at, *told(scene(model, row) if row else None, model))
        for snapshot, row in known
    ]


def row_at(snapshot: Snapshot) -> FeatureRow | None:
    """Return the feature row of a moment, or None when no number is due then."""
    return feature_row(snapshot) if answerable(snapshot)[0] == "scored" else None


def scene(model: Model, row: FeatureRow) -> Scene:
    """Return a row of a moment with what the model sees of it."""
    return Scene(row, model.seen(row))


def told(seen: Scene | None, model: Model) -> tuple[float | None, Certainty | None]:
    """Return the calibrated risk, or where no band can be told its certainty; neither where there
    is no row.
    """
    if seen is None:
        return None, None
    score, sure = scored(seen, model)
    return (None, sure) if sure and sure.indeterminate else (sigmoid(score), None)


def scored(seen: Scene, model: Model) -> tuple[float, Certainty | None]:
    """Return the calibrated log-odds of a row, and how certain they are."""
    raw = model.predictor.score(seen.seen)
    return model.calibrated(raw), certainty(model, seen.row, raw)


def not_falling(day: Sequence[Moment], model: Model) -> Finding | None:
    """Return the finding that a risk is above the low band and not falling since the first hour of
    a day, or that it was high within that day; None where neither holds or no number is due.

    A risk without a figure of a day ago, or whose way can't be told, is not known to fall.
    """
    *before, now = course(day, model)
    if now.probability is None and now.unsure is None:
        return None
    label = model.manifest["label"]
    band = INDETERMINATE if now.probability is None else model.band(now.probability)
    if band != "low":
        way = _way(day, model)
        words = f"{way} over a day" if way else "not known to fall"
        sentence = f"Risk of {label} {words}: {_figure(now)}{_then(before[0])}."
        return None if way == "falling" else _course(sentence, now, model)
    known = [hour for hour in before if hour.probability is not None]
    peak = max(known, key=lambda hour: hour.probability or 0.0, default=now)
    if model.band(peak.probability or 0.0) != "high":
        return None
    ago = age((now.time - peak.time) / timedelta(hours=1))
    sentence = f"Risk of {label} was {_figure(peak)} (high) {ago} ago, now {_figure(now)}."
    return _course(sentence, now, model)


def _course(sentence: str, now: Hour, model: Model) -> Finding:
    source = f"model {model.id.name} {model.id.version}"
    return Finding("warning", "course", None, now.probability, _figure(now), None, sentence, source)


def _way(day: Sequence[Moment], model: Model) -> str | None:
    """Return which way a risk went in a day; None where that can't be told."""
    first, last = day[0].row, day[-1].row
    return trend(model, scene(model, last), scene(model, first)) if first and last else None


def _then(hour: Hour) -> str:
    known = hour.probability is not None or hour.unsure is not None
    return f", a day ago {_figure(hour)}" if known else ""


def _figure(hour: Hour) -> str:
    return hour.unsure.text if hour.unsure else percent(hour.probability or 0.0)
