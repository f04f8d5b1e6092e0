"""The trend: like is compared with like, and what is new is named beside it."""

from datetime import date, timedelta

from models.assess import assess
from models.fitted.registry import load_models
from models.patient.chart import Chart, Reading
from models.patient.features import names
from models.patient.vocabulary import VARIABLES
from models.trend import Scene, trend
from tests.conftest import AT

MODELS = load_models()
CALM = {
    "heart_rate": 78, "respiratory_rate": 16, "spo2": 97, "systolic": 124, "diastolic": 76,
    "temperature": 36.8, "gcs": 15, "fio2": 21,
}  # fmt: skip
NORMAL = {
    name: variable.normal
    for name, variable in VARIABLES.items()
    if variable.group == "labs" and variable.normal is not None and name != "crp"
}


def chart(*sets: tuple[float, dict[str, float]]) -> Chart:
    made = sorted(
        Reading(AT - timedelta(hours=hours), name, float(value), f"Observation/{name}")
        for hours, values in sets
        for name, value in values.items()
    )
    return Chart("p1", date(1956, 2, 1), "female", False, tuple(made), {})


def test_normal_results_that_arrive_move_no_trend():
    """The risk as printed falls, since more is known; the patient is steady, and what is new is
    named.
    """
    calm = [(hours, CALM) for hours in (20, 14, 8, 1)]
    risk = next(
        r for r in assess(chart(*calm, (2, NORMAL)), AT, MODELS).risks if r.outcome == "death"
    )
    assert risk.probability < risk.earlier / 2, "or this proves nothing"
    assert risk.trend == "steady"
    assert set(risk.new_since) == {
        VARIABLES[name].label
        for name in {*NORMAL, "haematocrit"} - {"haemoglobin"}
        if name in MODELS[0].variables
    }


def test_a_patient_who_gets_worse_rises_whatever_arrives():
    """Normal results never hide a fall of the pressure and a rising rate."""
    worse = CALM | {"systolic": 84, "heart_rate": 136, "gcs": 12, "respiratory_rate": 32}
    calm = [(hours, CALM) for hours in (20, 14, 8)]
    for arrived in ([], [(2, NORMAL)]):
        risks = assess(chart(*calm, (1, worse), *arrived), AT, MODELS).risks
        death = next(risk for risk in risks if risk.outcome == "death")
        assert death.band == "indeterminate" or death.trend == "rising"
        assert (death.new_since == ()) == (not arrived)


def test_what_is_known_no_longer_moves_no_trend_either():
    """A row compares with itself as steady, whatever either lacks; with fewer than three vital
    signs in common nothing is said.
    """
    model = MODELS[0]
    row = dict.fromkeys(names(), None) | CALM | {"age": 70.0, "sex": 0.0}
    more = row | {"bun": 90.0, "lactate": 9.0}
    few = row | {"heart_rate": None, "spo2": None, "temperature": None}
    own, other, lacking = (Scene(one, model.seen(one)) for one in (row, more, few))
    assert trend(model, own, other) == "steady" == trend(model, other, own)
    assert trend(model, own, lacking) is None is trend(model, lacking, own)
