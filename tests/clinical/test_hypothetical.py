"""What if: a hypothetical value is assessed exactly as if it had been charted at that moment, in
every demonstration chart, for every variable; and each way in which the chart might gainsay it.
"""

import json
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from demo.patients.generate import generate
from models.assess import Assessment, assess
from models.fitted.registry import load_models
from models.patient.chart import Chart, PartState, Reading, Unusable
from models.patient.vocabulary import LOINC, VARIABLES
from models.reading.fhir import parse
from models.reading.reader import read_chart
from models.supposing.hypothetical import hypothetical
from tests.conftest import AT, SICK, bundle, observation, patient, table

PATIENTS = {one.id: list(one.resources) for one in generate(AT, seed=1)}
# Of one thing speak, in one set of observations or of one sample.
TOGETHER = {
    "gcs": {"acvpu"},
    "acvpu": {"gcs"},
    "fio2": {"oxygen_flow"},
    "oxygen_flow": {"fio2"},
}
LEVEL = {1: {"coding": [{"system": LOINC, "code": "LA6560-2"}]}}
# Without a zone, or of a day alone, a value stands at the moment of reading.
EXACT = re.compile(r"T.*(Z|[+-]\d\d:\d\d)$")
MINUTES = timedelta(minutes=1)
# As the copd chart has it: the range that a clinician has set.
TARGET = next(
    {"referenceRange": one["referenceRange"]} for one in PATIENTS["copd"] if "referenceRange" in one
)


@cache
def models():
    return load_models()


def chart_of(resources: list[dict], patient_id: str = "p1") -> Chart:
    return read_chart(parse(json.dumps(bundle(resources)).encode()).resources, patient_id, AT)


def told(chart: Chart) -> Assessment:
    return assess(chart, AT, models())


def said(chart: Chart) -> dict:
    """Return all that is said of a chart but where its values stand."""
    found = told(chart)
    return {
        "status": (found.status, found.reasons, found.unread),
        "risks": found.risks,
        "why": [[c.text for c in risk.contributions] for risk in found.risks],
        "points": [[c.points for c in risk.contributions] for risk in found.risks],
        "news2": found.news2,
        "findings": found.findings,
        "inputs": [replace(item, source=None) for item in found.inputs],
        "asked": found.asked,
    }


def value_of(name: str) -> float:
    """Return a value that lies a fifth up the plausible range, in whole numbers where scores."""
    variable = VARIABLES[name]
    return round(variable.low + 0.2 * (variable.high - variable.low), variable.digits)


def charted(name: str, value: float, patient_id: str) -> dict:
    """Return the Observation of a value that is charted now; an amount of six hours."""
    found = observation(name, value, 0, patient_id)
    if name == "acvpu":
        found["valueCodeableConcept"] = LEVEL[found.pop("valueQuantity")["value"]]
    if name == "urine":
        start = (AT - timedelta(hours=6)).isoformat()
        found["effectivePeriod"] = {"start": start, "end": found.pop("effectiveDateTime")}
    return found


def without(resources: list[dict], name: str) -> list[dict]:
    """Return a chart without what would gainsay a value of now, as it stands in FHIR: its own
    Observations of this minute, the undated ones, and a sister's of the set.
    """

    def stays(resource: dict, part: dict) -> bool:
        codes = {one.get("code") for one in part.get("code", {}).get("coding", ())}
        time = resource.get("effectiveDateTime", "")
        time = time if EXACT.search(time) else ""
        own = codes & set(VARIABLES[name].loinc)
        sister = any(codes & set(VARIABLES[other].loinc) for other in TOGETHER.get(name, ()))
        late = not time or time > (AT - MINUTES).isoformat()
        in_set = not time or time >= (AT - 15 * MINUTES).isoformat()
        six = name == "urine" and time > (AT - 360 * MINUTES).isoformat()
        return not (own and (late or six)) and not (sister and in_set)

    kept = []
    for resource in resources:
        parts = resource.get("component")
        if parts:
            left = [part for part in parts if stays(resource, part)]
            resource = resource | {"component": left}
        if resource["resourceType"] != "Observation" or stays(resource, resource):
            kept.append(resource)
    return kept


