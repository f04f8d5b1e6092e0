"""What made the risk of one moment that of another: exact against the model, adding up as printed,
in words that say what moved and what only grew old.
"""

import json
import math
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.patients.generate import generate
from models.assess import Assessment, Risk, assess
from models.changes import Basis
from models.fitted.registry import load_models
from models.patient.chart import Chart, PartState, Reading, Unusable
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT
from tests.support.generated import charts

MODELS = load_models()
# Hours before now that are compared with now, and with each other.
MOMENTS = (0, 0.4, 3, 6, 9.5, 12, 24, 47)


def demo_charts() -> list[Chart]:
    """Return the demonstration's charts as the reader makes them."""
    found = []
    for patient in generate(AT):
        entries = [{"resource": resource} for resource in patient.resources]
        bundle = json.loads(json.dumps({"resourceType": "Bundle", "entry": entries}))
        found.append(read_chart(parse(bundle).resources, patient.id, AT))
    return found


def pairs(assessments: list[Assessment]) -> list[tuple[Risk, Risk]]:
    """Return each outcome's risks of all pairs of moments, in both orders."""
    risks = [{risk.outcome: risk for risk in found.risks} for found in assessments]
    return [
        (before[name], after[name])
        for before in risks
        for after in risks
        for name in before.keys() & after.keys()
    ]


def raw(basis: Basis) -> float:
    return basis.model.predictor.score(basis.model.seen(basis.row))


def hold(before: Risk, after: Risk) -> None:
    """Hold a difference against the predictor itself and against what is printed."""
    told, model = after.since(before), after.basis.model
    start, end = raw(before.basis), raw(after.basis)
    total = math.fsum(share.log_odds for share in told.shares)
    assert total == pytest.approx(model.calibrated(end) - model.calibrated(start), abs=1e-9)
    assert told.baseline + total == pytest.approx(after.score, abs=1e-9)
    assert told.baseline == pytest.approx(before.score, abs=1e-9)
    assert total / model.stretch(start, end) == pytest.approx(end - start, abs=1e-9)
    assert {share.variable for share in told.shares} == set(model.variables)
    rest = told.rest(6)
    points = math.fsum(c.points for c in (*told.shown(6), *([rest] if rest else [])))
    then, now = (round(100 * risk.probability, told.digits) for risk in (before, after))
    assert then + points == pytest.approx(now, abs=1e-9)
    for text, number in ((told.start, then), (told.end, now)):
        sure = not text.startswith(("under", "over"))
        assert float(text.removesuffix(" %")) == number if sure else number in (0, 100)


def test_every_difference_is_the_models_own():
    """All demonstration charts at ten moments, in every pair and for every model."""
    seen = 0
    for chart in demo_charts():
        found = [assess(chart, AT - timedelta(hours=back), MODELS) for back in MOMENTS]
        for before, after in pairs(found):
            hold(before, after)
            seen += 1
    assert seen > 1000


@settings(max_examples=40, deadline=None, derandomize=True)
@given(charts(), charts())
def test_no_pair_of_charts_breaks_it(first, second):
    """Any two adults, beyond what a bedside shows; all words can be said."""
    found = [assess(chart, AT, MODELS) for chart in (first, second)]
    for before, after in pairs(found):
        hold(before, after)
        assert all(c.text for c in after.since(before).contributions)


def chart(*rows: tuple[str, float, float], **more) -> Chart:
    """Return a chart of (variable, hours before AT, value), with five fresh core vital signs."""
    core = [("heart_rate", 80), ("respiratory_rate", 16), ("spo2", 96), ("systolic", 124)]
    steady = [(name, hours, value) for name, value in core for hours in (6.5, 0.5)]
    rows = (*steady, *rows)
    made = sorted(
        Reading(AT - timedelta(hours=hours), name, float(value), f"Observation/{name}")
        for name, hours, value in rows
    )
    return Chart("p1", date(1958, 2, 1), "male", False, tuple(made), {}, **more)


