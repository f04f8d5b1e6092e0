"""What a model of distances sees of a row."""

import numpy as np
import pytest

from models.patient.features import names
from models.patient.sides import base, known, look, seen, side

NORMAL = {"systolic": 120.0, "temperature": 36.8}
ROW = dict.fromkeys(names()) | {
    "systolic": 90.0,
    "systolic.low48": 85.0,
    "systolic.change6": -40.0,
    "temperature": 38.8,
    "temperature.change6": 1.0,
}


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("systolic", 90.0),
        ("systolic.below", 30.0),
        ("systolic.above", 0.0),
        ("systolic.low48.below", 35.0),
        # From 130, which is 10 away, to 90, which is 30 away.
        ("systolic.change6.worse", 20.0),
        ("temperature.above", 2.0),
        ("temperature.below", 0.0),
        # From 37.8 to 38.8: one degree farther.
        ("temperature.change6.worse", 1.0),
        ("systolic.high48.above", None),
        ("temperature.change12.worse", None),
    ],
)
def test_a_side_is_the_distance_from_normal(feature, value):
    """What is missing is missing on both sides."""
    (found,) = seen([look(feature, NORMAL)], ROW)
    assert found == (value if value is None else pytest.approx(value))


def test_a_value_that_comes_back_to_normal_is_no_worse():
    """A pressure that rose from 80 to 110 is 30 nearer, however far it moved."""
    row = ROW | {"systolic": 110.0, "systolic.change6": 30.0}
    assert seen([look("systolic.change6.worse", NORMAL)], row) == [-30.0]


def test_columns_are_treated_as_rows_are():
    """Training sees what serving sees, NaN for missing."""
    values, last = np.array([90.0, 150.0, np.nan]), np.array([90.0, 150.0, np.nan])
    assert np.allclose(side("x.below", values, last, 120.0), [30, 0, np.nan], equal_nan=True)
    assert np.allclose(side("x.above", values, last, 120.0), [0, 30, np.nan], equal_nan=True)
    changes = np.array([-40.0, 10.0, np.nan])
    assert np.allclose(side("x.worse", changes, last, 120.0), [20, 10, np.nan], equal_nan=True)


def test_which_features_a_row_gives():
    """A version that needs others is not loaded."""
    assert base("heart_rate.low48.below") == "heart_rate.low48" and base("age") == "age"
    assert known("heart_rate.low48.below") and known("spo2.change6.worse") and known("gcs")
    assert not known("heart_rate.below.low48") and not known("height")
