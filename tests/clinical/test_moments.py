"""The edges of time: a value a little ahead of our clock, and a patient born today (B5)."""

from datetime import timedelta

import pytest

from models.assess import assess
from models.patient.chart import Chart
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, SICK, bundle, observation, patient, table

SECOND = timedelta(seconds=1)
SKEW = timedelta(minutes=5)


def chart(*resources: dict) -> Chart:
    return read_chart(parse(bundle(list(resources))).resources, "p1", AT)


def seen_ahead(ahead: timedelta) -> Chart:
    """Return the chart of one heart rate that is dated so far ahead of our clock."""
    when = (AT + ahead).isoformat()
    return chart(patient(), observation("heart_rate", 131, effectiveDateTime=when))


@pytest.mark.rule("B5")
@pytest.mark.rule("G6")
def test_a_value_up_to_five_minutes_ahead_counts_as_of_now():
    """Clocks of a hospital differ; what was just measured is not thrown away."""
    for ahead in (SECOND, SKEW - SECOND, SKEW):
        (reading,) = seen_ahead(ahead).readings
        assert (reading.time, reading.value) == (AT, 131.0), ahead


@pytest.mark.rule("B5")
@pytest.mark.rule("G6")
def test_a_value_beyond_five_minutes_ahead_is_of_the_future():
    found = seen_ahead(SKEW + SECOND)
    assert found.readings == () and found.rejected == {"future": 1}


@pytest.mark.parametrize("born", ["2026-03-29", "2026-03-28"])
def test_who_was_born_today_is_a_child_and_not_of_unknown_age(born):
    """The age is 0, which is a number: nothing is scored, and the age is named."""
    found = assess(chart(patient(born=born), *table(SICK)), AT, ())
    assert (found.status, found.age_years) == ("child", 0)
    assert "0 years old" in found.reasons[0] and found.asked == ""
