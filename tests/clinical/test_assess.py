"""Assessments: a number where the chart allows one, a plain reason where it does not, and sums
that hold.
"""

import math
from datetime import timedelta

import pytest

from models.assess import assess
from models.course import course, hourly, moments
from models.fitted.model import sigmoid
from models.fitted.registry import load_models
from models.patient.chart import Chart
from models.patient.inputs import percent
from models.patient.series import series
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, SICK, WELL, bundle, observation, patient, table

MODELS = load_models()


def chart(*resources: dict) -> Chart:
    return read_chart(parse(bundle(list(resources))).resources, "p1", AT)


def of(text: str, **person):
    return assess(chart(patient(**person), *table(text)), AT, MODELS)


def test_the_sick_have_a_higher_risk_than_the_well():
    """A septic course is ranked above a quiet one, and the trend is seen."""
    sick, well = of(SICK).lead, of(WELL).lead
    assert (
        sick.probability > 2 * well.probability
        and sick.trend == "rising"
        and sick.earlier < sick.probability
    )


def test_contributions_and_baseline_sum_to_the_score_of_the_risk():
    """What is drawn in the waterfall is the number on the card."""
    for risk in of(SICK).risks:
        assert risk.baseline + sum(c.log_odds for c in risk.contributions) == pytest.approx(
            risk.score, abs=1e-9
        )
        assert sigmoid(risk.score) == pytest.approx(risk.probability, abs=1e-12)


def test_the_column_of_points_adds_up_as_it_is_printed():
    """Reference and points, with the digits of the risk, are the risk on the card; the greatest
    figure comes first, and what is not shown is one line.
    """
    for risk in (*of(SICK).risks, *of(WELL).risks):
        told = risk.explanation
        rest = told.rest(5)
        shown = [*told.shown(5), *([rest] if rest else [])]
        # What would be printed as 0 is "under" the last digit.
        start, end = (
            0.0 if text.startswith("under") else float(text.removesuffix(" %"))
            for text in (told.start, told.end)
        )
        assert told.end == percent(risk.probability)
        assert start + sum(item.points for item in shown) == pytest.approx(end, abs=1e-9)
        sizes = [abs(item.points) for item in risk.contributions]
        assert sizes == sorted(sizes, reverse=True)


def test_every_used_input_has_value_time_age_and_source():
    """Each number can be traced to an Observation of the chart."""
    found = {i.variable: i for i in of(SICK).inputs}
    rate = found["heart_rate"]
    assert (rate.value, rate.state, rate.source, rate.age_hours) == (
        128.0,
        "used",
        "Observation/heart_rate-1",
        1.0,
    )
    assert (
        rate.time == AT - timedelta(hours=1)
        and found["albumin"].state == "missing"
        and found["crp"].state == "not in model"
    )


def test_an_input_that_was_made_of_another_says_so():
    """Nobody charted a coma score of 6, 44 % of oxygen or a mean of 61."""
    rows = table("when | systolic | diastolic | oxygen_flow\n1 | 83 | 50 | 6")
    pain = observation("acvpu", 0, 1, valueQuantity=None, valueCodeableConcept={"text": "Pain"})
    found = assess(chart(patient(), *rows, pain), AT, MODELS)
    made = {item.variable: (item.display, item.origin) for item in found.inputs if item.origin}
    assert made == {
        "gcs": ("8", "from ACVPU pain"),
        "fio2": ("44 %", "from oxygen flow 6.0 L/min"),
        "mean_pressure": ("61 mmHg", "from 83/50"),
    }


def test_a_variable_that_a_sister_speaks_for_is_not_called_missing():
    """Pressures give the mean, a coma score the consciousness, a fraction the oxygen: none of
    these is listed as lacking.
    """
    states = {i.variable: i.state for i in of(SICK).inputs}
    assert [states[name] for name in ("mean_pressure", "acvpu", "oxygen_flow")] == [
        "used",
        "spoken for",
        "spoken for",
    ]
    assert states["haemoglobin"] == states["haematocrit"] == "missing"


@pytest.mark.parametrize(
    ("text", "person", "status"),
    [
        (SICK, {"born": "2017-05-01"}, "child"),
        (SICK, {"born": "2008-03-30"}, "child"),
        (SICK, {"birthDate": None}, "age unknown"),
        (SICK, {"deceasedBoolean": True}, "deceased"),
        ("when | heart_rate | spo2\n1 | 90 | 95", {}, "insufficient"),
        ("when | heart_rate | spo2 | systolic | temperature\n26 | 90 | 95 | 120 | 37", {}, "stale"),
        ("when | lactate | creatinine | sodium\n1 | 2 | 1 | 140", {}, "insufficient"),
    ],
)
def test_without_enough_there_is_a_reason_and_no_number(text, person, status):
    """A child, a stale or an empty chart is said in words; no risk is made up."""
    found = of(text, **person)
    assert (found.status, found.risks, found.lead) == (status, (), None)
    assert all(reason.endswith(".") for reason in found.reasons) and found.reasons


