"""The sense battery: a model that rises with every value that gets worse passes, and each planted
fault is found where it was planted.
"""

import pytest

from models.assess import assess
from models.fitted.model import Model, ModelId, sigmoid
from models.fitted.registry import load_models
from models.patient.chart import Reading
from models.patient.features import LABS, VITALS, feature_row
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.patient.vocabulary import VARIABLES
from studies.sense.ladders import ladders, left_out
from studies.sense.patients import AT, COURSE, LAST, chart, patients
from studies.sense.rules import AIR, CONTRIBUTIONS, FALLS, RED, TOLERANCE
from studies.sense.sense import judged, sense, unknown
from studies.sense.ways import ways

READ_AS = {"haemoglobin": "haematocrit"}
FEATURES = tuple(dict.fromkeys(READ_AS.get(one.variable, one.variable) for one in ladders()))


def away(name: str, value: float | None) -> float:
    """What a variable adds to log-odds: its distance from normal."""
    normal = VARIABLES[name].normal
    return 0.0 if value is None else 20 * abs(value - normal) / normal


class Made:
    """A predictor that adds up what each variable says, so that its contributions are exact."""

    def __init__(self, say=away):
        self.say = say

    def contributions(self, row):
        return [*(self.say(n, v) for n, v in zip(FEATURES, row, strict=True)), -5.0]

    def score(self, row):
        return sum(self.contributions(row))


def model(predictor, outcome="death", text="") -> Model:
    manifest = {
        "outcome": outcome,
        "features": FEATURES,
        "calibration": {"intercept": 0.0, "slope": 1.0},
    }
    made = Model(ModelId("made", "1.0.0", ""), manifest, text)
    made.__dict__["predictor"] = predictor
    return made


def violations(predictor, **more):
    return [one for step in judged(model(predictor, **more)) for one in step.violations]


def test_a_model_that_rises_with_every_worse_value_passes():
    """Every step of every patient, both ways; each kind has judged some."""
    found = sense(model(Made()))
    assert found["figures"]["passed"]["value"] == 1.0 and found["worst"] == []
    assert found["figures"]["passed"]["steps"] == len(judged(model(Made()))) > 1000
    assert all(line["number"] == 0 and line["steps"] > 300 for line in
               (found["figures"][kind] for kind in (FALLS, RED, AIR, CONTRIBUTIONS)))  # fmt: skip
    assert {line["share"] for line in found["patients"] + found["variables"]} == {1.0}


def test_a_worse_value_that_lowers_the_risk_is_found_where_it_is():
    """A saturation below 80 % is taken for good: the step to 70 falls, in every patient and way,
    from 85, and nothing else does.
    """

    def say(name, value):
        return 0.0 if name == "spo2" and value < 80 else away(name, value)

    found = [one for one in violations(Made(say)) if one.kind == FALLS]
    assert {(one.variable, one.side, one.start, one.value) for one in found} == {
        ("spo2", "low", 85.0, 70.0)
    }
    assert len(found) == len(patients()) * 2
    normal = next(one for one in found if one.patient == "normal, with laboratory")
    assert normal.log_odds == pytest.approx(-away("spo2", 85.0), abs=1e-4)
    assert normal.beyond == pytest.approx(away("spo2", 85.0) - TOLERANCE, abs=1e-4)
    assert normal.risk < normal.risk_start


def test_many_small_falls_are_one():
    """Each step falls by less than the tolerance, all of them by more."""

    def say(name, value):
        if name != "heart_rate":
            return away(name, value)
        return -0.03 * sum(value >= limit for limit in (91, 111, 131, 150, 180))

    found = [one for one in violations(Made(say)) if one.kind == FALLS]
    normal = {one.value: one.start for one in found if one.patient.startswith("normal, with")}
    assert normal == {111.0: 75.0, 131.0: 75.0, 150.0: 75.0, 180.0: 75.0}


def test_a_grave_value_that_hardly_raises_the_risk_is_found():
    """What is deaf to saturation fails at the values with 3 points; one that rises by half the odds
    at 70 % fails there where death is predicted, and nowhere where it is not.
    """

    def deaf(name, value):
        return 0.0 if name == "spo2" else away(name, value)

    def hard_of_hearing(name, value):
        return (0.41 if value <= 91 else 0.0) if name == "spo2" else away(name, value)

    found = violations(Made(deaf))
    assert {(one.kind, one.variable, one.value) for one in found} == {
        (RED, "spo2", 91.0), (RED, "spo2", 85.0), (RED, "spo2", 70.0),
    }  # fmt: skip
    found = violations(Made(hard_of_hearing))
    assert {(one.kind, one.value) for one in found} == {(RED, 70.0)}
    assert violations(Made(hard_of_hearing), outcome="sepsis") == []


def test_air_and_contributions_that_point_the_wrong_way_are_found():
    """What saturation did is told as inspired oxygen's: air raises the risk, saturation lowers
    it.
    """

    class Misled(Made):
        def contributions(self, row):
            told = super().contributions(row)
            spo2, fio2 = FEATURES.index("spo2"), FEATURES.index("fio2")
            moved = told[spo2] + 0.2 if row[spo2] < 92 else 0.0
            told[spo2], told[fio2] = told[spo2] - moved, told[fio2] + moved
            return told

    found = violations(Misled())
    assert {one.kind for one in found} == {AIR, CONTRIBUTIONS}
    assert {one.variable for one in found} == {"spo2"}
    told = {one.patient for one in found if one.kind == CONTRIBUTIONS}
    on_air = {one.patient for one in found if one.kind == AIR}
    assert told == {one.name for one in patients()}
    assert on_air == {one.name for one in patients() if one.values["fio2"] == 21}


