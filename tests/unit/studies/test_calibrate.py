"""Calibrations: a curve finds what is bent, a line stays where nothing is, and a parent's curve
survives recalibration.
"""

import numpy as np
import pytest

from models.fitted.model import Model, ModelId
from studies.training.calibrate import curve, line, risks, stretched

RANDOM = np.random.default_rng(8)
RAW = RANDOM.normal(-2, 1.2, 60_000)


def drawn(odds: np.ndarray) -> np.ndarray:
    """Return outcomes with these log-odds."""
    return RANDOM.random(len(odds)) < 1 / (1 + np.exp(-odds))


def test_a_curve_finds_what_is_bent():
    """Where the greatest scores say too much, the curve's risks agree with what happens, tenth
    by tenth; a line's do not.
    """
    odds = -1 + RAW - 0.12 * (RAW + 2) ** 2
    event = drawn(odds)
    held = np.quantile(RAW, 0.999) > RAW
    bent, straight = (
        np.abs(risks(fit(RAW, event), RAW) - 1 / (1 + np.exp(-odds)))[held] for fit in (curve, line)
    )
    assert bent.max() < 0.03 < 0.08 < straight.max() and bent.mean() < 0.004


def test_a_curve_rises_everywhere():
    """Points rise, and beyond the last of them the last piece goes on."""
    found = curve(RAW, drawn(-1 + RAW - 0.12 * (RAW + 2) ** 2))
    scores, odds = np.array(found["points"]).T
    assert (np.diff(scores) > 0).all() and (np.diff(odds) > 0).all() and found["slope"] > 0
    model = Model(ModelId("m", "1", ""), {"calibration": found}, "")
    far = [model.calibrated(float(score)) for score in (-20, -9, scores[0], scores[-1], 3, 9)]
    assert far == sorted(far) and len(set(far)) == 6


def test_what_would_fall_again_stays_a_line():
    """A parabola with its top among the scores is no calibration."""
    found = curve(RAW, drawn(-((RAW + 1.5) ** 2) + 0.4 * RAW))
    assert "points" not in found and found["slope"] > 0


def test_what_does_not_rise_is_refused():
    """Outcomes that fall with the score can't be mended."""
    from models.fitted.booster import ModelError

    with pytest.raises(ModelError, match="do not rise"):
        curve(RAW, drawn(-1 - RAW))


def test_a_stretched_curve_keeps_its_form():
    """Each log-odds becomes intercept plus slope times what it was, within the points and beyond
    them.
    """
    parent = {"intercept": 0.1, "slope": 0.8, "points": [[-3.0, -4.0], [0.0, -1.0], [2.0, 0.5]]}
    before, after = (
        Model(ModelId("m", "1", ""), {"calibration": c}, "")
        for c in (parent, stretched(parent, {"intercept": 0.5, "slope": 1.1}))
    )
    for score in (-9.0, -3.0, -1.2, 1.9, 7.0):
        assert after.calibrated(score) == pytest.approx(0.5 + 1.1 * before.calibrated(score))
    assert stretched(
        {"intercept": 0.1, "slope": 0.8}, {"intercept": 0.5, "slope": 1.1}
    ) == pytest.approx({"intercept": 0.61, "slope": 0.88})