def words(of: Chart, variable: str, hours: float = 6, before: Chart | None = None) -> str:
    """Return how a variable's change is told by the first model that goes by it."""
    then, now = assess(before or of, AT - timedelta(hours=hours), MODELS), assess(of, AT, MODELS)
    for risk, earlier in ((a, b) for a in now.risks for b in then.risks if a.outcome == b.outcome):
        for one in risk.since(earlier).contributions:
            if one.variable == variable:
                return one.text
    raise AssertionError(variable)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [("lactate", 9, 1.8), ("lactate", 0.7, 4.2)],
            "lactate 1.8 mmol/L (3 h old) → 4.2 mmol/L (42 min old); "
            "lactate rose by 2.4 mmol/L within 48 h (not known then)",
        ),
        ([("lactate", 0.7, 4.2)], "lactate not known then, now 4.2 mmol/L (42 min old)"),
        ([("lactate", 29, 4.2)], "lactate 4.2 mmol/L (23 h old) then, too old now"),
        ([("lactate", 9, 1.8)], "lactate 1.8 mmol/L (9 h old), not measured again"),
        ([], "lactate not known then, not known now (beside the other values)"),
        (
            [("lactate", 50, 1.8), ("lactate", 1, 2)],
            "lactate too old then, now 2.0 mmol/L (1 h old)",
        ),
    ],
)
def test_a_value_is_told_then_and_now(rows, said):
    """With its age at each moment; what was lost or not there is never called normal."""
    told = words(chart(*rows), "lactate")
    assert told.removesuffix("; beside the other values") == said


def test_a_course_that_moved_the_risk_is_told_beside_the_value():
    """The newest value may be as before, and its two days are not."""
    fever = [("temperature", hours, 39.5) for hours in (53, 51, 49.5)]
    quiet = [("temperature", hours, 37.0) for hours in (30, 20, 10, 6.5, 0.5)]
    told = words(chart(*fever, *quiet), "temperature")
    assert told == (
        "temperature 37.0 °C (30 min old) → 37.0 °C (30 min old); "
        "temperature 37.0 °C (then highest temperature in 48 h 39.5 °C)"
    )


def test_what_could_not_be_read_or_used_is_told_as_that():
    """Then as now: never as a value that was not there."""
    gap = {"labs": PartState("cut", AT - timedelta(hours=3))}
    told = words(chart(("lactate", 0.7, 4.2), parts=gap), "lactate")
    assert told == "lactate could not be read then, now 4.2 mmol/L (42 min old)"
    odd = Unusable(AT - timedelta(hours=1), "lactate", "unit", "4.2 pints", "Observation/odd")
    told = words(chart(("lactate", 9, 1.8), unusable=(odd,)), "lactate")
    assert told == "lactate 1.8 mmol/L (3 h old) then, could not be used now"


def test_a_birthday_and_a_corrected_sex_are_told():
    """A card's chart may say another sex than the chart of now."""
    own = chart()
    older = Chart("p1", date(1957, 2, 1), "female", False, own.readings, {})
    told = assess(own, AT, MODELS).risks[0].since(assess(older, AT, MODELS).risks[0])
    texts = {c.variable: c.text for c in told.contributions}
    assert "sex" not in texts or texts["sex"] == "sex female → sex male"
    assert texts["age"] == "age 69 years → age 68 years"
    same = {c.variable: c.text for c in told.contributions if c.variable == "age"}
    assert same


def test_the_earlier_moment_is_the_reference():
    """Who reads the first row knows that it is this patient, and when."""
    now, then = (assess(chart(), AT - timedelta(hours=hours), MODELS) for hours in (0, 6))
    assert now.risks[0].since(then.risks[0]).person == "this patient 6 h earlier"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(charts(), st.sampled_from((1, 6, 12)))
def test_a_grave_value_that_lowers_is_noted(found, hours):
    """Where NEWS2 counts two points or more, "lowers" never stands alone."""
    later, earlier = (assess(found, AT - timedelta(hours=back), MODELS) for back in (0, hours))
    for before, after in pairs([earlier, later]):
        graver = {p.name for p in after.basis.news2.parts if (p.points or 0) >= 2}
        for one in after.since(before).contributions:
            if one.points < 0 and one.variable in graver and one.value is not None:
                assert one.note.startswith("the model's habit")
