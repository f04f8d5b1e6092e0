"""qSOFA (Sepsis-3, 2016) and SIRS (1992) at every published boundary, with the range of what is
missing.
"""

from datetime import timedelta

import pytest

from models.patient.chart import Chart, Reading
from models.patient.series import series
from models.patient.snapshot import Snapshot, snapshot_at
from studies.validation.criteria import criteria, qsofa, sirs
from tests.conftest import AT

WELL = {
    "respiratory_rate": 16,
    "systolic": 120,
    "gcs": 15,
    "temperature": 37.0,
    "heart_rate": 70,
    "wbc": 8,
    "paco2": 40,
}

QSOFA = [("respiratory_rate", 21, 0), ("respiratory_rate", 21.5, 0), ("respiratory_rate", 22, 1), ("respiratory_rate", 60, 1),
         ("systolic", 101, 0), ("systolic", 100.5, 0), ("systolic", 100, 1), ("systolic", 60, 1),
         ("gcs", 15, 0), ("gcs", 14, 1), ("gcs", 3, 1)]  # fmt: skip
SIRS = [("temperature", 36.0, 0), ("temperature", 35.9, 1), ("temperature", 38.0, 0), ("temperature", 38.1, 1),
        ("heart_rate", 90, 0), ("heart_rate", 90.5, 1), ("heart_rate", 91, 1), ("heart_rate", 30, 0),
        ("respiratory_rate", 20, 0), ("respiratory_rate", 20.5, 1), ("respiratory_rate", 21, 1),
        ("paco2", 32, 0), ("paco2", 31.9, 1), ("wbc", 4, 0), ("wbc", 3.9, 1), ("wbc", 12, 0), ("wbc", 12.1, 1)]  # fmt: skip


def chart(values: dict[str, float | None], hours_ago: float = 1) -> Chart:
    """Return a chart of one reading each; None is not charted."""
    time = AT - timedelta(hours=hours_ago)
    readings = sorted(
        Reading(time, name, float(value), "s")
        for name, value in values.items()
        if value is not None
    )
    return Chart("p1", (AT - timedelta(days=365 * 70)).date(), "male", False, tuple(readings), {})


def seen(of: Chart) -> Snapshot:
    return snapshot_at(series(of), AT)


def score(rule, changed: dict[str, float | None]):
    return rule(seen(chart(WELL | changed)))


@pytest.mark.rule("governance part 4")
@pytest.mark.parametrize(("variable", "value", "points"), QSOFA)
def test_each_boundary_of_qsofa(variable, value, points):
    """22 or more, 100 or less, below 15: one point each, and values are not rounded."""
    assert score(qsofa, {variable: value}).total == points


@pytest.mark.rule("governance part 4")
@pytest.mark.parametrize(("variable", "value", "points"), SIRS)
def test_each_boundary_of_sirs(variable, value, points):
    """Above 38.0 or below 36.0; above 90; above 20 or PaCO2 below 32; above 12 or below 4."""
    assert score(sirs, {variable: value}).total == points


@pytest.mark.parametrize(
    ("rule", "changed", "total", "band"),
    [
        (qsofa, {"respiratory_rate": 24, "systolic": 90}, 2, "high"),
        (qsofa, {"respiratory_rate": 24, "systolic": 90, "gcs": 9}, 3, "high"),
        (qsofa, {"gcs": 9}, 1, "low"),
        (
            sirs,
            {"temperature": 39, "heart_rate": 120, "respiratory_rate": 30, "paco2": 25, "wbc": 20},
            4,
            "high",
        ),
        (sirs, {"temperature": 39, "heart_rate": 120}, 2, "high"),
    ],
)
def test_points_add_up_and_two_are_positive(rule, changed, total, band):
    """Fast breath and low PaCO2 are one point between them."""
    found = score(rule, changed)
    assert (found.total, found.low, found.high, found.band) == (total, total, total, band)


@pytest.mark.parametrize("variable", ["respiratory_rate", "systolic", "gcs"])
def test_a_missing_part_of_qsofa_is_never_normal(variable):
    """No total, a range of one point, and its name."""
    found = score(qsofa, {variable: None})
    assert (found.total, found.low, found.high, len(found.missing)) == (None, 0, 1, 1)


@pytest.mark.parametrize("variable", ["temperature", "heart_rate", "respiratory_rate", "wbc"])
def test_a_missing_part_of_sirs_is_never_normal(variable):
    """A normal PaCO2 does not say how fast the breath is."""
    found = score(sirs, {variable: None})
    assert (found.total, found.low, found.high, len(found.missing)) == (None, 0, 1, 1)


def test_paco2_speaks_where_it_is_charted():
    """Low, it gives the point even without a rate; not charted, it is not missed beside a rate."""
    assert score(sirs, {"respiratory_rate": None, "paco2": 30}).total == 1
    assert (
        score(sirs, {"paco2": None}).total == 0
        and score(sirs, {"paco2": None, "respiratory_rate": 25}).total == 1
    )


def test_two_missing_parts_may_hide_a_positive_score():
    """Low is said only when it is sure: one known point and one missing could be two."""
    assert score(qsofa, {"respiratory_rate": 30, "gcs": None}).band == "unknown"
    assert (
        score(qsofa, {"systolic": None, "gcs": None}).band == "unknown"
        and score(qsofa, {"gcs": None}).band == "low"
    )
    nothing = qsofa(seen(chart({}))), sirs(seen(chart({})))
    assert [(found.low, found.high, found.band) for found in nothing] == [
        (0, 3, "unknown"),
        (0, 4, "unknown"),
    ]


def test_not_alert_counts_as_altered_mentation():
    """A level of consciousness stands for a coma score where none is charted."""
    assert (
        score(qsofa, {"gcs": None, "acvpu": 1}).total == 1
        and score(qsofa, {"gcs": None, "acvpu": 0}).total == 0
    )


def test_stale_readings_are_missing():
    """What is too old for the model is too old for the criteria; all three come from the same
    readings.
    """
    found = criteria(seen(chart(WELL, hours_ago=1000)))
    assert set(found) == {"news2", "qsofa", "sirs"} and all(
        one.total is None and one.low == 0 for one in found.values()
    )
