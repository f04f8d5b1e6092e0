"""Tells what one result more would do to a risk: how far the risk could go, and what would be left
of its interval.

A variable that is not known is given values, and the hypothetical chart of each is scored as any
other. How far the risk could go is told over all that the model has seen. What is left of the
interval is the mean over the nine values that part the patients of the training into tenths: each
is as likely as the others in them.

It says what the model would know, in patients like those of its training. It is no advice to draw
blood: nothing here weighs what a result is good for, or what it costs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from models.certainty import Certainty
from models.course import row_at, scene, scored
from models.fitted.model import Model, ModelId, sigmoid
from models.patient.chart import Chart
from models.patient.features import feature_row
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.patient.vocabulary import VARIABLES
from models.supposing.hypothetical import AMOUNT_HOURS, hypothetical

# So many variables are tried at most, the weightiest for a model; each costs a dozen charts.
MOST = 8
# A narrowing by less than this, as a probability, is none that anybody would see.
LEAST_NARROWING = 0.005
Interval = tuple[float, float]
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What knowing one variable would do to one risk.

    The risk (a probability) would lie from `least` to `most`, by a value from `low` to `high` in
    the variable's own unit. `now` is the interval as it is, `after` what would be left of it on
    average.
    """

    variable: str
    low: float
    high: float
    least: float
    most: float
    now: Interval
    after: Interval

    @property
    def narrows(self) -> float:
        """Return by how much the interval would be narrower; below 0 it would be wider."""
        return (self.now[1] - self.now[0]) - (self.after[1] - self.after[0])

    @property
    def moves(self) -> float:
        """Return how far apart the least and the greatest risk are."""
        return self.most - self.least


def narrowings(
    chart: Chart, at: datetime, models: Iterable[Model]
) -> dict[ModelId, tuple[Narrowing, ...]]:
    """Return for each model what knowing each variable that it lacks at `at` would do; first what
    would narrow the interval most.

    Missing: every model where no number is due, and one that does not say what it has seen. Urine
    is left out: it is gathered over hours, and no result of a moment. Of what the chart gives only
    a bound (> 5) no value beyond it is tried; where none is left that the model has seen, it is
    left out, too.
    """
    snapshot = snapshot_at(series(chart), at)
    row = row_at(snapshot)
    if row is None:
        return {}
    unknown = {name for name in row if row[name] is None}
    certain = {name: item.certain for name, item in snapshot.unusable.items()}
    return {
        model.id: _of_model(chart, at, model, unknown, certain)
        for model in models
        if model.manifest.get("certainty")
    }


def narrowest(items: Sequence[Narrowing]) -> Narrowing | None:
    """Return what would narrow an interval most; None where nothing does so visibly."""
    return next((item for item in items if item.narrows >= LEAST_NARROWING), None)


def farthest(items: Sequence[Narrowing]) -> Narrowing | None:
    """Return what could move a risk most; None where nothing is missing."""
    return max(items, key=lambda item: item.moves, default=None)


def _of_model(
    chart: Chart, at: datetime, model: Model, unknown: set[str], certain: Mapping[str, Bounds]
) -> tuple[Narrowing, ...]:
    shares, seen = (model.manifest["certainty"][facts] for facts in ("evidence", "seen"))
    bounds = {name: certain.get(name, (None, None)) for name in seen}
    spans = {name: span for name in seen if (span := _within(seen[name], bounds[name]))}
    tenths = {
        name: facts["edges"]
        for name, facts in model.manifest.get("inputs", {}).items()
        if name in unknown & spans.keys() - AMOUNT_HOURS.keys() and facts["edges"]
    }
    lacking = sorted(shares.keys() & tenths.keys(), key=lambda name: -shares[name])[:MOST]
    now = _interval(_scored(chart, at, model))
    found = [_narrowing(chart, at, model, name, tenths[name], now, spans[name]) for name in lacking]
    return tuple(sorted(found, key=lambda one: -one.narrows))


def _within(span: Interval, bounds: Bounds) -> Interval | None:
    """Return what of a span lies within bounds; None where nothing does."""
    (low, high), (least, greatest) = span, bounds
    first = low if least is None else max(low, least)
    last = high if greatest is None else min(high, greatest)
    return (first, last) if first <= last else None


def _narrowing(
    chart: Chart,
    at: datetime,
    model: Model,
    name: str,
    tenths: Sequence[float],
    now: Interval,
    span: Interval,
) -> Narrowing:
    low, high = span
    normal = VARIABLES[name].normal
    tried = {low, high, *tenths} | ({normal} if normal is not None else set())
    told = {
        value: _scored(hypothetical(chart, at, {name: value}), at, model)
        for value in sorted(tried)
        if low <= value <= high
    }
    risks = [sigmoid(score) for score, _ in told.values()]
    likely = [value for value in tenths if value in told] or [low, high]
    spans = [_interval(told[value]) for value in likely]
    after = fmean(first for first, _ in spans), fmean(last for _, last in spans)
    return Narrowing(name, low, high, min(risks), max(risks), now, after)


def _scored(chart: Chart, at: datetime, model: Model) -> tuple[float, Certainty]:
    """Return the log-odds and certainty of a chart for which a number is due."""
    row = feature_row(snapshot_at(series(chart), at))
    score, sure = scored(scene(model, row), model)
    assert sure is not None
    return score, sure


def _interval(told: tuple[float, Certainty]) -> Interval:
    return told[1].low, told[1].high
