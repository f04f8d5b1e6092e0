"""What is suggested of which chart: each rule at its boundary, and the demonstration's patients."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ehr.actions.wanted import wanted
from models.assess import assess
from models.patient.chart import PartState, Reading, Unusable
from tests.clinical.test_findings import MODELS, bad, chart
from tests.conftest import AT
from tests.unit.demo.test_patients_assessed import patients

RATED = {"heart_rate": 112, "respiratory_rate": 22, "systolic": 108}  # 2 + 2 + 1


def of(made, models=()):
    return {one.kind: one for one in wanted(assess(made, AT, models))}


@pytest.mark.parametrize(
    ("change", "observe", "hours"),
    [
        ({}, None, None),
        ({"heart_rate": 112, "respiratory_rate": 22}, None, None),
        ({"spo2": 91}, "at least every hour: NEWS2 3", 1),
        (RATED, "at least every hour: NEWS2 5", 1),
        (RATED | {"spo2": 94}, "at least every hour: NEWS2 6", 1),
        (RATED | {"spo2": 93}, "continuously: NEWS2 7", None),
    ],
)
def test_observations_follow_news2(change, observe, hours):
    """RCP: hourly from 5 or a red parameter, continuous from 7; less asks for no order."""
    found = of(chart(**change)).get("observations")
    assert (found and found.label) == (f"Observe {observe}" if observe else None)
    assert (found and found.hours) == hours


def test_an_overdue_set_is_asked_for_now():
    found = of(chart(hours=13))["observations"]
    assert found.label == "Take a full set of observations: none for 13 h" and not found.often


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (RATED | {"spo2": 94}, None),
        (RATED | {"spo2": 93}, "NEWS2 7"),
        ({"potassium": 6.5}, "potassium 6.5 mmol/L"),
        ({"potassium": 6.4}, None),
        ({"heart_rate": 0}, "heart rate 0 /min"),
    ],
)
def test_the_team_is_called_for_seven_points_or_a_critical_value(change, why):
    found = of(chart(**change)).get("escalation")
    assert (found and found.label) == (f"Call the rapid response team: {why}" if why else None)
    assert not found or found.recommended == why.startswith("NEWS2")


@pytest.mark.parametrize(("change", "asked"), [(RATED, True), ({"spo2": 91}, False), ({}, False)])
def test_lactate_is_asked_for_from_five_points(change, asked):
    assert ("lactate" in of(chart(**change))) is asked


def test_a_lactate_that_was_done_or_may_have_been_is_not_asked_for():
    """One that can't be used was taken all the same; of what could not be read nobody knows."""
    soon = Reading(AT - timedelta(minutes=20), "lactate", 1.1, "Observation/l")
    made = chart(**RATED)
    assert "lactate" not in of(replace(made, readings=tuple(sorted((*made.readings, soon)))))
    assert "lactate" not in of(chart(**RATED, unusable=[bad("lactate", "<0.3 mmol/L", None, 0.3)]))
    assert "lactate" not in of(replace(made, parts={"labs": PartState("failed")}))
    old = Unusable(AT - timedelta(hours=5), "lactate", "bound", "<1", "Observation/l", None, 1.0)
    assert "lactate" in of(chart(**RATED, unusable=[old]))


@pytest.mark.parametrize(
    ("temperature", "asked"), [(38.1, True), (38.0, False), (36.0, False), (35.9, True)]
)
def test_cultures_need_a_risk_of_sepsis_and_a_temperature(temperature, asked):
    made, at = patients()["sepsis"].chart, patients()["sepsis"].found.at
    kept = [one for one in made.readings if one.variable != "temperature"]
    now = Reading(at - timedelta(minutes=10), "temperature", temperature, "Observation/t")
    changed = replace(made, readings=tuple(sorted((*kept, now))))
    found = assess(changed, at, MODELS)
    assert any(r.outcome == "sepsis" and r.band != "low" for r in found.risks)
    assert ("cultures" in {one.kind for one in wanted(found)}) is asked
    assert "cultures" not in {one.kind for one in wanted(assess(changed, at, ()))}


@pytest.mark.parametrize("born", [None, date(2018, 1, 1)])
def test_nothing_is_suggested_where_news2_is_not_made_for(born):
    assert not of(chart(born=born, potassium=7.8, spo2=70))


def test_nothing_is_suggested_for_the_dead():
    assert not of(replace(chart(**RATED), deceased=True))


@pytest.mark.parametrize(
    ("patient", "kinds"),
    [
        ("sepsis", {"escalation", "observations", "cultures"}),
        ("haemorrhage", {"escalation", "observations", "cultures"}),
        ("respiratory-failure", {"escalation", "observations"}),
        ("heart-failure", {"escalation", "observations", "lactate"}),
        ("withdrawal", {"escalation", "observations", "lactate", "cultures"}),
        ("potassium", {"escalation"}),
        ("stale", {"observations"}),
        ("stable", set()),
        ("improving", set()),
        ("child", set()),
    ],
)
def test_the_invented_patients(patient, kinds):
    """The sick ones' lactate is fresh, so it is not asked for; the well get nothing."""
    assert {one.kind for one in wanted(patients()[patient].found)} == kinds
