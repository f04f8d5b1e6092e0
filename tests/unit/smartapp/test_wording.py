"""Words for numbers and times."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from models.patient.inputs import percent
from smartapp.wording import ago, clock, moment, number, signed


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


def test_signs_are_true_and_zero_has_none():
    """A sign is said in characters, since colour alone must not say it."""
    assert (signed(0.621), signed(-0.2), signed(0.001), signed(3.14, 1)) == (
        "+0.62",
        "−0.20",
        "0.00",
        "+3.1",
    )


def test_readings_keep_the_digits_that_matter():
    """128, 38.7, 7.31 and 0.04 each keep their own."""
    assert [number(v) for v in (128.0, 38.7, 7.31, 0.04, 4.0)] == [
        "128",
        "38.7",
        "7.31",
        "0.04",
        "4",
    ]


def test_times_are_utc_until_the_script_knows_better():
    """The server speaks UTC whatever zone a value came in."""
    time = datetime(2026, 11, 20, 1, 5, tzinfo=timezone(timedelta(hours=2)))
    assert (clock(time), moment(time)) == ("23:05", "19 Nov 23:05")
    assert moment(datetime(2026, 3, 1, 9, 0, tzinfo=UTC)) == "1 Mar 09:00"


def test_ages_are_said_in_minutes_hours_or_days():
    """An age without a time is empty."""
    assert [ago(h) for h in (0.2, 3, 60, None)] == ["12 min", "3 h", "2 days", ""]
