"""The edges of time: a value a little ahead of our clock, a moment between two values that say two
things of it, and a patient born today (B5).
"""

from datetime import timedelta

import pytest

from models.assess import assess
from models.course import hourly
from models.patient.chart import Chart
from models.patient.news2 import chart_news2
from models.patient.series import series
from models.reading.fhir import parse
from models.reading.reader import read_chart
from smartapp.sight import ChartAt
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


# What is charted before and after a moment, by minutes, and what NEWS2 of that moment counts.
@pytest.mark.parametrize(
    ("before", "after", "known"),
    [
        (("fio2", 21, 5), ("oxygen_flow", 6, -9), ("oxygen", 0)),
        (("oxygen_flow", 0, 5), ("fio2", 40, -9), ("oxygen", 0)),
        (("gcs", 15, 10), ("acvpu", 3, -4), ("consciousness", 0)),
        (("respiratory_rate", 16, 0.5), ("respiratory_rate", 30, -0.4), ("respiratory_rate", 0)),
        (("respiratory_rate", 30, 0.5), ("respiratory_rate", 16, -0.4), ("respiratory_rate", 3)),
    ],
)
def test_a_moment_knows_nothing_of_what_was_taken_after_it(before, after, known):
    """A graver value of the same minute, or a sister's of the same set, is of later: the hour of
    the course and the chart as it was then say what was charted by then.
    """
    rows = [observation(name, value, 2 + minutes / 60) for name, value, minutes in (before, after)]
    for row in rows:
        if quantity := row["valueQuantity"] if "acvpu-" in row["id"] else None:
            row.pop("valueQuantity")
            row["valueCodeableConcept"] = {"text": "ACVPU"[quantity["value"]]}
    found = chart(patient(), *rows)
    then = ChartAt(found, AT, 2.0).before(timedelta(hours=2))
    hour = next(one for one in hourly(series(found), AT) if one.at == then.at)
    for score in (assess(then.chart, then.at, ()).news2, chart_news2(hour)):
        points = {part.name: part.points for part in score.parts}
        assert points[known[0]] == known[1]
