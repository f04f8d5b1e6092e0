"""What a training makes beside the trees: weights, bands by burden, hospitals left out, bins."""

import dataclasses
from datetime import timedelta

import numpy as np
import pytest

from models.patient.chart import Chart, Reading
from models.patient.features import names
from studies.boosting.fit import PARAMETERS
from studies.checks.across import across
from studies.checks.acute import acute
from studies.checks.inputs_seen import alert_rates, inputs_seen
from studies.data.stays import ADMITTED, Stay, birth_date
from studies.training.recipes import DETERIORATION, SEPSIS
from studies.training.rows import Rows, rows
from studies.training.thresholds import MOST_ALERTS, threshold_at_burden, thresholds, words
from studies.validation.alerts import new_alerts


def made(count: int = 4000, sites: tuple[str, ...] = ("",), seed: int = 1) -> Rows:
    """Return rows, four a patient, in which a high lactate goes with the event."""
    random = np.random.default_rng(seed)
    x = np.full((count, len(names())), np.nan)
    for name, middle, spread in (("age", 60, 10), ("heart_rate", 80, 10), ("lactate", 2, 1)):
        x[:, names().index(name)] = np.abs(random.normal(middle, spread, count))
    lactate = x[:, names().index("lactate")]
    event = random.random(count) < 1 / (1 + np.exp(-2 * (lactate - 3.2)))
    patient = np.arange(count) // 4
    site = np.array(sites, object)[patient % len(sites)]
    hour = 6 * (np.arange(count) % 4 + 1)
    left = np.where(event, 24.0, np.inf)
    return Rows(x, event, patient, lactate, hour, left, site)


def stay(expected: dict) -> Stay:
    readings = tuple(
        Reading(ADMITTED + timedelta(hours=1), name, value, "s")
        for name, value in (("heart_rate", 80.0), ("respiratory_rate", 16.0), ("spo2", 97.0))
    )
    chart = Chart("1", birth_date(60.0), "male", False, readings, {})
    return Stay(
        "1", chart, ADMITTED, {"death": (bool(expected),) * 12}, expected=expected, site="A"
    )


def test_rows_say_how_long_the_event_is_off():
    """And of which hospital they are; without an hour it is never."""
    data = rows([stay({"death": 36.0})], DETERIORATION)
    assert data.hour.tolist() == [6, 12] and data.left.tolist() == [30, 24]
    assert data.site.tolist() == ["A", "A"]
    assert np.isinf(rows([stay({})], DETERIORATION).left).all()


@pytest.mark.parametrize(
    ("left", "event", "weight"),
    [(0.0, True, 5.0), (48.0, True, 1 + 4 / np.e), (np.inf, True, 1.0), (0.0, False, 1.0), (-9.0, True, 5.0)],
)  # fmt: skip
def test_an_early_event_counts_more(left, event, weight):
    """Five times right before, a third of the addition two days before, and never less than one."""
    row = dataclasses.replace(made(1), left=np.array([left]), event=np.array([event]))
    assert row.weights(DETERIORATION)[0] == pytest.approx(weight)
    assert row.weights(SEPSIS)[0] == 1.0


def test_high_gives_no_more_alerts_than_its_burden():
    """One alert a patient in twelve hours; the next lower risk would give more."""
    data = made(40_000)
    random = np.random.default_rng(2)
    risk = np.round(random.beta(1, 8, len(data.event)), 4)
    high = threshold_at_burden(risk, data.patient, data.hour, 6)
    days = len(risk) / 4

    def burden(least: float) -> float:
        return 100 * new_alerts(data.patient, data.hour, risk >= least).sum() / days

    assert burden(high) <= MOST_ALERTS < burden(round(high - 0.0001, 4)) + 0.05
    assert 0 < high < 1


def test_each_hospital_keeps_the_burden_and_high_is_never_below_medium():
    """The sicker hospital decides; where all is calm medium does."""
    data = made(8000, ("A", "B"))
    risk = np.where(data.site == "A", 0.2, 0.05) * np.random.default_rng(3).random(len(data.event))
    own = threshold_at_burden(
        *(part[data.site == "A"] for part in (risk, data.patient, data.hour)), 6
    )
    found = thresholds(risk, data, dataclasses.replace(DETERIORATION, medium_sensitivity=0.99))
    assert found["high"] == own and found["medium"] <= own
    assert "2.5 new alerts" in words(DETERIORATION) and "80 %" in words(DETERIORATION)


def test_deaths_of_the_next_hours_are_judged_apart():
    """Certain within 36 h is what is expected within 12; certain later what is expected after 60;
    what lies between, or has no day, is left out.
    """
    left = np.array([0, 12, 13, 60, 61, 500, np.inf, np.inf])
    event = np.array([1, 1, 1, 1, 1, 1, 1, 0], bool)
    data = dataclasses.replace(
        made(8), left=left, event=event, patient=np.arange(8), news2=np.zeros(8)
    )
    found = acute(np.array([0.9, 0.8, 0.1, 0.1, 0.5, 0.2, 0.99, 0.7]), data, DETERIORATION)
    assert (found["rows"], found["events"]) == (5, 2) and found["auroc"]["value"] == 1.0
    assert found["news2_auroc"]["value"] == 0.5
    assert acute(np.zeros(8), data, SEPSIS) is None


def test_each_hospital_is_left_out_in_turn(monkeypatch):
    """With its own figures, beside NEWS2's; of one hospital there is nothing to leave out."""
    monkeypatch.setitem(PARAMETERS, "num_threads", 1)
    small = dataclasses.replace(SEPSIS, trees=30)
    found = across(made(6000, ("A", "B")), small)
    assert set(found) == {"A", "B"} and found["A"]["rows"] == 3000
    for one in found.values():
        low, high = one["auroc"]["interval"]
        assert 0.7 < low <= one["auroc"]["value"] <= high
        assert one["auroc_before_event"]["value"] > 0.7
    assert across(made(400), small) == {}


def test_what_later_patients_are_compared_with():
    """Tenths of the known values, the share that is missing, and how many rows each band alerts."""
    data = made(2000)
    found = inputs_seen(data)
    lactate = data.x[:, names().index("lactate")]
    assert found["lactate"]["edges"][4] == pytest.approx(np.median(lactate), abs=1e-3)
    assert (found["lactate"]["missing"], found["spo2"]) == (0.0, {"edges": [], "missing": 1.0})
    assert alert_rates(np.array([0.1, 0.2, 0.5, 0.9]), {"medium": 0.2, "high": 0.9}) == {
        "medium": 0.75,
        "high": 0.25,
    }
