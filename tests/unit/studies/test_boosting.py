"""How a booster is fitted: what it sees, what binds it, and what it knows before any data."""

import dataclasses

import numpy as np
import pytest

from models.fitted.model import logit
from models.patient.features import names
from models.patient.sides import known
from studies.boosting.bounds import FALLING, RISING, directions, normals
from studies.boosting.fit import PARAMETERS, fit, seen
from studies.boosting.prior import STEPS, prior
from studies.training.recipes import DETERIORATION

FEATURES = list(directions(DETERIORATION.spreads))
START, RED, EXTREME = -2.0, 0.3, 0.75


def row(**values: float) -> np.ndarray:
    """Return one row of a model's features in which only these are known."""
    found = np.full((1, len(FEATURES)), np.nan)
    for name, value in values.items():
        found[0, FEATURES.index(name.replace("__", "."))] = value
    return found


@pytest.fixture(scope="module")
def known_before():
    return prior(FEATURES, START, RED, EXTREME)


def test_every_feature_is_one_that_a_row_gives_and_all_but_few_are_bound():
    assert all(known(name) for name in FEATURES) and len(FEATURES) == len(set(FEATURES))
    free = {name.partition(".")[2] for name, way in directions(("gcs",)).items() if not way}
    assert free == {"", "spread48"} and "gcs.spread48" not in directions()
    urine = {name: way for name, way in directions().items() if name.startswith("urine")}
    assert urine == {"urine.rate6": FALLING, "urine.rate24": FALLING}


@pytest.mark.parametrize(
    ("feature", "value", "more"),
    [
        ("spo2", 97, 0),
        ("spo2", 92, 0),
        ("spo2", 91, RED),
        ("spo2", 81, RED),
        ("spo2", 80, EXTREME),
        ("heart_rate", 130, 0),
        ("heart_rate", 131, RED),
        ("heart_rate", 40, RED),
        ("heart_rate", 41, 0),
        ("respiratory_rate", 8, RED),
        ("respiratory_rate", 9, 0),
        ("systolic", 90, RED),
        ("systolic", 220, RED),
        ("systolic", 219, 0),
        ("temperature", 35.0, RED),
        ("temperature", 35.1, 0),
        ("gcs", 15, 0),
        ("gcs", 14, RED),
        ("gcs", 3, EXTREME),
    ],
)
def test_what_scores_three_raises_the_risk_before_any_data(known_before, feature, value, more):
    """At NEWS2's own boundaries (RCP 2017, chart 1), and nothing one step before."""
    middle = normals()[feature]
    sides = {
        f"{feature}__below": max(middle - value, 0),
        f"{feature}__above": max(value - middle, 0),
    }
    given = {name: v for name, v in sides.items() if name.replace("__", ".") in FEATURES}
    assert known_before.predict(row(**given), raw_score=True)[0] == pytest.approx(START + more)


def test_what_is_not_known_adds_nothing(known_before):
    assert known_before.predict(row(), raw_score=True)[0] == pytest.approx(START)
    assert known_before.num_trees() == len(STEPS)


def test_data_add_to_what_is_known_and_take_nothing_from_it(monkeypatch):
    """In rows in which a low saturation goes with survival, a bound model still counts it."""
    monkeypatch.setitem(PARAMETERS, "num_threads", 1)
    random = np.random.default_rng(1)
    x = np.full((4000, len(names())), np.nan)
    saturation = random.uniform(70, 100, len(x))
    for kind in ("", ".low48", ".mean48", ".high48"):
        x[:, names().index(f"spo2{kind}")] = saturation
    x[:, names().index("heart_rate")] = random.uniform(50, 150, len(x))
    event = (random.random(len(x)) < 0.3) & (saturation > 85)
    recipe = dataclasses.replace(DETERIORATION, trees=40)
    made = fit(x, event, np.ones(len(x)), recipe)
    steps = np.full((31, len(names())), np.nan)
    steps[:, names().index("heart_rate")] = 80
    for kind in ("", ".low48", ".mean48", ".high48"):
        steps[:, names().index(f"spo2{kind}")] = np.arange(100, 69, -1)
    raw = made.raw(steps)
    assert (np.diff(raw) >= -1e-9).all()
    assert raw[-1] - raw[0] >= recipe.extreme - 1e-6


def test_training_and_serving_see_the_same(monkeypatch):
    """A column of training is what a row of serving gives."""
    from models.patient.sides import look
    from models.patient.sides import seen as served

    random = np.random.default_rng(2)
    x = random.uniform(1, 200, (20, len(names())))
    x[random.random(x.shape) < 0.2] = np.nan
    table = seen(x, FEATURES)
    for n, values in enumerate(x):
        full = {
            name: None if np.isnan(value) else float(value)
            for name, value in zip(names(), values, strict=True)
        }
        row = served([look(feature, normals()) for feature in FEATURES], full)
        for column, own in enumerate(row):
            found = table[n, column]
            if own is not None and not np.isnan(found):
                assert found == pytest.approx(own)


def test_the_start_is_the_share_of_events():
    assert logit(0.14) == pytest.approx(-1.815, abs=0.001) and RISING == 1
