"""Tells which way a risk goes in six hours, on what was known at both times.

A risk moves because the patient does, or because more is known of them: a normal patient was
"falling" when laboratory values arrived. So both rows are cut to the features that both have before
they are compared, and what is new since is named beside the older figure.
"""

from typing import NamedTuple

from models.answerable import CORE, CORE_NEEDED
from models.fitted.model import Model, sigmoid
from models.patient.features import FeatureRow
from models.patient.vocabulary import VARIABLES

STEADY_LOG_ODDS = 0.25
STEADY_POINTS = 0.01


class Scene(NamedTuple):
    """A row of a moment, and what the model sees of it."""

    row: FeatureRow
    seen: list[float | None]


def trend(model: Model, now: Scene, before: Scene) -> str | None:
    """Return "rising", "falling" or "steady"; None where too few vital signs are in both rows.

    A change counts if it is one in log-odds and one in percentage points.
    """
    known = [name for name in CORE if None not in (now.row[name], before.row[name])]
    if len(known) < CORE_NEEDED:
        return None
    after, first = _score(model, now.seen, before.seen), _score(model, before.seen, now.seen)
    change, points = after - first, sigmoid(after) - sigmoid(first)
    if abs(change) < STEADY_LOG_ODDS or abs(points) < STEADY_POINTS:
        return "steady"
    return "rising" if change > 0 else "falling"


def new_since(model: Model, now: FeatureRow, before: FeatureRow) -> tuple[str, ...]:
    """Return the labels of the model's variables that are known now and were not then."""
    names = dict.fromkeys(name for name in model.variables if name in VARIABLES)
    return tuple(
        VARIABLES[name].label for name in names if now[name] is not None and before[name] is None
    )


def _score(model: Model, seen: list[float | None], other: list[float | None]) -> float:
    """Return the calibrated score of what the model sees in both rows, with the values of the
    first.
    """
    both = [None if there is None else here for here, there in zip(seen, other, strict=True)]
    return model.calibrated(model.predictor.score(both))
