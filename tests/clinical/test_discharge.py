"""What speaks against a discharge: each finding at its boundary, and silence only where all was
read and nothing was found.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from cdshooks import cards
from cdshooks.delivering.decision import decide
from cdshooks.delivering.first_sight import first_sight
from cdshooks.delivering.history import History
from cdshooks.delivering.seen import seen
from models.assess import Assessment, assess
from models.fitted.registry import load_models
from models.judged import judged
from models.patient.chart import Chart, LeftOut, PartState, Reading, Unusable
from models.questions import DISCHARGE
from models.reading.fhir import parse
from models.reading.reader import read_chart
from models.withheld import withheld
from runtime.settings import Ehr
from tests.conftest import AT, SICK, WELL, patient, table
from tests.support.hookcall import model
from tests.support.values import NORMAL_SIGNS as NORMAL

MODELS = load_models()
EHR = Ehr(id="e", fhir_base=("https://ehr.example.org/r4",))
NEW = {"graver", "risen", "incomplete", "unanswered", "course", "overdue"}


def at(hours: float, **values) -> list[Reading]:
    """Return a normal set of observations of some hours ago, with a change; None leaves out."""
    return [
        Reading(AT - timedelta(hours=hours), name, float(value), f"Observation/{name}-{hours}")
        for name, value in values.items()
        if value is not None
    ]


def chart(*sets: list[Reading], born: date | None = date(1966, 1, 1), **more) -> Chart:
    """Return the chart of some sets; the newest is normal and an hour old."""
    readings = tuple(sorted(one for group in sets for one in group))
    return Chart("p", born, "male", False, readings, {}, **more)


def of(made: Chart, models=(), **more) -> Assessment:
    return assess(made, AT, models, question=DISCHARGE, **more)


def found(made: Chart, models=(), **more) -> dict[str, tuple[str, str]]:
    """Return level and sentence of what is found for a discharge alone, by kind."""
    return {
        one.kind: (one.level, one.sentence)
        for one in of(made, models, **more).findings
        if one.kind in NEW
    }


NOW = at(1, **NORMAL)


def before(hours: float, **change) -> list[Reading]:
    return at(hours, **NORMAL | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        # NEWS2 4 and no red parameter asks for no review, so it is no more than the present 0.
        ({"heart_rate": 111, "systolic": 100}, None),
        ({"heart_rate": 111, "systolic": 100, "temperature": 38.1}, "NEWS2 5 (medium) 9 h ago; now NEWS2 0."),
        ({"spo2": 91}, "NEWS2 3 (low-medium) 9 h ago, with SpO2 91 %; now NEWS2 0."),
        ({"spo2": 92}, None),
    ],
)  # fmt: skip
def test_a_graver_news2_of_the_last_day_is_named(change, words):
    told = found(chart(NOW, before(9, **change)))
    assert told.get("graver") == (("warning", words) if words else None)


@pytest.mark.parametrize(("hours", "told"), [(23.9, True), (24, True), (24.1, False)])
def test_a_day_is_looked_back_on(hours, told):
    """What was graver earlier than a day ago is no matter of this discharge."""
    assert ("graver" in found(chart(NOW, before(2), before(hours, spo2=90)))) is told


def test_a_grave_news2_that_still_holds_is_told_once():
    """The present finding says it; what was as grave before adds nothing, what was graver does."""
    same = of(chart(before(1, spo2=91), before(9, spo2=91)))
    assert {one.kind for one in same.telling} == {"red", "news2"}
    worse = before(9, spo2=91, heart_rate=111, systolic=100)
    assert found(chart(before(1, spo2=91), worse))["graver"][1].startswith("NEWS2 7 (high)")


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ({}, {"heart_rate": 91}, None),
        ({}, {"heart_rate": 111}, "NEWS2 risen from 0 to 2 in 20 h."),
        ({"heart_rate": 111}, {}, None),
        ({"heart_rate": 91}, {"heart_rate": 111}, None),
        ({}, {"heart_rate": 111, "fio2": None}, "NEWS2 risen from 0 to 2 or more in 20 h."),
    ],
)
def test_a_rise_of_two_points_in_a_day_is_named(then, now, words):
    told = found(chart(before(1, **now), before(20, **then)))
    assert told.get("risen") == (("warning", words) if words else None)


def test_a_rise_is_told_by_what_is_certain():
    """With a part that is not known NEWS2 is at least so high."""
    told = found(chart(at(1, heart_rate=111, spo2=95), before(23)))
    assert told["risen"][1] == "NEWS2 risen from 0 to 3 or more in 23 h."


@pytest.mark.parametrize(
    ("lacks", "level"),
    [("heart_rate", "warning"), ("temperature", "warning"), ("fio2", "info"), ("acvpu", "info")],
)
def test_an_incomplete_set_is_never_silent(lacks, level):
    """A warning where a measured sign lacks; a hospital that charts no air gets an information."""
    made = of(chart(at(1, **NORMAL | {lacks: None})), MODELS)
    (told,) = [one for one in made.findings if one.kind == "incomplete"]
    assert told.level == level and "not charted" in told.sentence
    assert first_sight(made, EHR).shown
    assert "Last vital signs incomplete" in cards.summary(made)


def test_of_many_parts_their_number_is_told():
    """A summary has room for that, and for why there is no risk."""
    words = cards.summary(of(chart(at(1, heart_rate=72)), MODELS))
    assert words.startswith("Before discharge: Last vital signs incomplete: 6 parts of NEWS2 not ")
    assert "Risk not calculated: too little data." in words


@pytest.mark.parametrize(
    ("change", "hours", "told"),
    [({}, 12, False), ({}, 12.1, True), ({"heart_rate": 91}, 6, False), ({"heart_rate": 91}, 6.1, True)],
)  # fmt: skip
def test_a_set_that_is_due_is_a_warning_before_a_discharge(change, hours, told):
    """NEWS2 asks for the next within 12 h at 0 and within 6 h at 1 to 4; at an opening of the chart
    that alone is no warning.
    """
    made = chart(before(hours, **change))
    assert (found(made).get("overdue", ("",))[0] == "warning") is told
    usual = [one.level for one in assess(made, AT, ()).findings if one.kind == "overdue"]
    assert usual in ([], ["info"])


@pytest.mark.parametrize(
    ("hours", "value", "words"),
    [
        (80, 6.9, "Potassium 6.9 mmol/L (critically high), 3 days ago; no newer value."),
        (80, 4.2, None),
        # Fresh: the usual finding says so.
        (2, 6.9, None),
    ],
)
def test_a_critical_value_without_a_newer_one_is_critical(hours, value, words):
    made = chart(NOW, at(hours, potassium=value))
    assert found(made).get("unanswered") == (("critical", words) if words else None)
    if words:
        assert cards.summary(of(made)).startswith("Before discharge: Potassium 6.9 mmol/L")


def test_a_newer_value_answers_a_critical_one():
    made = chart(NOW, at(80, potassium=6.9), at(40, potassium=4.4))
    assert "unanswered" not in found(made)


def test_an_old_bound_is_unanswered_too():
    """More than 9 is critical whatever it was, and an older normal value does not answer it."""
    time = AT - timedelta(hours=60)
    bound = Unusable(time, "potassium", "bound", ">9 mmol/L", "Observation/k", 9.0, None)
    made = chart(NOW, at(90, potassium=4.0), unusable=(bound,))
    assert found(made)["unanswered"][1].startswith("Potassium >9 mmol/L (critically high), ")


def charted(rows: str) -> Chart:
    resources = [parse(one).resources[0] for one in (patient(), *table(rows))]
    return read_chart(resources, "p1", AT)


def test_a_risk_that_rises_is_named_with_both_figures():
    told = [one for one in of(charted(SICK), MODELS).findings if one.kind == "course"]
    assert [one.level for one in told] == ["warning", "warning"]
    assert all("rising over a day" in one.sentence for one in told)
    assert all(", a day ago 1.2 %" in one.sentence for one in told)


# The stand-in's risk is sigmoid(0.02 x heart rate - 3): 73 % at 200, 10.0 % at 40, 12 % at 50.
@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        (100, 100, "Risk of death in hospital steady over a day: 27 %, a day ago 27 %."),
        (60, 100, "Risk of death in hospital rising over a day: 27 %, a day ago 14 %."),
        (140, 100, None),
        (None, 100, "Risk of death in hospital not known to fall: 27 %."),
        (40, 30, None),
        (140, 35, "Risk of death in hospital was 45 % (high) 20 h ago, now 9.1 %."),
    ],
)
def test_a_risk_has_to_fall_or_be_low(then, now, words):
    """Medium or high and not falling is named; so is a high risk of the day that is low now."""
    hours = 20 if now == 35 else 25
    earlier = before(hours, heart_rate=then) if then else []
    made = chart(before(1, heart_rate=now), earlier)
    assert found(made, (model(),)).get("course") == (("warning", words) if words else None)


def test_silence_says_that_all_was_read_and_nothing_found():
    made = of(charted(WELL), MODELS)
    assert first_sight(made, EHR)[::2] == ("none", "nothing against discharge")


@pytest.mark.parametrize("state", ["failed", "not granted", "absent", "cut"])
@pytest.mark.parametrize("part", ["patient", "vitals", "labs"])
def test_a_chart_that_could_not_be_read_is_never_silent(part, state):
    """Whatever part it is, the card says so before it says anything else."""
    made = replace(charted(WELL), parts={part: PartState(state)})
    told = of(made, MODELS)
    assert first_sight(told, EHR).shown
    words = cards.summary(told)
    assert words.startswith("Before discharge: ") and len(words) < 140
    assert any(one.kind == "unread" for one in told.telling)


@pytest.mark.parametrize(
    ("made", "models", "missing"),
    [
        (chart(NOW, born=date(2020, 1, 1)), MODELS, ()),
        (chart(NOW, born=None), MODELS, ()),
        (chart(), MODELS, ()),
        (chart(NOW), (), ()),
        (chart(NOW, before(20)), MODELS[:1], ("sepsis",)),
    ],
    ids=["child", "age unknown", "empty", "no model", "a model is missing"],
)
def test_without_a_number_a_discharge_is_never_silent(made, models, missing):
    told = of(made, models, missing=missing)
    assert first_sight(told, EHR).shown
    assert cards.summary(told).startswith("Before discharge: ")


def test_of_the_dead_nothing_is_said():
    told = of(replace(charted(SICK), deceased=True), MODELS)
    assert told.findings == () and not first_sight(told, EHR).shown


def test_the_usual_findings_stay_as_they_are():
    """A question takes nothing away and makes nothing calmer."""
    for rows in (SICK, WELL):
        usual, asked = assess(charted(rows), AT, MODELS), of(charted(rows), MODELS)
        assert set(usual.findings) <= set(asked.findings)


@pytest.mark.parametrize("show_from", ["low", "medium", "high"])
def test_show_from_has_no_say(show_from):
    told = of(chart(NOW, before(9, spo2=91)), MODELS)
    ehr = Ehr(id="e", fhir_base=("https://ehr.example.org/r4",), show_from=show_from)
    assert told.level == "warning" and first_sight(told, ehr)[::2] == ("whole", "discharge")


def test_the_detail_gives_each_time():
    """The age for the reader, the clock for the chart."""
    text = cards.detail(of(chart(NOW, before(9, spo2=91), at(80, potassium=6.9)), MODELS))
    first, *_ = text.splitlines()
    assert first == "**To settle before discharge**"
    assert (
        "- **Critical:** Potassium 6.9 mmol/L (critically high), 3 days ago; no newer value. (26 Mar 05:30 UTC)"
        in text
    )
    assert "9 h ago, with SpO2 91 %; now NEWS2 0. (04:30 UTC)" in text


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (chart(NOW), False),
        (chart(NOW, before(9, spo2=91)), True),
        (chart(at(1, **NORMAL | {"acvpu": None})), True),
        (chart(NOW, born=date(2020, 1, 1)), True),
        (charted(SICK), True),
    ],
)
def test_a_control_arm_hears_all_but_the_models(made, shown):
    """What NEWS2, laboratory and the reading of the chart say is said; no course of a risk is."""
    told = of(made, MODELS)
    who = {
        "ehr": "e",
        "user": "Practitioner/1",
        "patient": "p",
        "at": AT,
        "question": told.question,
    }
    looked_at = seen(who | judged(told) | {"withheld": True})
    decided = decide(looked_at, History(), EHR, EHR.zone)
    assert (decided.shown, decided.reason) == (shown, "control arm")
    assert not {"risk", "course"} & {one.kind for one in withheld(told).findings}
    assert "a day ago" not in cards.detail(withheld(told))


def test_values_dated_in_the_future_are_not_passed_over():
    """A wrong time zone makes the newest values future ones; they may be grave."""
    calm = chart(at(1, **NORMAL))
    assert not found(calm)
    ahead = replace(calm, left_out=(LeftOut("potassium", "future", 1), LeftOut("x", "future", 2)))
    told = found(ahead)["incomplete"]
    assert told == ("warning", "Not read, as dated in the future: potassium and 1 more.")


@pytest.mark.parametrize("reason", ["time", "patient", "context"])
def test_what_can_not_be_told_to_be_this_patients_now_is_named(reason):
    """A heart rate of 190 without a subject or a time may be the newest; silence would deny it."""
    unclear = replace(chart(at(1, **NORMAL)), left_out=(LeftOut("heart rate", reason, 1),))
    told = "Not counted, as time, patient or circumstances can't be told: heart rate."
    assert found(unclear)["incomplete"] == ("info", told)
