"""The points of the plots: by hand where they are few, by what must hold where they are many."""

import json

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from studies.validation.curves import BINS, POINTS, curves, distribution, tenths
from tests.support.invented_rows import invented, rows

SOME = invented(1000)


def test_tenths_are_of_equal_size_by_rising_risk():
    """Twenty rows make ten pairs, each with its mean risk and its share of events."""
    risk = np.arange(1, 21) / 40
    found = tenths(rows(range(20), [1] * 20, risk[::-1], [n < 10 for n in range(20)]))
    assert [line["rows"] for line in found] == [2] * 10 and [line["events"] for line in found] == [
        0
    ] * 5 + [2] * 5
    assert [line["predicted"] for line in found] == pytest.approx(
        risk.reshape(10, 2).mean(axis=1)
    ) and found[9]["observed"] == 1


def test_less_than_ten_rows_make_less_than_ten_tenths():
    """No tenth is empty."""
    assert len(tenths(rows([0, 1, 2], [1] * 3, [0.1, 0.2, 0.3], [0, 1, 0]))) == 3


def test_the_points_of_precision_and_recall_lie_on_the_curve():
    """Every point is one of scikit-learn's, the last finds all events."""
    for name, score in (("model", SOME.risk), ("news2", SOME.low["news2"])):
        found = curves(SOME)["precision_recall"][name]
        precision, recall, _ = precision_recall_curve(SOME.event, score)
        true = {(f"{r:.6g}", f"{p:.6g}") for r, p in zip(recall, precision, strict=True)}
        assert {(f"{point['recall']:.6g}", f"{point['precision']:.6g}") for point in found} <= true
        assert 5 < len(found) <= POINTS and found[-1]["recall"] == 1


def test_the_distribution_counts_every_row_once():
    """Shares of rows with and without the event add up to 1; steps meet."""
    found = distribution(SOME)
    assert len(found) == BINS and sum(b["event"] for b in found) == pytest.approx(1) == sum(
        b["no_event"] for b in found
    )
    assert all(
        one["to"] == following["from"] for one, following in zip(found, found[1:], strict=False)
    )
    assert np.average([b["from"] for b in found], weights=[b["event"] for b in found]) > np.average(
        [b["from"] for b in found], weights=[b["no_event"] for b in found]
    )


def test_the_smooth_curve_rises_from_the_lowest_to_the_highest_risk():
    """At most POINTS of it, both ends among them."""
    found = curves(SOME)["calibration"]
    assert 10 < len(found) <= POINTS and found[-1]["predicted"] == pytest.approx(
        SOME.risk.max(), rel=0.01
    )
    assert all(a["predicted"] < b["predicted"] for a, b in zip(found, found[1:], strict=False))
    assert np.mean([abs(point["observed"] - point["predicted"]) for point in found]) < 0.1


def test_what_can_not_be_fitted_has_no_smooth_curve():
    """Outcomes that risks part without a fault: no curve, all else is there, and JSON can hold
    it.
    """
    found = curves(rows(range(40), [1] * 40, np.linspace(0.01, 0.9, 40), np.arange(40) >= 20))
    assert (
        found["calibration"] == []
        and len(found["tenths"]) == 10
        and json.dumps(found, allow_nan=False)
    )
