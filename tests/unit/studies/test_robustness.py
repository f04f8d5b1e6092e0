"""What a sparse chart costs, and what "indeterminate" is worth: by hand, and with patients drawn
more than once.
"""

import dataclasses

import numpy as np
import pytest

from studies.validation.robustness import certainty_figures, expected, without
from tests.support.invented_rows import invented, log_odds, rows

LIMITS = {"medium": 0.45, "high": 0.8}
HAND = dataclasses.replace(
    rows([0, 0, 1, 2], [1, 2, 1, 1], [0.9, 0.5, 0.2, 0.4], [True, True, False, False]),
    indeterminate=np.array([False, True, False, True]),
    without={"no laboratory values": log_odds([0.3, 0.3, 0.2, 0.4])},
    within={"no laboratory values": np.array([1.0, 0.0, 1.0, 1.0])},
)


def test_auroc_with_a_part_hidden():
    """All pairs are in order with the whole chart; without laboratory values two of four are."""
    assert without(HAND)(np.ones(3)) == {"all": 1.0, "no laboratory values": 0.5}


def test_share_error_and_coverage():
    """Half of the rows have no band; the others' error is that of 0.9 for yes and 0.2 for no."""
    found = certainty_figures(HAND, LIMITS)(np.ones(3))
    assert (
        found["indeterminate"],
        found["prevalence_indeterminate"],
        found["coverage no laboratory values"],
    ) == (0.5, 0.5, 0.75)
    assert found["brier_answered"] == pytest.approx((0.01 + 0.04) / 2) and found[
        "brier_all"
    ] == pytest.approx((0.01 + 0.25 + 0.04 + 0.16) / 4)
    assert found["auroc_answered"] == 1.0
    # Risks 0.9 and 0.5 reach medium; 0.4 has no band, so that its card is a warning too.
    assert found["served_sensitivity"] == 1.0 and found["served_ppv"] == pytest.approx(2 / 3)


def test_observed_to_expected_with_a_part_hidden():
    """Two events, and the sum of the risks with and without laboratory values."""
    found = expected(HAND)(np.ones(3))
    assert found["all"] == pytest.approx(2 / 2.0) and found[
        "no laboratory values"
    ] == pytest.approx(2 / 1.2)


def test_a_patient_drawn_twice_counts_twice():
    """Weights are those of whole patients."""
    found = certainty_figures(HAND, LIMITS)(np.array([0.0, 1.0, 2.0]))
    assert (
        found["indeterminate"] == pytest.approx(2 / 3)
        and found["prevalence_indeterminate"] == 0.0
        and np.isnan(found["auroc_all"])
    )


def test_no_interval_no_coverage():
    """A model without intervals has no coverage to report, and all of its rows have a band."""
    drawn = invented()
    found = certainty_figures(drawn, LIMITS)(np.ones(drawn.patient.max() + 1))
    assert (
        found["indeterminate"] == 0
        and np.isnan(found["prevalence_indeterminate"])
        and not [n for n in found if n.startswith("coverage")]
    )
    assert found["auroc_all"] == found["auroc_answered"]