@pytest.mark.parametrize("patient_id", PATIENTS)
def test_a_value_is_assessed_as_if_it_had_been_charted(patient_id):
    """For each variable of the vocabulary: risks, certainty, points and words of contributions,
    NEWS2, findings and inputs are those of the chart that holds it.
    """
    resources = PATIENTS[patient_id]
    chart = chart_of(resources, patient_id)
    for name in VARIABLES:
        if name == "spo2_target":
            continue
        value = value_of(name)
        held = charted(name, value, patient_id)
        if name == "spo2" and patient_id == "copd":
            held |= TARGET
        real = chart_of([*without(resources, name), held], patient_id)
        assert said(hypothetical(chart, AT, {name: value})) == said(real), name


@pytest.mark.parametrize(
    ("name", "value"), [("spo2", 95.49996), ("temperature", 38.0499999), ("lactate", 3.99999)]
)
def test_a_value_of_many_decimals_is_rounded_as_a_chart_is_read(name, value):
    """At the edge of a band of NEWS2 or a limit the digit that is dropped would decide."""
    real = chart_of([patient(), *table(SICK), charted(name, value, "p1")])
    assert said(hypothetical(sick(), AT, {name: value})) == said(real)


@pytest.mark.parametrize("patient_id", ["sepsis", "conflict", "unreadable", "chart-mess"])
def test_several_values_are_assessed_as_one_set(patient_id):
    """Both pressures, the rate and a lactate at once; the mean is made of the two pressures."""
    given = {"systolic": 84.0, "diastolic": 48.0, "heart_rate": 131.0, "lactate": 4.4}
    resources = PATIENTS[patient_id]
    rest = resources
    for name in given:
        rest = without(rest, name)
    rest = rest + [charted(name, value, patient_id) for name, value in given.items()]
    tried = hypothetical(chart_of(resources, patient_id), AT, given)
    assert said(tried) == said(chart_of(rest, patient_id))
    (mean,) = (item for item in told(tried).inputs if item.variable == "mean_pressure")
    assert (mean.value, mean.time, mean.origin) == (60.0, AT, "from 84/48")


def sick(*more: Reading, unusable: tuple[Unusable, ...] = ()) -> Chart:
    """Return the chart of a sick patient with readings and unusable values beside."""
    chart = chart_of([patient(), *table(SICK)])
    return replace(chart, readings=tuple(sorted((*chart.readings, *more))), unusable=unusable)


def ago(minutes: float, name: str, value: float) -> Reading:
    return Reading(AT - minutes * MINUTES, name, value, f"Observation/{name}-late")


def blind(minutes: float, name: str, reason: str = "value") -> Unusable:
    return Unusable(AT - minutes * MINUTES, name, reason, "see note", "Observation/odd")


@pytest.mark.parametrize(
    ("name", "value", "beside"),
    [
        ("heart_rate", 88.0, [ago(0, "heart_rate", 150.0)]),
        ("heart_rate", 88.0, [ago(0.5, "heart_rate", 150.0), ago(0, "heart_rate", 140.0)]),
        ("gcs", 15.0, [ago(5, "acvpu", 3.0)]),
        ("gcs", 15.0, [ago(15, "acvpu", 3.0)]),
        ("acvpu", 0.0, [ago(10, "gcs", 7.0)]),
        ("oxygen_flow", 0.0, [ago(14, "fio2", 60.0)]),
        ("fio2", 21.0, [ago(14, "oxygen_flow", 9.0)]),
        ("haemoglobin", 9.0, [ago(0, "haematocrit", 44.0)]),
    ],
)
def test_no_word_of_the_same_moment_speaks_against_a_value(name, value, beside):
    """A graver value of the minute and a sister that says otherwise in the set give way, and leave
    no conflict.
    """
    tried = hypothetical(sick(*beside), AT, {name: value})
    assert said(tried) == said(hypothetical(sick(), AT, {name: value}))
    assert not [finding for finding in told(tried).findings if finding.kind == "conflict"]


def test_a_set_before_stays_history():
    """What a sister said sixteen minutes ago, and the variable itself a minute ago, is of before."""
    before = (ago(16, "acvpu", 3.0), ago(1, "heart_rate", 150.0))
    tried = hypothetical(sick(*before), AT, {"gcs": 15.0, "heart_rate": 90.0})
    assert set(before) <= set(tried.readings)


