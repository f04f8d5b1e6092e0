"""Turns rows into a booster that is bound and knows what every ward knows: `Fitted`."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np

from models.fitted.model import logit
from models.patient.features import names, variable_of
from models.patient.sides import base, side
from studies.boosting.bounds import directions, normals
from studies.boosting.prior import plain, prior
from studies.training.recipes import Recipe
from studies.training.thinning import shown

SEED = 20261121
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.025, "num_leaves": 16, "max_depth": 5,
    "min_data_in_leaf": 300, "feature_fraction": 0.4, "bagging_fraction": 0.5, "bagging_freq": 1,
    "lambda_l2": 20.0, "max_bin": 127, "seed": SEED, "deterministic": True, "force_row_wise": True,
    "num_threads": 2, "verbosity": -1, "monotone_constraints_method": "intermediate",
}  # fmt: skip


@dataclass(frozen=True)
class Fitted:
    """A booster, which takes rows x features in the order of `names()` and sees them as its
    directions say.
    """

    booster: lightgbm.Booster
    features: tuple[str, ...]

    def raw(self, x: np.ndarray) -> np.ndarray:
        """Return the raw score of each row."""
        return np.asarray(self.booster.predict(self.seen(x), raw_score=True))

    def contributions(self, x: np.ndarray) -> np.ndarray:
        """Return the TreeSHAP values, rows x features, without the baseline."""
        return np.asarray(self.booster.predict(self.seen(x), pred_contrib=True))[:, :-1]

    def seen(self, x: np.ndarray) -> np.ndarray:
        """Return what the model sees of rows; NaN is missing."""
        return seen(x, self.features)


def seen(x: np.ndarray, features: Sequence[str]) -> np.ndarray:
    """Return rows in features; NaN is missing."""
    middles, columns = normals(), []
    for feature in features:
        value = x[:, names().index(base(feature))]
        if base(feature) != feature:
            name = variable_of(feature)
            value = side(feature, value, x[:, names().index(name)], middles[name])
        columns.append(value)
    return np.column_stack(columns)


def fit(x: np.ndarray, event: np.ndarray, weight: np.ndarray, recipe: Recipe) -> Fitted:
    """Fit one model, on full and on thinned rows, after the trees that are made by hand, or those
    of the version that the recipe starts from.
    """
    rows, events, weights = shown(x, event, weight, recipe.shown_again, SEED)
    ways = directions(recipe.spreads)
    features = list(ways)
    x = seen(rows, features)
    table = lightgbm.Dataset(
        x,
        events,
        weight=weights,
        feature_name=plain(features),
    )
    bounds = {"monotone_constraints": list(ways.values())}
    if recipe.start:
        known = recipe.start.booster(x, events, weights)
    else:
        share = float(np.average(events, weights=weights))
        known = prior(features, logit(share), recipe.red, recipe.extreme)
    booster = lightgbm.train(
        PARAMETERS | bounds, table, num_boost_round=recipe.trees, init_model=known
    )
    return Fitted(booster, tuple(features))
