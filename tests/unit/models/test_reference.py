"""The reference patient: who it is, and that what parts a patient from it is told to the last
digit.
"""

import pytest
from hypothesis import given, settings

from models.fitted.registry import load_models
from models.patient.chart import Chart
from models.patient.features import VITALS, feature_row
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.patient.vocabulary import VARIABLES
from models.reading.fhir import parse
from models.reading.reader import read_chart
from models.reference import (
    HEALTHY_SPREAD,
    Compared,
    against_reference,
    reference_person,
    reference_row,
)
from tests.conftest import AT, SICK, bundle, patient, table
from tests.support.generated import charts

MODELS = load_models()


def compared(chart: Chart) -> Compared:
    snapshot = snapshot_at(series(chart), AT)
    row = feature_row(snapshot)
    return Compared(row, reference_row(row), snapshot)


def sick(**person) -> Compared:
    resources = parse(bundle([patient(**person), *table(SICK)])).resources
    return compared(read_chart(resources, "p1", AT))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id.name)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(chart=charts())
def test_what_is_told_is_the_difference_of_the_scores(model, chart):
    """Of any chart, in log-odds and to 1e-9: phi(x) - phi(reference) is score(x) -
    score(reference), calibration included.
    """
    both = compared(chart)
    baseline, shares = against_reference(model, both)
    here, there = (model.calibrated(model.predictor.score(model.seen(row))) for row in both[:2])
    assert baseline == there
    assert sum(share for _, share in shares) == pytest.approx(here - there, abs=1e-9)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(chart=charts())
def test_the_reference_has_values_where_the_chart_has(chart):
    """Same age and sex; missing stays missing; nothing else is taken over from the chart but a
    spread that health could have.
    """
    row, normal, _ = compared(chart)
    assert set(row) == set(normal)
    for name, value in row.items():
        assert (normal[name] is None) == (value is None), name
        if name in ("age", "sex"):
            assert normal[name] == value
        elif value is not None and name.endswith("spread48"):
            assert 0 <= normal[name] <= min(value, HEALTHY_SPREAD[name.partition(".")[0]])


def test_the_reference_is_its_own_reference():
    """Whoever is normal and steady parts in nothing from it."""
    row, normal, _ = sick()
    assert reference_row(normal) == normal != row


def test_normal_and_steady_means_this():
    """Extremes and mean are the normal value, changes are 0, ratios are made of normal values."""
    _, normal, _ = sick()
    assert [normal[f"heart_rate{kind}"] for kind in ("", ".low48", ".high48", ".mean48")] == [
        75
    ] * 4
    assert normal["heart_rate.change6"] == normal["creatinine.change48"] == 0
    assert normal["heart_rate.shock_index"] == pytest.approx(75 / 120)
    assert normal["systolic.pulse_pressure"] == 120 - 75
    assert normal["spo2.over_fio2"] == pytest.approx(100 * 97 / 21)
    assert normal["bun.over_creatinine"] is normal["pao2.over_fio2"] is None
    assert normal["temperature.spread48"] == HEALTHY_SPREAD["temperature"]


def test_every_variable_of_a_model_has_a_normal_value():
    """None is left at the patient's own value but age and sex."""
    names = {name for model in MODELS for name in model.variables} - {"age", "sex"}
    assert all(VARIABLES[name].normal is not None for name in names)
    assert set(HEALTHY_SPREAD) == set(VITALS)
    for name in names:
        variable = VARIABLES[name]
        assert variable.low <= variable.normal <= variable.high


def test_the_reference_is_told_as_a_person():
    """Age and sex as far as they are known; "where known" while the model lacks something."""
    woman, someone = sick(gender="female"), sick(gender="unknown")
    age = woman.snapshot.age
    model = MODELS[0]
    assert reference_person(model, woman) == f"a woman of {age} with normal values where known"
    assert reference_person(model, someone).startswith(f"a person of {age} with normal values")
    whole = woman._replace(row=dict.fromkeys(woman.row, 1.0))
    assert reference_person(model, whole) == f"a woman of {age} with normal values"
