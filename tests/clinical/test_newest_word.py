"""The newest word counts: what can't be used makes its variable unknown, and older values calm
nobody; what was never about it changes nothing.
"""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assess import assess
from models.fitted.registry import load_models
from models.patient.chart import Chart
from models.patient.features import feature_row, made_of
from models.patient.series import SPEAKERS, series
from models.patient.snapshot import UNUSABLE, Snapshot, snapshot_at
from models.patient.vocabulary import VARIABLES
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, UCUM, WELL, bundle, observation, patient, table

MODELS = load_models()
CHARTED = [name for name in VARIABLES if name not in ("spo2_target", "acvpu")]
VITALS = ("heart_rate", "respiratory_rate", "spo2", "systolic", "temperature")
NORMAL = {name: variable.normal or variable.low for name, variable in VARIABLES.items()}


def chart(*resources: dict) -> Chart:
    document = parse(bundle([patient(), *resources]))
    return read_chart(document.resources, "p1", AT, document.malformed, bases=("https://here.org",))


def seen(*resources: dict) -> Snapshot:
    return snapshot_at(series(chart(*resources)), AT)


def unusable(kind: str, variable: str, hours: float) -> dict:
    """Return an Observation of a variable that can't be used."""
    value, unit = NORMAL[variable], VARIABLES[variable].unit
    quantity = {"value": value, "system": UCUM, "code": unit}
    change = {
        "preliminary": {"status": "preliminary"},
        "registered": {"status": "registered"},
        "no status": {"status": None},
        "unit": {"valueQuantity": quantity | {"code": "furlong"}},
        "no value": {"valueQuantity": None},
        "absent": {"valueQuantity": None, "dataAbsentReason": {"text": "patient asleep"}},
        "text": {"valueQuantity": None, "valueString": "see remarks"},
        "bound": {"valueQuantity": quantity | {"comparator": "<"}},
        "infinite": {"valueQuantity": quantity | {"value": 1e308 * 10}},
        "modifier": {"modifierExtension": [{"url": "urn:x"}]},
        "rules": {"implicitRules": "urn:x"},
        "no time of day": {"effectiveDateTime": f"{AT:%Y-%m-%d}"},
        "no zone": {"effectiveDateTime": f"{AT:%Y-%m-%dT%H:%M:%S}"},
        "wrong shape": {"valueQuantity": {"value": "eighty"}},
    }[kind]
    return observation(variable, value, hours, id="doubt", **change)


KINDS = (
    "preliminary", "registered", "no status", "unit", "no value", "absent", "text", "bound",
    "infinite", "modifier", "rules", "no time of day", "no zone", "wrong shape",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variable", CHARTED)
def test_a_newest_value_that_cannot_be_used_blinds_the_older_ones(variable, kind):
    """It is in the chart, so it is not called absent; the older value is in no feature."""
    found = seen(observation(variable, NORMAL[variable], 3), unusable(kind, variable, 1))
    assert found.unknown[variable] == UNUSABLE and variable not in found.fresh
    assert found.unusable[variable].written and variable not in found.latest
    row = feature_row(found)
    assert not {
        name: row[name] for name in row if variable in made_of(name) and row[name] is not None
    }
    told = {item.variable: item for item in assess(found.chart, AT, MODELS).inputs}[variable]
    assert told.value is None and told.state == "unusable"
    assert told.display.startswith("in the chart, can't be used: ")


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if not k.startswith("no time") and k != "no zone"]
)
def test_a_newer_value_that_can_be_used_ends_it(kind):
    """A doubt is over as soon as somebody measures again."""
    found = seen(unusable(kind, "systolic", 3), observation("systolic", 120, 1))
    assert found.value("systolic") == 120 and "systolic" not in found.unusable


@pytest.mark.parametrize("kind", ["unit", "preliminary", "registered"])
def test_the_same_measurement_once_more_is_no_doubt(kind):
    """A doublet in another unit, or before it was confirmed, at the very minute."""
    found = seen(unusable(kind, "systolic", 1), observation("systolic", 118, 1))
    assert found.value("systolic") == 118


