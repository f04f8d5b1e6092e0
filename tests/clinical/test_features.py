"""Features against a slow plain reference, at the edges of age, and through both roads (training
rows and FHIR).
"""

import math
import statistics
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.patient.chart import Chart, Reading
from models.patient.features import LABS, VITALS, feature_row, names
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.patient.vocabulary import VARIABLES
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, SICK, bundle, observation, patient, table


def chart_of(readings) -> Chart:
    return Chart("p1", None, None, False, tuple(sorted(readings)), {})


def row_of(*observations: dict) -> dict:
    chart = read_chart(parse(bundle([patient(), *observations])).resources, "p1", AT)
    return feature_row(snapshot_at(series(chart), AT))


def reference_row(chart: Chart) -> dict:
    """The vital signs and laboratory features again, as plainly as the docstrings say them: one
    scan each, no bisection.
    """
    row = {}
    for name in VITALS + LABS:
        known = [(r.time, r.value) for r in chart.readings if r.variable == name and r.time <= AT]
        fresh = [
            pair for pair in known if pair[0] >= AT - timedelta(hours=VARIABLES[name].max_age_hours)
        ]
        last = fresh[-1] if fresh else None
        row[name] = last and last[1]
        if name in VITALS:
            window = [value for time, value in known if time >= AT - timedelta(hours=48)]
            row[f"{name}.low48"], row[f"{name}.high48"] = (
                (min(window), max(window)) if last else (None, None)
            )
            row[f"{name}.mean48"] = statistics.fmean(window) if last else None
            row[f"{name}.spread48"] = (
                statistics.pstdev(window) if last and len(window) > 2 else None
            )
            for kind, hours in ((".change6", 6), (".change12", 12), (".change24", 24)):
                span = [
                    value
                    for time, value in known
                    if last and time >= last[0] - timedelta(hours=hours)
                ]
                row[name + kind] = last[1] - span[0] if last and len(span) > 1 else None
        else:
            before = [value for time, value in known if time >= AT - timedelta(hours=48)][:-1]
            row[f"{name}.change48"] = last[1] - before[-1] if last and before else None
    return row


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(VITALS + LABS), st.integers(-60, 80 * 60), st.integers(20, 200)),
        unique_by=lambda r: (r[0], r[1]),
        max_size=60,
    )
)
def test_features_equal_a_slow_plain_reference(rows):
    """On random charts, future readings included, the fast features are the ones that the words
    describe.
    """
    chart = chart_of(Reading(AT - timedelta(minutes=m), v, float(x), "s") for v, m, x in rows)
    found = feature_row(snapshot_at(series(chart), AT))
    for name, value in reference_row(chart).items():
        if name.partition(".")[0] != "mean_pressure":
            assert found[name] == pytest.approx(value), name


def test_every_feature_has_a_value_or_none_and_a_fixed_order():
    """A row has exactly the named features; none is NaN."""
    row = row_of(*table(SICK))
    assert set(row) == set(names()) and not any(
        isinstance(v, float) and math.isnan(v) for v in row.values()
    )


@pytest.mark.parametrize(("hours", "known"), [(11.99, True), (12.0, True), (12.01, False)])
def test_a_vital_sign_is_stale_after_twelve_hours(hours, known):
    """Stale is missing: none of its features speaks any more."""
    row = row_of(observation("heart_rate", 88, hours))
    assert (row["heart_rate"] == 88) is known and (row["heart_rate.low48"] is None) is not known


def test_missing_is_none_and_never_zero():
    """An empty chart has no number in it but the patient's own."""
    row = row_of()
    assert {name for name, value in row.items() if value is not None} == {"age", "sex"}


@pytest.mark.parametrize(
    ("variable", "value", "feature", "expected"),
    [
        ("acvpu", None, "gcs", 13.0),
        ("haemoglobin", 10, "haematocrit", 29.4),
        ("oxygen_flow", 0, "fio2", 21.0),
        ("oxygen_flow", 4, "fio2", 36.0),
        ("oxygen_flow", 15, "fio2", 60.0),
    ],
)
def test_a_sister_variable_may_speak(variable, value, feature, expected):
    """A coded level stands for a coma score, haemoglobin for haematocrit, a flow for an inspired
    fraction.
    """
    coded = (
        {"valueQuantity": None, "valueCodeableConcept": {"coding": [{"code": "300202002"}]}}
        if value is None
        else {}
    )
    assert row_of(observation(variable, value or 0, **coded))[feature] == pytest.approx(expected)


def test_the_newest_statement_speaks_and_at_one_moment_the_own_variable():
    """A flow noted after a fraction replaces it; at the same moment the measured fraction
    counts.
    """
    assert row_of(observation("fio2", 50, 3), observation("oxygen_flow", 2, 1))["fio2"] == 28
    assert row_of(observation("fio2", 50, 3), observation("oxygen_flow", 2, 3))["fio2"] == 50


def test_a_mean_pressure_follows_from_its_pair_with_all_its_features():
    """Systolic and diastolic of one moment give the mean, its extremes and its change."""
    row = row_of(*table("when | systolic | diastolic\n5 | 120 | 60\n1 | 90 | 45"))
    assert (row["mean_pressure"], row["mean_pressure.high48"], row["mean_pressure.change12"]) == (
        60,
        80,
        -20,
    )


def test_derived_features_are_ratios_of_what_is_fresh():
    """Shock index, pulse pressure and saturation over inspired oxygen."""
    row = row_of(
        *table(
            "when | heart_rate | systolic | diastolic | spo2 | fio2\n1 | 120 | 80 | 50 | 90 | 50"
        )
    )
    assert (
        row["heart_rate.shock_index"] == 1.5
        and row["systolic.pulse_pressure"] == 30
        and row["spo2.over_fio2"] == 180
    )
    assert (
        row["mean_pressure"] == 60
        and row_of(observation("heart_rate", 90))["heart_rate.shock_index"] is None
    )
