"""Discrimination and working points against scikit-learn, against literal resampling, and by
hand.
"""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from studies.training.performance import threshold_at_break_even
from studies.validation.ranking import Ranked, Tallied, net_benefit, share, working
from tests.support.invented_rows import invented, literally, weights

SCORE, OUTCOME = np.array([0.9, 0.8, 0.8, 0.4, 0.2]), np.array([True, True, False, False, True])
HAND = Ranked(SCORE, OUTCOME).counts(np.ones(5))


@pytest.mark.parametrize("seed", range(8))
def test_areas_are_those_of_scikit_learn(seed):
    """With many ties and with none, weighted and not."""
    random = np.random.default_rng(seed)
    score, outcome, weight = (
        random.normal(size=400).round(seed % 4),
        random.random(400) < 0.2,
        random.integers(0, 4, 400).astype(float),
    )
    counts = Ranked(score, outcome).counts(weight)
    assert counts.auroc() == pytest.approx(roc_auc_score(outcome, score, sample_weight=weight))
    assert counts.auprc() == pytest.approx(
        average_precision_score(outcome, score, sample_weight=weight)
    )


@pytest.mark.parametrize("kind", [Ranked, Tallied])
def test_weights_of_patients_are_literal_resampling(kind):
    """Counting a patient twice is the same as having the rows twice."""
    drawn = invented(80)
    patients = np.random.default_rng(1).integers(0, 40, 40)
    counts = kind(drawn.low["news2"], drawn.event, drawn.patient).counts(weights(patients, 40))
    places = literally(drawn, patients)
    score, outcome = drawn.low["news2"][places], drawn.event[places]
    assert (counts.auroc(), counts.auprc()) == pytest.approx(
        (roc_auc_score(outcome, score), average_precision_score(outcome, score))
    )
    assert counts.at(5) == (np.sum(outcome & (score >= 5)), np.sum(~outcome & (score >= 5)))


def test_working_point_by_hand():
    """Of three alerts two are right, of three events one is missed, of two others one is spared."""
    found = working(HAND, 0.8)
    assert found == pytest.approx(
        {"sensitivity": 2 / 3, "specificity": 0.5, "ppv": 2 / 3, "npv": 0.5, "nne": 1.5}
    )


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.95, (0, 0)),
        (0.9, (1, 0)),
        (0.85, (1, 0)),
        (0.8, (2, 1)),
        (0.2, (3, 2)),
        (-np.inf, (3, 2)),
    ],
)
def test_a_score_at_the_threshold_alerts(threshold, expected):
    """At or above, whether the threshold is a score or lies between two."""
    assert HAND.at(threshold) == expected


def test_net_benefit_by_hand():
    """TP/n - FP/n x t/(1-t); to treat all is the threshold below every score."""
    assert net_benefit(HAND, 0.8, 0.2) == pytest.approx(2 / 5 - 1 / 5 * 0.25)
    assert net_benefit(HAND, -np.inf, 0.2) == pytest.approx(3 / 5 - 2 / 5 * 0.25)
    assert net_benefit(HAND, 0.95, 0.2) == 0


def test_matching_finds_the_threshold_at_a_sensitivity_and_a_specificity():
    """The highest that finds enough, the lowest that spares enough."""
    assert [HAND.at_sensitivity(s) for s in (0.3, 2 / 3, 0.7)] == [0.9, 0.8, 0.2]
    assert [HAND.at_specificity(s) for s in (1.0, 0.5, 0.0)] == [0.9, 0.8, 0.2]


def test_one_class_or_none_is_not_estimable():
    """Nothing is divided by nothing."""
    for outcome in (np.zeros(5, bool), np.ones(5, bool)):
        assert np.isnan(Ranked(SCORE, outcome).counts(np.ones(5)).auroc())
    empty = Ranked(np.empty(0), np.empty(0, bool)).counts(np.empty(0))
    assert np.isnan(empty.auprc()) and np.isnan(empty.at_sensitivity(0.5)) and np.isnan(share(1, 0))
    assert np.isnan(working(HAND, 0.95)["ppv"]) and np.isnan(
        working(HAND, float("nan"))["sensitivity"]
    )


def test_a_threshold_at_break_even_takes_tied_rows_together():
    """The first of two tied rows alone would find both events without a false alarm; both have
    one.
    """
    score, outcome = np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False])
    assert threshold_at_break_even(score, outcome) == 0.8
    assert threshold_at_break_even(np.array([0.9, 0.5, 0.4]), np.array([True, False, False])) == 0.9