@pytest.mark.parametrize("kind", ["bound", "text", "modifier"])
def test_a_doubt_of_the_same_minute_counts(kind):
    """It speaks against the value beside it."""
    found = seen(unusable(kind, "systolic", 1), observation("systolic", 118, 1))
    assert found.unknown["systolic"] == UNUSABLE


def test_a_day_without_a_time_ends_with_the_next():
    """What was charted the day after is newer for sure; an undated value is older than all that is
    fresh, and yet not absent.
    """
    older = unusable("no zone", "systolic", 30) | {"effectiveDateTime": "2026-03-28T12:00:00"}
    assert seen(older, observation("systolic", 120, 6)).value("systolic") == 120
    undated = unusable("no zone", "systolic", 1) | {"effectiveDateTime": "some day"}
    assert seen(undated, observation("systolic", 120, 6)).value("systolic") == 120
    assert seen(undated).unknown["systolic"] == UNUSABLE


def test_a_pending_result_is_no_word():
    """A laboratory value that is only registered, without anything in it, was not said yet."""
    pending = observation("potassium", 4, 1, status="registered", valueQuantity=None)
    found = seen(pending, observation("potassium", 4.4, 6))
    assert found.value("potassium") == 4.4 and found.chart.rejected == {"status": 1}


@pytest.mark.parametrize(("target", "speaker"), [(t, s) for t, (s, _) in SPEAKERS.items()])
def test_what_a_sister_gave_goes_with_her_newest_word(target, speaker):
    """A coma score that was made of an old ACVPU is no score once the new one can't be read."""
    kind = {"coding": [{"system": "http://loinc.org", "code": VARIABLES[speaker].loinc[0]}]}
    value = {"valueQuantity": None, "valueCodeableConcept": {"coding": [{"code": "LA9340-6"}]}}
    first = observation(speaker, NORMAL[speaker], 3, **(value if speaker == "acvpu" else {}))
    doubt = unusable("text", "systolic", 1) | {"code": kind}
    assert seen(first).value(target) is not None
    assert seen(first, doubt).unknown[target] == UNUSABLE


def test_a_sisters_doubt_leaves_what_was_charted_itself():
    """A haematocrit of its own stays when the haemoglobin's unit is not known."""
    found = seen(observation("haematocrit", 40, 3), unusable("unit", "haemoglobin", 1))
    assert found.value("haematocrit") == 40 and found.unknown["haemoglobin"] == UNUSABLE


NEAR_DEATH = {
    "heart_rate": 0, "respiratory_rate": 0, "systolic": 0, "spo2": 35, "temperature": 22,
    "diastolic": 0, "mean_pressure": 5,
}  # fmt: skip


@pytest.mark.parametrize(("variable", "value"), NEAR_DEATH.items())
def test_what_is_seen_near_death_counts_for_news2_and_never_for_a_model(variable, value):
    """The value is there, the model has none, neither the older one nor one made of it."""
    found = seen(observation(variable, NORMAL[variable], 3), observation(variable, value, 1))
    assert found.value(variable) == value and found.for_model(variable) is None
    row = feature_row(found)
    assert all(row[name] is None for name in row if variable in made_of(name))


def test_a_mean_pressure_of_a_pressure_of_zero_is_not_given_to_a_model():
    """It is made of a value that the model may not have."""
    found = seen(observation("systolic", 28, 1), observation("diastolic", 20, 1))
    assert found.value("mean_pressure") == pytest.approx(22.7, abs=0.1)
    assert feature_row(found)["mean_pressure"] is None


