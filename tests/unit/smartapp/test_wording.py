"""Words for numbers and times."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from models.patient.inputs import percent
from models.patient.printing import age
from smartapp.wording import clock, moment, number


@pytest.mark.parametrize(
    "probability, text",
    [
        (0.341, "34 %"),
        (0.0834, "8.3 %"),
        (0.0995, "10 %"),
        (0.0004, "under 0.1 %"),
        (0.9996, "over 99.9 %"),
        (0.995, "99.5 %"),
        (1.0, "over 99.9 %"),
    ],
)
def test_a_risk_is_never_certain(probability, text):
    """Whole per cent, a decimal where it matters, and never 0 or 100."""
    assert percent(probability) == text


def test_readings_keep_the_digits_that_matter():
    """128, 38.7, 7.31 and 0.04 each keep their own."""
    assert [number(v) for v in (128.0, 38.7, 7.31, 0.04, 4.0)] == [
        "128",
        "38.7",
        "7.31",
        "0.04",
        "4",
    ]


def test_times_are_the_wards_own():
    """A value that came in any zone is told in the ward's."""
    time = datetime(2026, 11, 20, 1, 5, tzinfo=timezone(timedelta(hours=2)))
    assert (clock(time, UTC), moment(time, UTC)) == ("23:05", "19 Nov 23:05")
    assert moment(time, ZoneInfo("Asia/Kolkata")) == "20 Nov 04:35"
    summer = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
    assert moment(summer, ZoneInfo("Europe/Berlin")) == "1 Jul 11:00"


def test_the_hour_that_comes_twice_is_told_with_its_zone():
    """When summer time ends, 02:30 before and after are not the same; other hours are bare."""
    berlin = ZoneInfo("Europe/Berlin")
    times = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1, 2)]
    assert [clock(t, berlin) for t in times] == ["02:30 CEST", "02:30 CET", "03:30"]


def test_ages_are_said_in_minutes_hours_or_days():
    """An age without a time is empty."""
    assert [age(h) for h in (0.2, 3, 60, None)] == ["12 min", "3 h", "2 days", ""]
