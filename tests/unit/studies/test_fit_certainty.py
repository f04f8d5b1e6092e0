"""Fitting how sure a risk is: coverage holds on charts that were not used, and sparser charts
are never surer.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from models.certainty import half_width
from models.patient.features import names
from studies.boosting.fit import fit
from studies.training.fit_certainty import COVERAGE, SEEN, fit_certainty, lacking
from studies.training.recipes import SEPSIS

RANDOM = np.random.default_rng(5)
SMALL = replace(SEPSIS, trees=60)
KNOWN = {
    "age": (60, 12),
    "heart_rate": (85, 15),
    "systolic": (120, 20),
    "spo2": (96, 3),
    "lactate": (2, 1),
    "creatinine": (1.2, 0.5),
}


@pytest.fixture(scope="module")
def found():
    """Facts fitted on invented rows in which some values are missing at random."""
    x = np.full((9000, len(names())), np.nan)
    for name, (mean, spread) in KNOWN.items():
        x[:, names().index(name)] = np.abs(RANDOM.normal(mean, spread, len(x)))
    odds = (
        -1
        + 1.2 * (x[:, names().index("lactate")] - 2)
        + 0.05 * (x[:, names().index("heart_rate")] - 85)
    )
    event = RANDOM.random(len(x)) < 1 / (1 + np.exp(-odds))
    for name in ("lactate", "creatinine", "spo2"):
        x[RANDOM.random(len(x)) < 0.3, names().index(name)] = np.nan
    return x, fit_certainty(
        x, event, np.ones(len(x)), np.arange(len(x)) // 3, partial(fit, recipe=SMALL), 11
    )


def test_coverage_is_measured_on_patients_that_were_not_used(found):
    """The intervals hold in nine of ten or more, and the ranges of what was seen in about 99 of
    100 rows.
    """
    measured = found[1]["measured"]
    assert COVERAGE - 0.02 <= measured["coverage"] < 0.97 and measured[
        "inside_seen"
    ] == pytest.approx(SEEN, abs=0.015)
    assert measured["rows"] > 500


def test_a_sparser_chart_is_never_surer(found):
    """Half-widths rise with what is missing, and go on beyond the last step."""
    widths = [half_width(found[1]["widths"], gone) for gone in np.linspace(0, 1, 50)]
    assert widths == sorted(widths) and widths[0] > 0 and widths[0] < widths[-1]


def test_evidence_is_what_the_model_goes_by(found):
    """Lactate drives these invented outcomes; shares sum to one; a variable that is never known
    has none.
    """
    x, facts = found
    shares = facts["evidence"]
    assert (
        max(shares, key=shares.get) == "lactate"
        and sum(shares.values()) == pytest.approx(1, abs=1e-3)
        and "gcs" not in shares
    )
    assert lacking(x[:5], shares) == pytest.approx(
        [sum(s for n, s in shares.items() if np.isnan(row[names().index(n)])) for row in x[:5]]
    )


def test_ranges_hold_what_was_seen(found):
    """Each range lies within the values, rounded as a clinician reads them."""
    low, high = found[1]["seen"]["heart_rate"]
    assert 20 < low < 60 < 110 < high < 180 and low == round(low)