WRITTEN = st.sampled_from(KINDS)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(VITALS), WRITTEN)
def test_ignorance_never_calms(variable, kind):
    """Not knowing a newest vital sign is at least a warning, and no band is called low for it."""
    calm = assess(chart(*table(WELL)), AT, MODELS)
    doubt = assess(chart(*table(WELL), unusable(kind, variable, 0)), AT, MODELS)
    assert calm.level == "info" and doubt.level != "info"
    assert doubt.news2.band != "low" and doubt.news2.high >= calm.news2.high
    said = {part.name: part.value for part in calm.news2.parts}
    assert all(part.value != said[variable] for part in doubt.news2.parts if part.name == variable)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(CHARTED), st.integers(0, 9), st.sampled_from((*KINDS, "good"))),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_order_and_doublets_change_nothing(items, order: random.Random):
    """A chart is what is in it, not in which order or how often it came."""
    made = [
        observation(name, NORMAL[name], hours, id=f"o{n}")
        if kind == "good"
        else unusable(kind, name, hours) | {"id": f"o{n}"}
        for n, (name, hours, kind) in enumerate(items)
    ]
    shuffled = made + made[: len(made) // 2]
    order.shuffle(shuffled)
    once, again = chart(*made), chart(*shuffled)
    bare = {"rejected": {}, "left_out": ()}
    assert replace(once, **bare) == replace(again, **bare)
    assert set(once.rejected) - {"duplicate"} == set(again.rejected) - {"duplicate"}


NEVER_OURS = {
    "patient": {"subject": {"reference": "Patient/p2"}},
    "server": {"subject": {"reference": "https://there.org/Patient/p1"}},
    "focus": {"focus": [{"reference": "Patient/fetus"}]},
    "site": {"bodySite": {"text": "skin, ankle, venous, umbilical"}},
    "activity": {"category": [{"coding": [{"code": "activity"}]}]},
    "average": {
        "effectiveDateTime": None,
        "effectivePeriod": {"start": "2026-03-28T13:00:00Z", "end": "2026-03-29T13:20:00Z"},
    },
    "error": {"status": "entered-in-error"},
    "cancelled": {"status": "cancelled"},
    "future": {"effectiveDateTime": "2026-03-31T00:00:00Z"},
    "old": {"effectiveDateTime": "2026-02-01T00:00:00Z"},
    "code": {"code": {"text": "something else"}},
}


@pytest.mark.parametrize("kind", NEVER_OURS)
@pytest.mark.parametrize("variable", VITALS)
def test_what_was_never_about_it_changes_nothing(variable, kind):
    """Left out and counted; readings, level, score and risk are as without it."""
    rows = table(WELL)
    extreme = VARIABLES[variable].low
    stranger = observation(variable, extreme, 0.1, id="x", **NEVER_OURS[kind])
    if kind == "site" and variable in ("heart_rate", "respiratory_rate"):
        stranger["bodySite"] = {"text": "umbilical cord"}
    without, beside = chart(*rows), chart(*rows, stranger)
    assert sum(beside.rejected.values()) == 1 and bool(beside.left_out) == (kind != "old")
    assert replace(beside, rejected={}, left_out=()) == without
    first, second = (assess(one, AT, MODELS) for one in (without, beside))
    assert (first.level, first.news2) == (second.level, second.news2)
    assert [r.probability for r in first.risks] == [r.probability for r in second.risks]


@pytest.mark.parametrize("kind", ["unit", "text", "bound", "preliminary"])
@pytest.mark.parametrize("name", ["spo2", "lactate", "crp"])
def test_what_cant_be_used_and_is_too_old_was_charted_all_the_same(kind, name):
    """It is unknown as if nothing were there, and nobody says that the chart does not hold it."""
    hours = VARIABLES[name].max_age_hours + 1
    found = assess(chart(unusable(kind, name, hours)), AT, MODELS)
    bare = assess(chart(), AT, MODELS)
    (item,) = (one for one in found.inputs if one.variable == name)
    assert item.display == "in the chart, too old and can't be used" and item.value is None
    assert [one.state for one in found.inputs] == [one.state for one in bare.inputs]
    assert (found.level, found.risks, found.news2.high) == (bare.level, (), 20)
    why = {part.name: part.why for part in found.news2.parts}
    assert why.get(name, "too old") == "too old" and why["systolic"] == "not charted"