@pytest.mark.parametrize("reason", ["value", "time", "unit", "status"])
@pytest.mark.parametrize("name", ["spo2", "lactate", "acvpu"])
def test_a_value_that_cant_be_used_gives_way_to_one_of_its_moment(name, reason):
    """An undated one stands at the moment of reading, and would make the value unknown."""
    value = 1.0 if name == "acvpu" else value_of(name)
    tried = hypothetical(sick(unusable=(blind(0, name, reason),)), AT, {name: value})
    assert said(tried) == said(hypothetical(sick(), AT, {name: value}))


def test_one_pressure_leaves_the_mean_as_it_was_charted():
    """The mean of an hour ago is not made anew of a systolic pressure alone."""
    before, after = (told(chart) for chart in (sick(), hypothetical(sick(), AT, {"systolic": 60})))
    means = [
        item for one in (before, after) for item in one.inputs if item.variable == "mean_pressure"
    ]
    assert means[0].value == means[1].value and means[1].time == AT - timedelta(hours=1)


def test_a_mean_of_this_minute_gives_way_to_two_pressures():
    """A monitor charts all three; whoever changes two of them has changed the third."""
    beside = [ago(0, "diastolic", 50.0), ago(0, "mean_pressure", 99.0)]
    chart = sick(ago(0, "systolic", 120.0), *beside)
    tried = told(hypothetical(chart, AT, {"systolic": 80.0}))
    (mean,) = (item for item in tried.inputs if item.variable == "mean_pressure")
    assert (mean.value, mean.origin) == (60.0, "from 80/50")
    alone = told(hypothetical(sick(ago(0, "mean_pressure", 99.0)), AT, {"systolic": 80.0}))
    (mean,) = (item for item in alone.inputs if item.variable == "mean_pressure")
    assert mean.value == 99.0


def test_the_target_of_a_saturation_goes_on():
    """Where a clinician has set 88 to 92 %, 90 % is no 3 points after a slider was moved either."""
    rows = [observation("spo2", 91, 1, **TARGET), observation("fio2", 21, 1)]
    chart = chart_of([patient(), *rows])
    part = {one.name: one for one in told(hypothetical(chart, AT, {"spo2": 89.0})).news2.parts}
    assert (part["spo2"].label, part["spo2"].points) == ("SpO2 (scale 2)", 0)


def test_an_amount_takes_the_place_of_what_came_in_its_hours():
    """Urine is told for six hours, and what was charted within them is not counted beside."""
    hourly = [
        Reading(AT - n * 60 * MINUTES, "urine", 20.0, f"u{n}", True, "", 1.0) for n in range(9)
    ]
    tried = hypothetical(sick(*hourly), AT, {"urine": 300.0})
    amounts = [one for one in tried.readings if one.variable == "urine"]
    assert [(one.value, one.hours) for one in amounts] == [(20.0, 1.0)] * 3 + [(300.0, 6.0)]


@pytest.mark.parametrize("name", ["heart_rate", "lactate", "fio2", "gcs"])
def test_a_value_taken_away_is_a_chart_without_it(name):
    """What is charted of a variable within its greatest age goes; the rest says what it said."""
    rows = [r for r in table(SICK) if not r["id"].startswith(f"{name}-")]
    old = [r for r in table(SICK) if r["id"] == f"{name}-24" and name != "lactate"]
    tried = hypothetical(sick(), AT, {name: None})
    assert said(tried) == said(chart_of([patient(), *rows, *old]))


def test_a_part_that_could_not_be_read_can_be_tried():
    """A lactate that was told by telephone counts, and nothing else of the laboratory is known."""
    failed = replace(
        chart_of([patient(), *[r for r in table(SICK) if r["id"].split("-")[0] != "lactate"]]),
        parts={"labs": PartState("failed", why="status 500")},
    )
    tried = told(hypothetical(failed, AT, {"lactate": 5.0}))
    items = {item.variable: item for item in tried.inputs}
    assert items["lactate"].state == "used" and items["sodium"].state == "unread"
    assert any(finding.variable == "lactate" for finding in tried.findings)
    assert told(failed).unread and tried.unread


def test_nothing_given_changes_nothing():
    chart = sick(unusable=(blind(0, "spo2"),))
    assert hypothetical(chart, AT, {}) == chart
