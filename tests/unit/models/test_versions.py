"""One id in several versions: the newest counts alone, and one entered in error cancels."""

import itertools

import pytest

from models.patient.chart import Chart
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, bundle, observation, patient


def chart(*resources: dict) -> Chart:
    return read_chart(parse(bundle([patient(), *resources])).resources, "p1", AT)


def version(value: float, number: str | int | None = None, updated: str | None = None, **more):
    meta = {"versionId": number, "lastUpdated": updated}
    return observation("systolic", value, 1, id="one", meta=meta, **more)


def values(*resources: dict) -> set[tuple[float, ...]]:
    """Return the values that are read, in whatever order the versions come."""
    return {
        tuple(r.value for r in chart(*order).readings)
        for order in itertools.permutations(resources)
    }


EARLY, LATE = "2026-03-29T10:00:00Z", "2026-03-29T13:00:00+01:00"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (("1", None), ("2", None)),
        (("9", None), ("10", None)),
        ((9, None), (10, None)),
        ((None, EARLY), (None, LATE)),
        (("f0e1", EARLY), ("0a1b", LATE)),
        (("1", LATE), ("2", EARLY)),
    ],
)
def test_the_newest_version_counts_alone(older, newer):
    """By number where versions are numbers, else by when they were updated."""
    assert values(version(190, *older), version(89, *newer)) == {(89,)}


@pytest.mark.parametrize(
    ("marks", "read"),
    [
        ((("1", None), ("2", None)), ()),
        ((("2", None), ("1", None)), (190,)),
        (((None, EARLY), (None, LATE)), ()),
        (((None, None), (None, None)), ()),
        ((("a", None), ("b", None)), ()),
    ],
)
def test_a_version_entered_in_error_cancels_the_earlier_ones(marks, read):
    """Where no order is known, it cancels all of its id; a later one stands again."""
    first, second = marks
    found = version(190, *first), version(190, *second, status="entered-in-error")
    assert values(*found) == {read}
    assert chart(*found).unusable == ()


def test_three_versions_leave_one():
    """The first and the withdrawn second count no more once there is a third."""
    made = version(190, "1"), version(190, "2", status="entered-in-error"), version(89, "3")
    assert values(*made) == {(89,)} and chart(*made).rejected == {"version": 2}


def test_a_newer_version_that_is_not_final_counts_too():
    """The older final one is not the newest word any more."""
    found = chart(version(190, "1"), version(70, "2", status="preliminary"))
    assert found.readings == () and [u.reason for u in found.unusable] == ["status"]


def test_without_any_order_both_count():
    """Then they are two values of one moment, and the graver counts."""
    assert values(version(190), version(89)) == {(89, 190)}


def test_another_id_is_another_observation():
    """Versions of one id say nothing of another's."""
    other = version(101, "1") | {"id": "two"}
    assert values(version(89, "2"), other) == {(89, 101)}
