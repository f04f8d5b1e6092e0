"""Calibration against scikit-learn's regressions, against literal resampling, and on data whose
true curve is known.
"""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import SplineTransformer

from studies.validation.calibration import KNOTS, Cells, distances, logistic, spline
from tests.support.invented_rows import invented, literally, weights


def drawn(count: int, distort=lambda x: x, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return log-odds of rare events and outcomes whose true log-odds are `distort` of them."""
    random = np.random.default_rng(seed)
    x = random.normal(-4, 1.5, count)
    return x, random.random(count) < expit(distort(x))


def figures(x: np.ndarray, outcome: np.ndarray) -> dict[str, float]:
    return Cells(x, outcome, np.arange(len(x))).figures(np.ones(len(x)))


@pytest.mark.rule("governance part 3")
def test_well_calibrated_risks_are_ideal():
    """O:E and slope near 1, intercept and distances near 0."""
    found = figures(*drawn(100_000))
    assert found["observed_expected"] == pytest.approx(1, abs=0.04) and found[
        "calibration_intercept"
    ] == pytest.approx(0, abs=0.04)
    assert (
        found["calibration_slope"] == pytest.approx(1, abs=0.04)
        and found["ici"] < 0.002
        and found["e90"] < 0.004
    )


@pytest.mark.rule("governance part 3")
def test_over_confident_risks_have_a_slope_below_one():
    """logit(y) = 0.5 + 0.7 logit(p), and the distances are those between the true curve and the
    risks.
    """
    x, outcome = drawn(200_000, lambda x: 0.5 + 0.7 * x)
    found, true = figures(x, outcome), np.abs(expit(0.5 + 0.7 * x) - expit(x))
    assert found["calibration_slope"] == pytest.approx(0.7, abs=0.02)
    assert found["ici"] == pytest.approx(true.mean(), rel=0.04) and found["e50"] == pytest.approx(
        np.median(true), rel=0.06
    )
    assert found["e90"] == pytest.approx(np.quantile(true, 0.9), rel=0.06)


def test_a_bent_curve_is_followed():
    """A straight line would miss that only middle risks are wrong."""
    bend = lambda x: x + 1.2 * np.exp(-((x + 4) ** 2))  # noqa: E731
    x, outcome = drawn(200_000, bend)
    predicted, observed = Cells(x, outcome, np.arange(len(x))).curve(np.ones(len(x)))
    middle = np.abs(np.log(predicted) + 4) < 1.5
    assert (
        np.max(np.abs(observed - expit(bend(np.log(predicted) - np.log1p(-predicted))))[middle])
        < 0.02
    )


def test_regressions_are_those_of_scikit_learn():
    """Slope and curve row by row, without any penalty; the spline is the natural cubic one in
    another basis.
    """
    x, outcome = drawn(20_000, lambda x: 0.3 + 0.8 * x)
    found, knots = figures(x, outcome), np.quantile(x, KNOTS)
    plain = LogisticRegression(C=1e9, tol=1e-10, max_iter=5000).fit(x[:, None], outcome)
    assert found["calibration_slope"] == pytest.approx(plain.coef_[0, 0], abs=2e-3)
    # Within the outer knots both bases span the same curves but for the bend at the ends, which
    # sklearn leaves free.
    inner = (x > knots[0]) & (x < knots[-1])
    free = SplineTransformer(
        degree=3, knots=knots[:, None], extrapolation="linear", include_bias=False
    ).fit_transform(x[:, None])
    loose = (
        LogisticRegression(C=1e6, tol=1e-8, max_iter=5000)
        .fit(free, outcome)
        .predict_proba(free)[:, 1]
    )
    ours, observed = Cells(x, outcome, np.arange(len(x))).curve(np.ones(len(x)))
    assert np.max(np.abs(np.interp(expit(x[inner]), ours, observed) - loose[inner])) < 0.02


def test_a_restricted_spline_is_straight_beyond_its_knots():
    """Harrell's columns: no bend below the first knot or above the last, cubic in between."""
    knots = np.array([-3.0, -1, 0, 1, 3])
    for ends in (np.linspace(-9, -3, 7), np.linspace(3, 9, 7)):
        assert np.allclose(np.diff(spline(ends, knots), 2, axis=0), 0, atol=1e-9)
    assert spline(np.zeros(1), knots).shape == (1, 5) and np.any(
        np.diff(spline(np.linspace(-1, 1, 5), knots), 2, axis=0)
    )
    assert spline(np.zeros(3), np.zeros(5)).shape == (3, 2)


def test_weights_of_patients_are_literal_resampling():
    """Counting a patient twice is the same as having the rows twice, knots apart."""
    some, patients = invented(200), np.random.default_rng(2).integers(0, 100, 100)
    cells, places = Cells(some.log_odds, some.event, some.patient), literally(some, patients)
    found, again = (
        cells.figures(weights(patients, 100)),
        figures(some.log_odds[places], some.event[places]),
    )
    for name in ("observed_expected", "calibration_intercept", "calibration_slope"):
        assert found[name] == pytest.approx(again[name], rel=1e-9)
    assert found["ici"] == pytest.approx(again["ici"], rel=0.2)


def test_cells_lose_nothing_that_matters():
    """O:E is exact, the intercept that of the rows to four places."""
    x, outcome = drawn(5000, lambda x: x - 0.4)
    found = figures(x, outcome)
    assert found["observed_expected"] == pytest.approx(outcome.sum() / expit(x).sum(), rel=1e-12)
    by_row = logistic(np.ones((len(x), 1)), np.ones(len(x)), outcome.astype(float), x)[0]
    assert found["calibration_intercept"] == pytest.approx(by_row, abs=1e-4)


@pytest.mark.rule("governance part 3")
def test_distances_by_hand():
    """Mean, median, 90th centile and maximum over rows; a cell without rows counts nowhere."""
    found = distances(
        np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.1, 0.3, 0.5, 0.9]), np.array([5.0, 4, 1, 0])
    )
    assert found == pytest.approx(
        {"ici": (4 * 0.1 + 0.2) / 10, "e50": 0.0, "e90": 0.1, "emax": 0.2}
    )


@pytest.mark.parametrize("outcome", [np.zeros(50, bool), np.ones(50, bool)])
def test_one_class_is_not_estimable(outcome):
    """No event, or nothing else, gives no number and no warning."""
    found = figures(np.linspace(-3, 3, 50), outcome)
    assert all(np.isnan(value) for name, value in found.items() if name != "observed_expected")


def test_what_can_not_be_fitted_is_not_a_number():
    """One risk for all has no slope; risks that part the outcomes without a fault have no finite
    one.
    """
    one = figures(np.full(40, -1.0), np.arange(40) < 10)
    assert np.isnan(one["calibration_slope"]) and one["calibration_intercept"] == pytest.approx(
        np.log(1 / 3) + 1
    )
    assert np.isnan(figures(np.linspace(-3, 3, 40), np.arange(40) >= 20)["calibration_slope"])
