"""Hiding parts of a chart: all features of a variable go together, what follows from it too, and
nothing else changes.
"""

import numpy as np
import pytest

from models.patient.features import DERIVED, LABS, made_of, names
from studies.training.recipes import DETERIORATION
from studies.training.thinning import HIDDEN, WEIGHT, columns, shown, thinned, without

ROWS = np.random.default_rng(1).random((400, len(names())))


@pytest.mark.parametrize("part", HIDDEN)
def test_a_part_is_hidden_with_all_that_follows_from_it(part):
    """No feature that is made of a hidden variable stays known; every other feature keeps its
    value.
    """
    thin = without(ROWS, HIDDEN[part])
    gone = [bool(set(made_of(name)) & set(HIDDEN[part])) for name in names()]
    assert (
        np.isnan(thin[:, gone]).all()
        and (thin[:, ~np.array(gone)] == ROWS[:, ~np.array(gone)]).all()
    )
    assert not np.isnan(ROWS).any()


def test_derived_features_hang_on_both_variables():
    """A shock index is gone without heart rate and without systolic pressure."""
    for name, variables in DERIVED.items():
        assert all(names().index(name) in columns((variable,)) for variable in variables)


def test_chance_hides_whole_variables_and_never_age_or_sex():
    """In each thinned row a variable's own features are all there or all gone."""
    thin = np.isnan(thinned(ROWS, np.random.default_rng(2)))
    lactate = [place for place, name in enumerate(names()) if name.startswith("lactate")]
    assert (thin[:, lactate].all(axis=1) == thin[:, lactate].any(axis=1)).all() and 0.2 < thin[
        :, lactate[0]
    ].mean() < 0.4
    assert not thin[:, columns(("age", "sex"))].any()


def test_rows_are_shown_whole_first_and_then_thinner_with_less_weight():
    """The full rows come unchanged with weight 1; the copies without a named variable are those
    that knew it.
    """
    x = ROWS.copy()
    x[:100, columns(("lactate",))] = np.nan
    event = np.arange(400) % 3 == 0
    rows, events, weights = shown(x, event, np.ones(400), {"lactate": 2.0}, 7)
    assert (
        np.array_equal(rows[:400], x, equal_nan=True)
        and (events[:400] == event).all()
        and (weights[:400] == 1).all()
    )
    assert (weights == 2).sum() == 300 and np.isnan(
        rows[weights == 2][:, columns(("lactate",))]
    ).all()
    assert (events[weights == 2] == event[100:]).all()
    panel = rows[(weights == WEIGHT)]
    assert len(panel) > 400 and np.isnan(panel[:, columns(LABS)]).all(axis=1).sum() > 100


def test_the_habit_of_a_catheter_is_shown_again_without_urine():
    """Deterioration sees each row with urine once more without any of it, at half the weight."""
    again = DETERIORATION.shown_again
    assert again["urine"] == 0.5
    rows, _, weights = shown(ROWS, ROWS[:, 0] > 2, np.ones(len(ROWS)), {"urine": 0.5}, 3)
    last = rows[-len(ROWS) :]
    gone = np.isnan(last).all(axis=0)
    assert [name for name, is_gone in zip(names(), gone, strict=True) if is_gone] == [
        "urine", "urine.rate6", "urine.rate24",
    ]  # fmt: skip
    assert set(weights[-len(ROWS) :]) == {0.5}
    for panel in ("vital signs only", "three vital signs only"):
        assert np.isnan(without(ROWS, HIDDEN[panel])[:, names().index("urine.rate6")]).all()
