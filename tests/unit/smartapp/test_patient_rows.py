"""Rows of a list: order, changes, what is not said where it is not certain."""

from datetime import UTC, date, datetime, timedelta

import pytest

from smartapp.patients.assessed import Assessed, Body, Risk, read
from smartapp.patients.rows import Outcome, rows

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
WORDS = {"sepsis": Outcome("sepsis within 6 h", 0.06)}


def assessed(patient="p", hours=1.0, level="info", risk=0.02, band="low", news2=3, **more):
    """Return one assessment some hours ago."""
    risks = () if risk is None else (Risk("sepsis", risk, band, (risk / 2, min(1.0, risk * 3))),)
    score = {"total": news2, "low": news2 or 0, "high": 20 if news2 is None else news2}
    return Assessed(
        **{
            "type": "hook",
            "patient": patient,
            "at": NOW - timedelta(hours=hours),
            "status": "scored",
            "level": level,
            "news2": score,
            "risks": risks,
            "data_time": NOW - timedelta(hours=hours, minutes=30),
            "shown": True,
            "form": "whole",
            "chart": Body(date(1951, 3, 9), "female"),
        }
        | more
    )


def made(*found, hidden=lambda one: one.hidden):
    return rows(found, NOW, WORDS, hidden)


def test_order_is_by_level_then_by_time():
    found = made(
        assessed("a", 1),
        assessed("b", 2, "warning"),
        assessed("c", 3, "critical"),
        assessed("d", 0.5),
        assessed("e", 1.5, "critical"),
    )
    assert [row.patient for row in found] == ["e", "c", "b", "d", "a"]


def test_a_patient_is_one_row_as_last_assessed():
    (row,) = made(
        assessed(hours=1, level="critical", risk=0.123, band="high", news2=9),
        assessed(hours=3, risk=0.021, news2=4),
        assessed(hours=4, risk=0.3, news2=1),
    )
    assert (row.level, row.figure, row.band, row.label) == (
        "critical",
        "12 %",
        "high",
        "sepsis within 6 h",
    )
    assert (row.points, row.news2, row.news2_change, row.times) == (10, "9", 5, 3)
    assert (row.data_age, row.age_years, row.sex, row.given) == ("2 h", 75, "female", "card shown")
    assert row.interval == "6.2 to 37 %"


def test_a_change_is_told_only_between_two_certain_numbers():
    """An interval stands in place of a number, and a range of NEWS2 has no difference."""
    unsure = assessed(hours=1, risk=0.2, band="indeterminate", news2=None)
    (row,) = made(unsure, assessed(hours=2))
    assert (row.points, row.news2_change, row.band) == (None, None, "not certain")
    assert row.figure == "10 to 60 %" and row.interval is None and row.news2 == "not known"
    (row,) = made(assessed(hours=1), assessed(hours=2, risk=None))
    assert row.points is None and row.news2_change == 0
    (row,) = made(assessed(news2=None) and assessed(news2=5))
    assert row.points is None and row.news2_change is None and row.spark is None


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("stale", "data too old"),
        ("unread", "not read in full"),
        ("odd", "the score was unavailable"),
    ],
)
def test_without_a_number_the_reason_stands(status, why):
    (row,) = made(assessed(risk=None, status=status, data_time=None))
    assert (row.figure, row.why, row.data_age) == (None, why, "")


def test_what_is_withheld_of_one_assessment_is_of_all():
    """The level is then that of the findings that are no model's."""
    findings = (
        ("critical", "risk", None, "12 %"),
        ("warning", "red", "heart_rate", "132 /min"),
    )
    (row,) = made(
        assessed(hours=1, level="critical", findings=findings),
        assessed(hours=2, withheld=True),
        hidden=lambda one: one.hidden,
    )
    assert (row.level, row.figure, row.points) == ("warning", None, None)
    assert row.why == "withheld under a study protocol"
    assert row.spark and row.spark.of == "NEWS2"


def test_the_course_is_of_the_leading_risk_and_has_gaps():
    """Where no number was given there is none drawn; the words say so."""
    (row,) = made(
        assessed(hours=1, risk=0.1),
        assessed(hours=2, risk=None),
        assessed(hours=3, risk=0.02),
        assessed(hours=4, risk=0.01),
    )
    spark = row.spark
    assert spark and spark.of == "risk" and len(spark.points) == 3 and len(spark.lines) == 1
    assert [words for _, words in spark.values] == ["1.0 %", "2.0 %", "no number", "10 %"]
    assert [time for time, _ in spark.values] == sorted(time for time, _ in spark.values)
    xs, ys = zip(*spark.points, strict=True)
    assert list(xs) == sorted(xs) and min(ys) >= 4 and max(ys) <= 24
    assert spark.threshold and min(ys) < spark.threshold


@pytest.mark.parametrize(
    ("more", "given"),
    [
        ({"form": "line"}, "one line shown"),
        ({"shown": False, "delivery": "quiet period"}, "card held back: quiet period"),
        ({"type": "page", "shown": None}, "this page was opened"),
        ({"type": "listed", "shown": None}, "assessed from a list"),
    ],
)
def test_what_became_of_the_card_is_said(more, given):
    (row,) = made(assessed(**more))
    assert row.given == given


def test_records_that_are_no_assessment_are_passed_over():
    """A repeat, a part of a page, and what an older Vigil wrote."""
    record = {
        "type": "hook",
        "patient": "p",
        "at": NOW.isoformat(),
        "status": "scored",
        "level": "info",
        "chart": {"readings": []},
    }
    odd = [record | {"chart": None}, {**record, "level": 3}, {"type": "page", "chart": {}}]
    repeat = {name: value for name, value in record.items() if name != "chart"}
    assert [one.patient for one in read([*odd, repeat, record])] == ["p"]
