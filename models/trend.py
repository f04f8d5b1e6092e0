"""Tells which way a risk goes in six hours, on what was known at both times.

A risk moves because the patient does, or because more is known of them: a normal patient was
"falling" when laboratory values arrived. So both rows are cut to the features that both have before
they are compared, and what is new since is named beside the older figure.
"""

from collections.abc import Mapping

from models.answerable import CORE, CORE_NEEDED
from models.fitted.model import Model, sigmoid
from models.patient.features import FeatureRow
from models.patient.vocabulary import VARIABLES

STEADY_LOG_ODDS = 0.25
STEADY_POINTS = 0.01


def trend(model: Model, now: FeatureRow, before: FeatureRow) -> str | None:
    """Return "rising", "falling" or "steady"; None where too few vital signs are in both rows.

    A change counts if it is one in log-odds and one in percentage points.
    """
    if sum(now[name] is not None and before[name] is not None for name in CORE) < CORE_NEEDED:
        return None
    after, first = _score(model, now, before), _score(model, before, now)
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


def _score(model: Model, row: FeatureRow, other: Mapping[str, float | None]) -> float:
    """Return the calibrated score of what both rows know, with the values of the first."""
    both = {name: value if other[name] is not None else None for name, value in row.items()}
    return model.calibrated(model.predictor.score(model.seen(both)))
