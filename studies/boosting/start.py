"""Turns a released version into the trees that a model of another outcome begins with.

A hospital with few patients learns little of what a low pressure means from these alone. The
version's score, brought to the new outcome's log-odds by a line, is where its own trees begin.
"""

from dataclasses import dataclass

import lightgbm
import numpy as np

from models.fitted.booster import ModelError
from models.fitted.model import Model, ModelId
from models.fitted.registry import recorded
from studies.boosting.bounds import directions
from studies.validation.calibration import logistic


@dataclass(frozen=True)
class Start:
    """A version to start from, with its trees as LightGBM's text and what it sees of a row."""

    id: ModelId
    text: str
    features: tuple[str, ...]

    @property
    def spreads(self) -> tuple[str, ...]:
        """Return the vital signs whose spread it sees."""
        found = (name.partition(".spread48") for name in self.features)
        return tuple(variable for variable, kind, _ in found if kind)

    def booster(self, x: np.ndarray, event: np.ndarray, weight: np.ndarray) -> lightgbm.Booster:
        """Return its trees with a score in log-odds of `event`; `x` holds rows as it sees them.

        Raises ModelError where its score does not rise with the outcome.
        """
        found = lightgbm.Booster(model_str=self.text)
        raw = found.predict(x, raw_score=True, num_threads=1)
        line = np.column_stack([np.ones(len(raw)), raw])
        intercept, slope = logistic(line, weight, weight * event)
        if not slope > 0:
            raise ModelError(
                f"The outcomes do not rise with the score of {self.id.name}/{self.id.version}: "
                "train without --from."
            )
        return _moved(found, float(intercept), float(slope))


def start_of(written: str) -> Start:
    """Return a shipped version by its name, `deterioration/0.5.0`.

    Raises ModelError when it is not there, or sees other features than are made now.
    """
    name, _, version = written.partition("/")
    if not version:
        raise ModelError(
            f"--from is {written!r}; allowed is a version such as deterioration/0.5.0."
        )
    model: Model = recorded([(name, version)])[0]
    start = Start(model.id, model.text, model.features)
    if start.features != tuple(directions(start.spreads)):
        raise ModelError(
            f"{written} sees other features than a model that is made now: start from a newer one."
        )
    return start


def _moved(booster: lightgbm.Booster, intercept: float, slope: float) -> lightgbm.Booster:
    """Return a booster of the score times the slope plus the intercept, which its first tree adds:
    TreeSHAP stays exact.
    """
    for tree, leaves in enumerate(one["num_leaves"] for one in booster.dump_model()["tree_info"]):
        for leaf in range(leaves):
            value = booster.get_leaf_output(tree, leaf) * slope
            booster.set_leaf_output(tree, leaf, value if tree else value + intercept)
    return booster
