"""All figures of a model beside NEWS2, qSOFA and SIRS, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from studies.validation.figures import RISKS, benefit, benefit_curve, figures, partial_scores
from studies.validation.intervals import with_intervals
from tests.support.invented_rows import invented, literally, rows, weights

SOME = invented()
LIMITS = {"medium": 0.2, "high": 0.5}
FOUND = figures(SOME, LIMITS)(np.ones(150))


def test_discrimination_is_of_the_same_rows():
    """The model and each criterion, and the difference between them."""
    assert FOUND["auroc"] == pytest.approx(roc_auc_score(SOME.event, SOME.risk))
    assert FOUND["auprc"] == pytest.approx(average_precision_score(SOME.event, SOME.risk))
    for name in ("news2", "qsofa", "sirs"):
        assert FOUND[f"{name}_auroc"] == pytest.approx(roc_auc_score(SOME.event, SOME.low[name]))
        assert FOUND[f"auroc_minus_{name}"] == pytest.approx(
            FOUND["auroc"] - FOUND[f"{name}_auroc"]
        )


@pytest.mark.rule("governance part 3")
def test_brier_and_scaled_brier():
    """The scaled one is 1 less the share of the score of whoever says the prevalence to all."""
    score = brier_score_loss(SOME.event, SOME.risk)
    assert FOUND["prevalence"] == pytest.approx(SOME.event.mean()) and FOUND[
        "brier"
    ] == pytest.approx(score)
    assert FOUND["brier_scaled"] == pytest.approx(
        1 - score / (SOME.event.mean() * (1 - SOME.event.mean()))
    )


@pytest.mark.rule("governance part 3")
def test_every_working_point():
    """The model at each threshold, NEWS2 at 5 and 7, qSOFA and SIRS at 2."""
    points = {
        "medium": SOME.risk >= 0.2,
        "high": SOME.risk >= 0.5,
        "news2_5": SOME.low["news2"] >= 5,
        "news2_7": SOME.low["news2"] >= 7,
        "qsofa_2": SOME.low["qsofa"] >= 2,
        "sirs_2": SOME.low["sirs"] >= 2,
    }
    for name, positive in points.items():
        hits = np.sum(positive & SOME.event)
        assert FOUND[f"{name}_sensitivity"] == pytest.approx(hits / SOME.event.sum())
        assert FOUND[f"{name}_specificity"] == pytest.approx(np.mean(~positive[~SOME.event]))
        assert FOUND[f"{name}_ppv"] == pytest.approx(hits / positive.sum()) and FOUND[
            f"{name}_nne"
        ] == pytest.approx(positive.sum() / hits)
        assert FOUND[f"{name}_npv"] == pytest.approx(np.mean(~SOME.event[~positive]))


@pytest.mark.rule("governance part 3")
def test_the_model_is_compared_at_the_working_points_of_news2():
    """At least as sensitive as NEWS2 of 5, at least as specific as NEWS2 of 7, and the next
    threshold would not be.
    """
    sensitive, specific = (
        FOUND["at_news2_5_sensitivity_threshold"],
        FOUND["at_news2_7_specificity_threshold"],
    )
    assert FOUND["at_news2_5_sensitivity_sensitivity"] >= FOUND["news2_5_sensitivity"]
    assert FOUND["at_news2_7_specificity_specificity"] >= FOUND["news2_7_specificity"]
    assert np.mean(SOME.risk[SOME.event] > sensitive) < FOUND["news2_5_sensitivity"]
    below = SOME.risk[SOME.risk < specific].max()
    assert np.mean(SOME.risk[~SOME.event] < below) < FOUND["news2_7_specificity"]


def test_weights_of_patients_are_literal_resampling():
    """Every figure that needs no curve is the same for rows that were drawn twice."""
    patients = np.random.default_rng(3).integers(0, 150, 150)
    places = literally(SOME, patients)
    again = rows(
        SOME.stay[places],
        SOME.hour[places],
        SOME.risk[places],
        SOME.event[places],
        SOME.patient[places],
        **{name: values[places] for name, values in SOME.low.items()},
    )
    drawn, whole = figures(SOME, LIMITS)(weights(patients, 150)), figures(again, LIMITS)
    numbers = whole(np.ones(again.patient.max() + 1))
    for name, value in drawn.items():
        if name not in ("ici", "e50", "e90", "emax"):
            assert value == pytest.approx(numbers[name], rel=1e-6), name


def test_the_highest_risks_of_stays_are_no_probabilities():
    """Per stay there is no calibration, and no net benefit."""
    found = figures(SOME.highest(), LIMITS, calibrated=False)(np.ones(150))
    assert "auroc" in found and not {
        "brier",
        "observed_expected",
        "calibration_slope",
        "ici",
        "medium_net_benefit",
    } & set(found)


@pytest.mark.rule("governance part 3")
def test_net_benefit_at_every_risk():
    """TP/n - FP/n x t/(1-t), of the model, of all and of NEWS2, literally; a risk equal to t
    counts.
    """
    edge = rows([0, 1, 2, 3], [1] * 4, [0.1, 0.2, 0.3, 0.04], [1, 0, 1, 0], news2=[5, 7, 4, 0])
    for some in (SOME, edge):
        found = benefit(some)(np.ones(some.patient.max() + 1))
        for t in RISKS:
            all_alike = np.ones(len(some.event), bool)
            ways = {
                "model": some.risk >= t,
                "treat_all": all_alike,
                "news2_5": some.low["news2"] >= 5,
                "news2_7": some.low["news2"] >= 7,
            }
            for name, positive in ways.items():
                literal = np.mean(positive & some.event) - np.mean(positive & ~some.event) * t / (
                    1 - t
                )
                assert found[f"{name} {t}"] == pytest.approx(literal), (name, t)
    assert FOUND["medium_net_benefit"] == pytest.approx(benefit(SOME)(np.ones(150))["model 0.2"])


def test_the_curve_of_net_benefit_has_a_line_for_each_risk():
    """From 1 to 30 %, to treat none at 0, and intervals round the rest."""
    lines = benefit_curve(with_intervals(benefit(SOME), 150, 20))
    assert [line["risk"] for line in lines] == [n / 100 for n in range(1, 31)]
    for line in lines:
        assert (
            line["treat_none"]["value"] == 0
            and line["model"]["interval"][0]
            <= line["model"]["value"]
            <= line["model"]["interval"][1]
        )


def test_a_partial_score_counts_its_least_and_says_what_it_could_be():
    """NEWS2 of 3 to 6 is not counted as 5, but as possibly 5."""
    some = rows([0, 1, 2, 3], [1] * 4, [0.1] * 4, [1, 0, 1, 0], news2=([3, 5, 7, 0], [6, 8, 7, 2]))
    assert figures(some, {})(np.ones(4))["news2_5_sensitivity"] == 0.5
    found = partial_scores(some)
    assert found["news2_5"] == {"partial": 0.75, "surely_positive": 0.5, "possibly_positive": 0.75}
    assert found["news2_7"] == {"partial": 0.75, "surely_positive": 0.25, "possibly_positive": 0.5}
    assert found["qsofa_2"] == {"partial": 0, "surely_positive": 0, "possibly_positive": 0}