def test_twice_is_the_same():
    """From nothing each time, and for the shipped models."""
    first = [sense(one) for one in load_models()]
    ways.cache_clear()
    assert [sense(one) for one in load_models()] == first


@pytest.mark.parametrize("way", [LAST, COURSE])
def test_a_chart_is_read_as_serving_reads_it(way):
    """The risk at a rung is that of `assess` on the same chart."""
    models = load_models()
    patient = next(one for one in patients() if one.name == "septic, with laboratory")
    moved = next(
        one for one in ways() if (one.patient, one.way, one.variable) == (patient.name, way, "spo2")
    )
    for rung in moved.rungs:
        served = assess(chart(patient, "spo2", rung.value, way), AT, models)
        risks = {risk.model: risk.probability for risk in served.risks}
        for model in models:
            row = model.seen(rung.compared.row)
            assert risks[model.id] == sigmoid(model.calibrated(model.predictor.score(row)))


def test_every_variable_is_moved_to_both_sides_or_left_out_by_name():
    """Nothing that a model sees is left out silently."""
    moved = {f"{one.variable} {one.side}" for one in ladders()}
    assert not moved & set(left_out()) and all(left_out().values())
    due = {f"{name} {side}" for name in (*VITALS, *LABS) for side in ("low", "high")}
    assert due <= moved | set(left_out())


@pytest.mark.parametrize(
    ("variable", "side", "values"),
    [
        ("heart_rate", "high", (91, 111, 131, 150, 180)),
        ("heart_rate", "low", (50, 40, 30)),
        ("respiratory_rate", "high", (21, 25, 30, 40)),
        ("respiratory_rate", "low", (11, 8, 5)),
        ("spo2", "low", (95, 93, 91, 85, 70)),
        ("systolic", "low", (110, 100, 90, 80, 60)),
        ("systolic", "high", (220,)),
        ("temperature", "high", (38.1, 39.1, 40, 41)),
        ("temperature", "low", (36, 35, 33, 31)),
        ("sodium", "low", (125, 120)),
        ("potassium", "high", (6, 6.5, 7)),
        ("potassium", "low", (3, 2.5)),
        ("lactate", "high", (2.1, 4, 8)),
    ],
)
def test_ladders_stand_on_news2_and_published_limits(variable, side, values):
    ladder = next(one for one in ladders() if (one.variable, one.side) == (variable, side))
    assert ladder.values == values


def test_who_is_worse_to_the_other_side_begins_at_normal():
    """A septic pulse of 112 rises from there, and falls from 75."""
    high, low = (next(o for o in ladders() if (o.variable, o.side) == ("heart_rate", side))
                 for side in ("high", "low"))  # fmt: skip
    assert high.start(112.0) == 112.0 and high.worse_than(112.0) == [131, 150, 180]
    assert low.start(112.0) == 75.0 and low.worse_than(75.0) == [50, 40, 30]


def newest(made, variable):
    return [reading.value for reading in made.readings if reading.variable == variable]


def test_a_course_drifts_from_a_normal_night_and_a_last_value_does_not():
    """Twelve hours of steady values before; the diastolic pressure goes with the systolic one."""
    patient = patients()[0]
    course = newest(chart(patient, "spo2", 70.0, COURSE), "spo2")
    assert len(course) == 25 and min(course[:13]) >= 96 and course[-1] == 70
    assert course[13:] == sorted(course[13:], reverse=True)
    last = newest(chart(patient, "spo2", 70.0, LAST), "spo2")
    assert min(last[:-1]) >= 96 and last[-1] == 70
    assert newest(chart(patient, "systolic", 60.0, LAST), "diastolic")[-1] == 38


def test_air_by_flow_is_air_by_fraction():
    """A flow of 0 makes the very row that 21 % makes."""
    made = chart(patients()[0], "fio2", 21.0, LAST)
    flow = tuple(
        Reading(one.time, "oxygen_flow", 0.0, one.source) if one.variable == "fio2" else one
        for one in made.readings
    )
    by_flow = type(made)(made.patient, made.birth_date, made.sex, False, flow, {}, reader=2)
    rows = [feature_row(snapshot_at(series(one), AT)) for one in (made, by_flow)]
    assert rows[0] == rows[1] and rows[0]["fio2"] == 21.0


def test_what_a_model_has_never_seen_is_named_and_not_judged():
    """LightGBM notes `none` for a feature without a value; a variable that is no feature is as
    strange.
    """
    spans = " ".join("none" if name == "gcs" else "[0:1]" for name in FEATURES)
    blind = model(Made(), text=f"tree\nfeature_infos={spans}\n")
    assert unknown(blind) == ("gcs",) and sense(blind)["unknown"] == ["gcs"]
    assert "gcs" not in {step.way.variable for step in judged(blind)}
    assert unknown(model(Made())) == ()
