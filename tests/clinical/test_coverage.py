"""A chart that was read in part: what looks back into the gap is missing, and is never called absent."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.assess import assess
from models.fitted.registry import load_models
from models.patient.chart import Chart, PartState
from models.patient.features import feature_row
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, SICK, bundle, patient, table

WHOLE = PartState("whole")


def chart(**parts: PartState) -> Chart:
    resources = parse(bundle([patient(), *table(SICK)])).resources
    return read_chart(resources, "p1", AT, parts={"patient": WHOLE} | parts)


def cut(hours: float) -> PartState:
    return PartState("cut", AT - timedelta(hours=hours))


def row(**parts: PartState) -> dict:
    return feature_row(snapshot_at(series(chart(**parts)), AT))


def test_a_part_cut_before_all_that_counts_changes_nothing():
    """Read back to 54 and 78 h, vital signs and laboratory results are as good as whole."""
    assert row(vitals=cut(54), labs=cut(78)) == row()
    assert assess(chart(vitals=cut(54), labs=cut(78)), AT, ()).unread == ()


def test_a_window_that_reaches_into_the_gap_is_missing():
    """Read back to 10 h: the newest values stand, the extremes of two days don't, nor changes
    over 12 h; those over 6 h do.
    """
    whole, found = row(), row(vitals=cut(10))
    assert found["heart_rate"] == whole["heart_rate"] == 128
    assert found["heart_rate.change6"] == whole["heart_rate.change6"]
    assert whole["heart_rate.low48"] is not None
    gone = ("low48", "high48", "mean48", "spread48", "change12", "change24")
    assert [found[f"heart_rate.{kind}"] for kind in gone] == [None] * len(gone)


def test_a_reading_in_the_gap_does_not_count():
    """A lactate of six hours ago is no newest value when only three hours could be read."""
    assert row(labs=cut(3))["lactate"] is not None and row(labs=cut(0.5))["lactate"] is None
    found = assess(chart(labs=cut(0.5)), AT, load_models())
    (item,) = (i for i in found.inputs if i.variable == "lactate")
    assert (item.state, item.display) == ("unread", "could not be read")


@pytest.mark.parametrize(
    "part",
    [
        cut(0.5),
        PartState("cut"),
        PartState("failed"),
        PartState("absent"),
        PartState("not granted"),
    ],
)
def test_a_part_that_could_not_be_read_is_never_a_fact_about_the_chart(part):
    """No number, no NEWS2, and neither "too few" nor "too old": they could not be read."""
    found = assess(chart(vitals=part), AT, load_models())
    assert (found.status, found.risks) == ("unread", ())
    assert "in the chart" not in " ".join(found.reasons) and found.unread
    assert set(found.news2.missing) == {p.label for p in found.news2.parts}
    assert all(i.display != "not in the chart" for i in found.inputs if i.variable == "spo2")


def test_patient_details_that_could_not_be_read_are_no_unknown_age():
    """The age is unknown because of us; that is what is said."""
    resources = parse(bundle(table(SICK))).resources
    parts = {"patient": PartState("failed", why="status 500")}
    found = assess(read_chart(resources, "p1", AT, parts=parts), AT, ())
    assert found.status == "unread" and "could not be read" in found.reasons[0]
    assert found.unread[0].startswith("Patient details could not be read (status 500)")


def test_records_of_former_versions_are_whole_charts():
    """An audit record without `parts` replays as before."""
    recorded = chart().as_json()
    del recorded["parts"]
    assert Chart.from_json(recorded) == replace(chart(), parts={})
