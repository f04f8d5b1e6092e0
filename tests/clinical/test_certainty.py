"""How sure a risk is: wider when values are missing, open above what the model has seen, no band
where none can be told.
"""

import math

import pytest

from models.assess import assess
from models.certainty import Certainty, certainty, foremost, half_width
from models.fitted.model import Model, ModelId, sigmoid
from models.fitted.registry import load_models
from models.patient.series import SISTERS
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, SICK, bundle, patient, table

FACTS = {
    "evidence": {"lactate": 0.4, "heart_rate": 0.3, "gcs": 0.2, "age": 0.1},
    "widths": [[0.2, 0.5], [0.5, 1.0], [0.9, 2.0]],
    "seen": {"heart_rate": [38.0, 160.0], "lactate": [0.3, 18.0]},
}
FOUR = "when | heart_rate | respiratory_rate | spo2 | systolic | temperature\n1 | 90 | 18 | 96 | 120 | 37"
LIMITS = {"medium": 0.1, "high": 0.3}
ALL = {"age": 60.0, "heart_rate": 90.0, "gcs": 15.0, "lactate": 1.2}


def logit(risk: float) -> float:
    return math.log(risk / (1 - risk))


def model(facts: dict | None = FACTS) -> Model:
    """Return a model that is its calibration alone."""
    manifest = {
        "calibration": {"intercept": 0.0, "slope": 1.0},
        "thresholds": LIMITS,
        "certainty": facts,
    }
    return Model(ModelId("m", "1", "0"), manifest, "")


def of(raw: float, **changes: float | None) -> Certainty:
    found = certainty(model(), ALL | changes, raw)
    assert found is not None
    return found


def test_the_interval_is_the_calibrated_score_give_or_take_its_half_width():
    """Nothing missing takes the first step, 40 % missing the second."""
    assert (of(-2.0).low, of(-2.0).high) == pytest.approx((sigmoid(-2.5), sigmoid(-1.5)))
    sparse = of(-2.0, lactate=None)
    assert (sparse.low, sparse.high) == pytest.approx((sigmoid(-3.0), sigmoid(-1.0)))
    assert half_width(FACTS["widths"], 1.0) == 2.0


def test_a_band_is_given_unless_the_interval_reaches_from_low_to_high():
    """With gcs and lactate missing a medium risk is not certain; a low or a high one still is."""
    gone = {"lactate": None, "gcs": None}
    assert (
        of(-1.5, **gone).indeterminate
        and not of(-5.0, **gone).indeterminate
        and not of(1.0, **gone).indeterminate
    )
    assert not of(-1.5).indeterminate
    assert of(-1.5, **gone).reasons == (
        "60 % of what the model usually goes by is not known, above all lactate, Glasgow coma score.",
    )


def test_what_the_model_has_not_seen_opens_the_interval_upwards():
    """A low risk from a strange value is not trusted; a high one stays; the reason names value
    and range.
    """
    strange = of(-4.0, heart_rate=190.0)
    assert strange.indeterminate and strange.high == 1.0 and strange.text == "1.1 % or more"
    assert strange.reasons == (
        "The model has hardly seen heart rate 190 /min (mostly 38 /min to 160 /min).",
    )
    assert not of(1.0, heart_rate=190.0).indeterminate and of(1.0, heart_rate=190.0).reasons
    assert of(-4.0, heart_rate=160.0).high < 1 and not of(-4.0, heart_rate=160.0).reasons


def test_the_interval_reads_as_words():
    """One unit for both ends."""
    assert of(-2.0).text == "7.6 to 18 %"


def test_a_model_without_the_facts_gives_no_interval():
    """Versions from before have none, and say none."""
    assert certainty(model(None), ALL, 0.0) is None


def test_shipped_models_give_an_interval_around_every_risk():
    """The risk lies within its interval; fewer values never make it narrower, in log-odds."""
    risks = {}
    for name, rows in {
        "whole": SICK,
        "few": "when | heart_rate | systolic | spo2\n1 | 96 | 118 | 95",
    }.items():
        chart = read_chart(parse(bundle([patient(), *table(rows)])).resources, "p1", AT)
        risks[name] = {risk.outcome: risk for risk in assess(chart, AT, load_models()).risks}
    for outcome, whole in risks["whole"].items():
        few = risks["few"][outcome]
        assert all(
            risk.certainty.low < risk.probability < risk.certainty.high for risk in (whole, few)
        )
        assert (
            logit(whole.certainty.high) - whole.score
            <= logit(few.certainty.high) - few.score + 1e-9
        )


def test_of_what_is_missing_the_weightiest_are_named():
    """Five by the weight that this risk's model gives them, the rest as a number; a flow that the
    inspired oxygen could speak for goes last.
    """
    chart = read_chart(parse(bundle([patient(), *table(FOUR)])).resources, "p1", AT)
    found = assess(chart, AT, [m for m in load_models() if m.manifest["outcome"] == "death"])
    missing = [item for item in found.inputs if item.state == "missing"]
    first, others = foremost(missing, found.lead.certainty)
    weights = load_models()[0].manifest["certainty"]["evidence"]
    assert [item.variable for item in first] == sorted(
        (name for name in weights if name in {item.variable for item in missing}),
        key=lambda name: -weights[name],
    )[:5]
    assert others == len(missing) - 5 > 5
    assert [item.variable for item in foremost(missing, None)[0]][0] == "fio2"
    everything, none = foremost(missing, found.lead.certainty, len(missing))
    assert none == 0 and everything[-1].variable in SISTERS
    assert foremost([], None) == ([], 0)