def test_a_child_gets_no_news2_either():
    """NEWS2 is not for under 16 years."""
    child = of(SICK, born="2017-05-01").news2
    assert child.total is None and (child.low, child.high) == (0, 20)


def test_news2_of_a_sick_chart_by_hand():
    """RR 30: 3, SpO2 91: 3, FiO2 40 %: 2, systolic 86: 3, pulse 128: 2, GCS 13: 3, 39.2 Cel: 2."""
    score = of(SICK).news2
    assert score.total == 18 and [part.points for part in score.parts] == [3, 3, 2, 3, 2, 3, 2]


def test_unknown_oxygen_leaves_news2_a_range():
    """Room air is never assumed."""
    score = of(
        "when | heart_rate | respiratory_rate | spo2 | systolic | temperature | gcs\n1 | 80 | 16 | 97 | 120 | 37 | 15"
    ).news2
    assert (score.total, score.low, score.high, score.missing) == (None, 0, 2, ("Air or oxygen",))


def test_the_newer_statement_about_oxygen_and_consciousness_counts():
    """A flow of 0 after a mask is air; a level noted after a coma score speaks first."""
    rows = table(
        "when | heart_rate | fio2 | oxygen_flow | gcs\n5 | 80 | 40 | . | 15\n1 | 80 | . | 0 | ."
    )
    voice = observation("acvpu", 0, 1, valueQuantity=None, valueCodeableConcept={"text": "Voice"})
    parts = {
        part.name: part.points
        for part in assess(chart(patient(), *rows, voice), AT, MODELS).news2.parts
    }
    assert parts["oxygen"] == 0 and parts["consciousness"] == 3


@pytest.mark.rule("governance part 4")
def test_scale_2_only_with_a_clinicians_target():
    """COPD on 28 % with 90 %: scale 1 gives 3 for the saturation, a set target of 88-92 % gives
    0.
    """
    kind = {"coding": [{"code": "treatment"}]}
    target = {"referenceRange": [{"low": {"value": 88}, "high": {"value": 92}, "type": kind}]}
    points = []
    for more in ({}, target):
        resources = (patient(), observation("spo2", 90, **more), observation("fio2", 28))
        points.append(
            next(
                p.points
                for p in assess(chart(*resources), AT, MODELS).news2.parts
                if p.name == "spo2"
            )
        )
    assert points == [3, 0]


def test_the_course_ends_at_the_assessments_own_risk():
    """The last point of the course is the number on the card, a gap where it has no band; so are
    hours before the first vital sign.
    """
    whole = chart(patient(), *table(SICK))
    line = course(moments(hourly(series(whole), AT)), MODELS[0])
    own = next(risk for risk in assess(whole, AT, MODELS).risks if risk.model == MODELS[0].id)
    shown = None if own.band == "indeterminate" else pytest.approx(own.probability, abs=1e-12)
    assert len(line) == 49 and line[-1][:2] == (AT, shown)
    assert line[0][1] is None and line[30][1] is not None


def test_the_course_knows_nothing_of_later_hours():
    """The risk six hours ago is the same whether or not the last six hours are in the chart."""
    rows = table(SICK)
    early = [row for row in rows if not row["id"].endswith("-1")]
    before, after = (
        course(moments(hourly(series(chart(patient(), *some)), AT)), MODELS[0])[-7][1]
        for some in (rows, early)
    )
    assert before == after is not None


def test_an_assessment_survives_its_record():
    """Replay: the chart out of the audit record gives the same assessment to the last bit."""
    whole = chart(patient(), *table(SICK))
    again = assess(Chart.from_json(whole.as_json()), AT, MODELS)
    first = assess(whole, AT, MODELS)
    assert again == first and [r.contributions for r in again.risks] == [
        r.contributions for r in first.risks
    ]


def test_worse_vital_signs_do_not_lower_the_risk_much():
    """Sanity of direction: a falling pressure and a rising lactate move the risk up."""
    calm = of(
        "when | heart_rate | respiratory_rate | spo2 | systolic | temperature | lactate | gcs\n1 | 80 | 16 | 97 | 125 | 37 | 1 | 15"
    ).lead
    grave = of(
        "when | heart_rate | respiratory_rate | spo2 | systolic | temperature | lactate | gcs\n1 | 80 | 16 | 97 | 75 | 37 | 9 | 6"
    ).lead
    assert grave.probability > 2 * calm.probability and not math.isnan(grave.score)
