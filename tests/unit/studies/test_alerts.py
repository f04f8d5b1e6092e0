"""Alerts after silence, their burden and their lead time, by hand."""

import numpy as np
import pytest

from studies.validation.alerts import (
    alarms,
    at_end,
    burden,
    burden_curve,
    lead_time,
    new_alerts,
    onset,
)
from tests.support.invented_rows import invented, rows

LIMITS = {"high": 0.5}


def stay(*hours: int, until: int = 30) -> dict:
    """Return one stay of hourly rows that is above the threshold at these hours."""
    every = range(1, until + 1)
    return {
        "stay": [0] * until,
        "hour": list(every),
        "risk": [0.9 if h in hours else 0.1 for h in every],
        "event": [False] * until,
    }


@pytest.mark.parametrize(
    ("hours", "alerts"),
    [
        ((), 0),
        ((4,), 1),
        ((4, 5, 6), 1),
        ((4, 15), 1),
        ((4, 16), 2),
        (range(1, 31), 3),
        ((4, 15, 16, 17, 27, 28), 3),
    ],
)
def test_an_alert_is_followed_by_twelve_hours_of_silence(hours, alerts):
    """An alert at hour 4 silences until hour 15; what is silenced does not prolong the silence."""
    some = rows(**stay(*hours))
    assert new_alerts(some.stay, some.hour, some.risk >= 0.5).tolist() == [alerts]


def test_silence_ends_with_the_stay():
    """The next stay alerts at once; a stay without an alarm has none."""
    some = rows([0, 0, 1, 2, 2], [1, 2, 1, 1, 2], [0.9, 0.9, 0.9, 0.1, 0.1], [0] * 5)
    assert new_alerts(some.stay, some.hour, some.risk >= 0.5).tolist() == [1, 1, 0]


def test_burden_by_hand():
    """Three stays of 24, 12 and 12 hours are two days: two alerts there are 100 per 100 days,
    two of three stays are alerted.
    """
    sizes = np.repeat([0, 1, 2], [4, 2, 2])
    some = rows(
        sizes,
        [6, 12, 18, 24, 6, 12, 6, 12],
        [0.9, 0.1, 0.1, 0.1, 0.6, 0.7, 0.1, 0.1],
        [0] * 8,
        news2=[7, 0, 0, 0, 5, 0, 0, 0],
    )
    found = burden(some, 6, alarms(some, LIMITS))(np.ones(3))
    assert found["high_alerts_per_100_patient_days"] == 100 and found[
        "high_ever_alerted"
    ] == pytest.approx(2 / 3)
    assert found["news2_5_alerts_per_100_patient_days"] == 100 and found[
        "news2_7_ever_alerted"
    ] == pytest.approx(1 / 3)
    twice = burden(some, 6, alarms(some, LIMITS))(np.array([2.0, 0, 1]))
    assert twice["high_alerts_per_100_patient_days"] == pytest.approx(100 * 2 / 2.5) and twice[
        "high_ever_alerted"
    ] == pytest.approx(2 / 3)


def test_a_patient_brings_all_stays():
    """Weights are of patients: two stays of the one who is drawn."""
    some = rows([0, 1, 2], [24, 24, 24], [0.9, 0.9, 0.1], [0] * 3, patient=[0, 0, 1])
    assert (
        burden(some, 24, alarms(some, LIMITS))(np.array([1.0, 0]))[
            "high_alerts_per_100_patient_days"
        ]
        == 100
    )


def test_a_lower_threshold_alerts_more():
    """The curve falls with the threshold, and agrees with the working point."""
    some = invented()
    lines = burden_curve(some, 1)
    rates = [line["alerts_per_100_patient_days"] for line in lines]
    assert rates == sorted(rates, reverse=True) and [line["risk"] for line in lines][0] == 0.01
    assert (
        rates[-1]
        == burden(some, 1, alarms(some, LIMITS))(np.ones(150))["high_alerts_per_100_patient_days"]
    )


@pytest.mark.parametrize(("labels", "hour"), [((0, 0, 0), None), ((0, 0, 1, 1), 9), ((1, 1), 7)])
def test_onset_lies_ahead_of_the_first_label(labels, hour):
    """Labels that begin 6 hours before: the third hour's label says hour 9."""
    labels = tuple(map(bool, labels))
    assert onset(labels, 6) == hour and at_end(labels) == (len(labels) if hour else None)


def leads(*patients: tuple[list[int], int]) -> dict:
    """Return the lead times of stays of 40 hours with alarms at these hours and an onset at
    that.
    """
    stays = [stay(*hours, until=40) for hours, _ in patients]
    joined = {key: sum((one[key] for one in stays), []) for key in ("hour", "risk", "event")}
    some = rows(np.repeat(np.arange(len(stays)), 40), **joined)
    found = lead_time(some, {place: hour for place, (_, hour) in enumerate(patients)}, LIMITS, 0)[
        "high"
    ]
    return {name: figure["value"] for name, figure in found.items()}


def test_lead_time_by_hand():
    """First alerts 13, 7 and 1 hours ahead and one missed: shares are of all four."""
    found = leads(([17, 25], 30), ([23], 30), ([29], 30), ([], 30))
    assert (found["events"], found["undetected"], found["median_hours"]) == (4, 0.25, 7)
    assert (found["lower_quartile_hours"], found["upper_quartile_hours"]) == (4, 10)
    assert [found[f"over_{hours}_h"] for hours in (1, 6, 12)] == [0.5, 0.5, 0.25]


def test_only_the_day_before_onset_counts():
    """An alert 25 hours before or after the event detects nothing, one at 24 hours or at onset
    does.
    """
    assert leads(([10, 36], 35))["undetected"] == 1
    assert leads(([11], 35))["median_hours"] == 24 and leads(([35], 35))["median_hours"] == 0
    assert leads((list(range(1, 41)), 35))["median_hours"] == 24


def test_without_events_there_is_no_lead_time():
    """No onset, no figures; none detected, no median but a share."""
    assert lead_time(rows(**stay(3)), {}, LIMITS, 10) == {}
    found = leads(([], 30))
    assert found["median_hours"] is None and found["undetected"] == 1 and found["over_1_h"] == 0
