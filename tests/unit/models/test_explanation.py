"""Explanations: points that add up as printed, words for what drives them, and the model's
habits.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assess import assess
from models.contributions import Contribution, contribution
from models.drivers import RATIOS, driver_text
from models.explanation import printed_points
from models.fitted.model import sigmoid
from models.fitted.registry import load_models
from models.patient.chart import Chart, Reading
from models.patient.conflicts import grade
from models.patient.features import DERIVED, feature_row, names
from models.patient.series import series
from models.patient.snapshot import Snapshot, snapshot_at
from models.patient.vocabulary import VARIABLES
from models.reference import Compared, reference_row
from tests.conftest import AT
from tests.support.generated import charts

MODELS = load_models()


def snapshot(*readings: tuple[str, float, float]) -> Snapshot:
    """Return the Snapshot of (variable, hours before AT, value) triples."""
    made = sorted(
        Reading(AT - timedelta(hours=hours), name, float(value), f"Observation/{name}")
        for name, hours, value in readings
    )
    chart = Chart("p1", date(1958, 2, 1), "male", False, tuple(made), {})
    return snapshot_at(series(chart), AT)


def words(feature: str, *readings: tuple[str, float, float]) -> str:
    found = snapshot(*readings)
    return driver_text(feature, feature_row(found), found)[0]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(-1.5, 1.5).map(lambda share: round(share, 6)), max_size=26),
    st.floats(-7, 3),
    st.sampled_from([0, 1]),
)
def test_printed_points_add_up(shares, baseline, digits):
    """Whatever the shares: printed baseline and points are the printed risk, no share changes its
    sign, none of 0 gets a point, and each lies within a step of its exact value.
    """
    score = baseline + sum(shares)
    points = printed_points(shares, baseline, score, digits)
    start, end = (round(100 * sigmoid(value), digits) for value in (baseline, score))
    assert start + sum(points) == pytest.approx(end, abs=1e-9) or not shares
    assert all(
        point * share >= 0 and (share or not point)
        for point, share in zip(points, shares, strict=True)
    )
    chord = 100 * (sigmoid(score) - sigmoid(baseline)) / (score - baseline or 1)
    if abs(score - baseline) > 1e-6:
        exact = [chord * share for share in shares]
        assert all(abs(a - b) <= 10**-digits + 1e-9 for a, b in zip(points, exact, strict=True))


@pytest.mark.parametrize(
    ("feature", "readings", "said"),
    [
        ("lactate", [("lactate", 1, 4.5)], "lactate 4.5 mmol/L"),
        (
            "temperature.high48",
            [("temperature", 30, 39.5), ("temperature", 1, 37)],
            "highest temperature in 48 h 39.5 °C",
        ),
        (
            "systolic.low48",
            [("systolic", 30, 130), ("systolic", 1, 84)],
            "systolic pressure 84 mmHg (lowest in 48 h)",
        ),
        ("spo2.low48", [("spo2", 1, 97)], "oxygen saturation 97 %"),
        (
            "spo2.mean48",
            [("spo2", 5, 90), ("spo2", 1, 97)],
            "average oxygen saturation over 48 h 94 %",
        ),
        (
            "heart_rate.spread48",
            [("heart_rate", 5, 60), ("heart_rate", 3, 90), ("heart_rate", 1, 120)],
            "heart rate varied by ±24.5 /min over 48 h",
        ),
        (
            "creatinine.change48",
            [("creatinine", 20, 1.41), ("creatinine", 1, 1.01)],
            "creatinine fell by 0.40 mg/dL within 48 h",
        ),
        (
            "respiratory_rate.change6",
            [("respiratory_rate", 5, 15), ("respiratory_rate", 1, 27)],
            "respiratory rate rose by 12 /min within 6 h",
        ),
        (
            "ph.change48",
            [("ph", 20, 7.401), ("ph", 1, 7.4)],
            "blood pH hardly changed within 48 h",
        ),
        (
            "gcs.change24",
            [("gcs", 20, 15), ("gcs", 1, 11)],
            "Glasgow coma score fell by 4 within 24 h",
        ),
        (
            "heart_rate.shock_index",
            [("heart_rate", 1, 140), ("systolic", 1, 80)],
            "shock index 1.75 (140 /min and 80 mmHg)",
        ),
        ("gcs", [("acvpu", 1, 4)], "Glasgow coma score 6 (from ACVPU unresponsive)"),
        ("gcs", [("gcs", 1, 6)], "Glasgow coma score 6"),
        ("fio2", [("oxygen_flow", 1, 6)], "inspired oxygen 44 % (from oxygen flow 6.0 L/min)"),
        (
            "fio2.high48",
            [("oxygen_flow", 20, 6), ("fio2", 1, 21)],
            "highest inspired oxygen in 48 h 44 % (from oxygen flow 6.0 L/min)",
        ),
        (
            "mean_pressure",
            [("systolic", 1, 91), ("diastolic", 1, 52)],
            "mean pressure 65 mmHg (from 91/52)",
        ),
        ("haematocrit", [("haemoglobin", 1, 7)], "haematocrit 21 % (from haemoglobin 7.0 g/dL)"),
    ],
)
def test_a_driver_is_said_in_words(feature, readings, said):
    """Extremes, means, spreads, changes and ratios are told as what they are, with their unit, and
    what was made of another value says of which.
    """
    assert words(feature, *readings) == said


def test_every_feature_has_words():
    """Each that a model may have, with its own value; what is not known drives nothing."""
    values = [
        (name, hours, (variable.low + variable.high) / 2 + hours)
        for name, variable in VARIABLES.items()
        for hours in (1, 4, 9, 20)
        if name not in ("acvpu", "spo2_target") and hours < variable.max_age_hours + 12
    ]
    # Urine is gathered since the amount before it, which may be no longer ago than a night.
    values += [("urine", hours, 80.0) for hours in (2, 6, 13, 15)]
    found = snapshot(*((n, h, min(v, VARIABLES[n].high)) for n, h, v in values))
    row = feature_row(found)
    for name in names():
        if name not in ("age", "sex"):
            assert driver_text(name, row, found)[0], name
    assert set(RATIOS) == set(DERIVED)
    with pytest.raises(ValueError, match="lactate"):
        driver_text("lactate", {"lactate": None}, found)


STEADY = {
    "heart_rate": 80, "respiratory_rate": 16, "spo2": 97, "systolic": 125, "diastolic": 75,
    "gcs": 15, "fio2": 21,
}  # fmt: skip


def of(outcome: str, *readings: tuple[str, float, float]) -> dict[str, Contribution]:
    chart = snapshot(*readings).chart
    risk = next(r for r in assess(chart, AT, MODELS).risks if r.outcome == outcome)
    return {item.variable: item for item in risk.contributions}


def test_the_leading_feature_decides_the_words():
    """A fever of yesterday is named as such, with the temperature of now behind it."""
    course = [("temperature", 20, 39.5), ("temperature", 10, 38.2), ("temperature", 1, 37.0)]
    steady = [(name, hours, value) for name, value in STEADY.items() for hours in (20, 10, 1)]
    found = of("sepsis", *steady, *course)["temperature"]
    assert found.text == "highest temperature in 48 h 39.5 °C; last 37.0 °C, 1 h ago"
    assert found.points > 0 and found.amount == f"+{found.points:.{found.digits}f}"


@pytest.mark.parametrize(
    "points, digits, text",
    [(0.621, 2, "+0.62"), (-0.2, 2, "−0.20"), (0.001, 2, "0.00"), (3.14, 1, "+3.1")],
)
def test_signs_are_true_and_zero_has_none(points, digits, text):
    """A sign is said in characters, since colour alone must not say it."""
    found = Contribution("spo2", "SpO2", 0.1, points, 97.0, 1.0, "SpO2 97 %", True, digits)
    assert found.amount == text


def test_a_missing_value_is_said_to_be_unknown():
    """Age and sex, which the reference shares, speak beside the other values."""
    found = of("death", *((name, 1, value) for name, value in STEADY.items()))
    assert found["lactate"].text == "lactate not known" and found["lactate"].value is None
    assert found["age"].text == "age 68 years (beside the other values)"
    assert found["sex"].text == "sex male (beside the other values)"
    assert found["heart_rate"].text.endswith(", 1 h ago")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(chart=charts())
def test_a_habit_is_marked_where_the_model_goes_against_news2_or_a_limit(chart):
    """Of any chart: a variable whose NEWS2 points are 2 or 3, or whose value is beyond a limit, and
    which is printed as lowering the risk, is marked, and no other.
    """
    found = assess(chart, AT, MODELS)
    points = {part.name: part.points or 0 for part in found.news2.parts}
    own = {"gcs": "consciousness", "fio2": "oxygen"}
    for risk in found.risks:
        for item in risk.contributions:
            given = points.get(own.get(item.variable, item.variable), 0)
            beyond = item.variable in VARIABLES and item.value is not None
            beyond = beyond and grade(VARIABLES[item.variable], item.value)
            note = f"the model's habit; NEWS2 counts it as {given} points" if given >= 2 else ""
            note = note or ("the model's habit; it is beyond" if beyond else "")
            assert item.note.startswith(note if item.points < 0 else "")
            assert bool(item.note) == (item.points < 0 and note != "")


@pytest.mark.parametrize(
    ("points", "scored", "habit"),
    [(-1, 3, 3), (-1, 2, 2), (-1, 1, None), (1, 3, None), (0, 3, None), (-1, 0, None)],
)
def test_a_low_pressure_that_was_high_yesterday_is_a_habit(points, scored, habit):
    """The demo's haemorrhage: the model likes a highest of 131 more than it dreads 83; two points
    of NEWS2 and a printed fall make it a habit, one point or a printed 0 does not.
    """
    found = snapshot(("systolic", 20, 131), ("systolic", 1, 83))
    row = feature_row(found)
    compared = Compared(row, reference_row(row), found)
    parts = {"systolic": 0.05 * points, "systolic.high48": 0.1 * points}
    made = contribution("systolic", parts, compared, (float(points), 0), {"systolic": scored})
    assert bool(made.note) == bool(habit)
    if habit:
        assert made.text == "highest systolic pressure in 48 h 131 mmHg; last 83 mmHg, 1 h ago"
        assert made.note == f"the model's habit; NEWS2 counts it as {habit} points"
        assert made.amount == "−1"


def test_a_respiratory_rate_of_27_no_longer_lowers_the_risk_of_death():
    """Against health it raises it; against the average of intensive care it was -0.41."""
    steady = [(name, hours, value) for name, value in STEADY.items() for hours in (20, 10, 1)]
    found = of("death", *steady, ("respiratory_rate", 0.5, 27), ("gcs", 0.5, 14))
    assert found["respiratory_rate"].log_odds > -0.02 and found["gcs"].log_odds > 0.3


def test_a_card_puts_into_words_what_it_shows_alone():
    """The rest is told as one, from its figures."""
    chart = snapshot(("heart_rate", 1, 130), ("systolic", 1, 85), ("spo2", 1, 90)).chart
    (risk, *_), told = assess(chart, AT, MODELS[:1]).risks, []

    def tell(share):
        told.append(share.variable)
        return risk.explanation.tell(share)

    counted = replace(risk.explanation, tell=tell)
    shown = counted.shown(2)
    assert [item.variable for item in shown] == told and len(told) == 2
    assert counted.rest(2).label == f"all others ({len(counted.shares) - 2})" and len(told) == 2
