"""Each scenario keeps its own promise, is the same for the same seed, and is always about now."""

from datetime import UTC, datetime, timedelta

import pytest

from demo.patients.generate import generate
from demo.patients.measures import MEASURES
from demo.patients.resources import LOINC
from demo.patients.scenario import load_scenarios, read_table, round_hours
from demo.vitals import table

NOW = datetime(2026, 3, 29, 13, 30, tzinfo=UTC)
PATIENTS = {patient.id: patient for patient in generate(NOW, seed=1)}


def observations(patient_id, status=("final",)):
    return [
        r
        for r in PATIENTS[patient_id].resources
        if r["resourceType"] == "Observation" and r["status"] in status
    ]


def series(patient_id, name):
    """Return a measure's values oldest first, components included."""
    code, found = MEASURES[name].code, []
    for resource in observations(patient_id):
        for part in (resource, *resource.get("component", ())):
            if part["code"]["coding"][0]["code"] == code and "valueQuantity" in part:
                found.append((resource["effectiveDateTime"], part["valueQuantity"]["value"]))
    return [value for _, value in sorted(found)]


def test_there_are_eighteen_adults_and_a_child():
    """All of the asked-for kinds, in the order of the page."""
    assert {
        "sepsis",
        "haemorrhage",
        "respiratory-failure",
        "heart-failure",
        "post-operative",
        "stable",
        "improving",
        "sparse",
        "stale",
        "chart-mess",
        "copd",
        "opioid",
        "potassium",
        "conflict",
        "unreadable",
        "child",
    } <= set(PATIENTS)
    ages = [scenario.age for scenario in load_scenarios()]
    assert sum(age < 18 for age in ages) == 1 and sum(age >= 18 for age in ages) == 18


def test_the_same_seed_gives_the_same_charts_and_another_does_not():
    """Deterministic; the clock moves the times and nothing but the time of day moves the values."""
    assert generate(NOW, 1) == tuple(PATIENTS.values())
    assert generate(NOW, 2) != generate(NOW, 1)
    tomorrow = generate(NOW + timedelta(days=1), 1)
    values = [
        [r.get("valueQuantity") for r in p.resources if r["resourceType"] == "Observation"]
        for p in tomorrow
    ]
    assert values == [
        [r.get("valueQuantity") for r in p.resources if r["resourceType"] == "Observation"]
        for p in PATIENTS.values()
    ]


@pytest.mark.parametrize(
    "now",
    [NOW, datetime(2028, 2, 29, 0, 5, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, tzinfo=UTC)],
)
def test_ages_hold_on_every_day(now):
    """A patient has the age of the scenario whenever the demonstration runs."""
    for scenario, patient in zip(load_scenarios(), generate(now), strict=True):
        born = datetime.fromisoformat(patient.resources[0]["birthDate"])
        age = now.year - born.year - ((now.month, now.day) < (born.month, born.day))
        assert age == scenario.age, patient.id


@pytest.mark.parametrize("patient_id", sorted(set(PATIENTS) - {"chart-mess"}))
def test_charts_are_whole_plausible_and_in_the_past(patient_id):
    """Unique ids of at most 64 characters, zoned times in the last 51 hours, this patient,
    LOINC, UCUM, inside limits.
    """
    resources = PATIENTS[patient_id].resources
    ids = [(resource["resourceType"], resource["id"]) for resource in resources]
    assert len(ids) == len(set(ids)) and all(len(i) <= 64 for _, i in ids)
    assert {kind for kind, _ in ids} == {"Patient", "Encounter", "Condition", "Observation"}
    for resource in observations(patient_id):
        time = datetime.fromisoformat(resource["effectiveDateTime"])
        assert NOW - timedelta(hours=51) < time < NOW and time.tzinfo is not None
        assert (
            resource["subject"] == {"reference": f"Patient/{patient_id}"}
            and resource["code"]["coding"][0]["system"] == LOINC
        )
        assert (
            resource["encounter"] == {"reference": f"Encounter/{patient_id}-stay"}
            and resource["category"]
        )
    for name in MEASURES.keys() - {"acvpu"}:
        assert all(
            MEASURES[name].low <= value <= MEASURES[name].high for value in series(patient_id, name)
        )
    pairs = zip(series(patient_id, "systolic"), series(patient_id, "diastolic"), strict=True)
    assert all(systolic > diastolic + 10 for systolic, diastolic in pairs)


def test_loinc_codes_have_their_check_digit():
    """A mistyped code is found by LOINC's own check digit (Luhn)."""
    for code in [measure.code for measure in MEASURES.values()] + ["85354-9", "59408-5"]:
        body, _, digit = code.partition("-")
        doubled = str(2 * int(body[::-1][0::2][::-1]))
        total = sum(map(int, doubled + body[::-1][1::2]))
        assert (10 - total % 10) % 10 == int(digit), code


@pytest.mark.parametrize("patient_id", ["sepsis", "haemorrhage"])
def test_shock_develops(patient_id):
    """Pulse and lactate up, pressure down."""
    pulse, pressure, lactate = (
        series(patient_id, name) for name in ("heart_rate", "systolic", "lactate")
    )
    assert (
        pulse[-1] > pulse[0] + 30
        and pressure[-1] < 95 < pressure[0]
        and lactate[-1] > 2 * lactate[0]
        and lactate[-1] > 3.5
    )


def test_each_sick_scenario_shows_its_own_sign():
    """What a clinician would look for first."""
    assert series("sepsis", "temperature")[-1] > 38.5 and series("sepsis", "wbc")[-1] > 15
    haemoglobin = series("haemorrhage", "haemoglobin")
    assert haemoglobin[-1] < haemoglobin[0] - 3 and series("haemorrhage", "temperature")[-1] < 36.5
    assert (
        series("respiratory-failure", "fio2")[-1] >= 60
        and series("respiratory-failure", "spo2")[-1] < 90
        and series("respiratory-failure", "paco2")[-1] > 50
    )
    assert (
        series("heart-failure", "systolic")[-1] < 105 and series("heart-failure", "fio2")[-1] > 21
    )
    creatinine = series("kidney", "creatinine")
    assert creatinine[-1] > 2 * creatinine[0] and series("kidney", "potassium")[-1] > 5.5
    confused = [
        r
        for r in observations("withdrawal")
        if r.get("valueCodeableConcept", {}).get("text") == "Confused"
    ]
    assert confused and series("withdrawal", "heart_rate")[-1] > 115


def test_the_well_stay_well_and_the_improving_improve():
    """No false alarm is built in."""
    for patient_id in ("stable", "improving", "post-operative"):
        assert (
            series(patient_id, "heart_rate")[-1] < 95
            and series(patient_id, "systolic")[-1] > 110
            and series(patient_id, "spo2")[-1] >= 95
        )
    assert (
        series("improving", "heart_rate")[0] > 115
        and series("improving", "lactate")[0] > 3 > series("improving", "lactate")[-1]
    )


# The bands of no points (RCP NEWS2 2017, chart 1), with the pulse.
CALM = {
    "heart_rate": (51, 90),
    "respiratory_rate": (12, 20),
    "spo2": (96, 100),
    "systolic": (111, 219),
    "temperature": (36.1, 38.0),
    "gcs": (15, 15),
    "fio2": (21, 21),
}


def calm(patient_id):
    """Return the vital signs whose newest value scores no point."""
    newest = {name: series(patient_id, name)[-1] for name in CALM}
    return {name for name, (low, high) in CALM.items() if low <= newest[name] <= high}


@pytest.mark.parametrize("seed", range(1, 9))
def test_slow_breathing_is_the_one_red_parameter(seed, monkeypatch):
    """Three points for a respiratory rate of 8 or less, and none for anything else, at any seed."""
    monkeypatch.setitem(PATIENTS, "opioid", _of(seed, "opioid"))
    assert series("opioid", "respiratory_rate")[-1] <= 8
    assert calm("opioid") == CALM.keys() - {"respiratory_rate"}


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_critical_potassium_stands_beside_calm_vital_signs(seed, monkeypatch):
    """Beyond 6.5 mmol/L (G158) with a NEWS2 of 0."""
    monkeypatch.setitem(PATIENTS, "potassium", _of(seed, "potassium"))
    assert series("potassium", "potassium")[-1] > 6.9 and calm("potassium") == CALM.keys()


def test_the_conflict_is_of_one_minute():
    """Arterial line and cuff of the newest round differ by a whole NEWS2 band, oxygen at 40 %
    stands beside a flow of 0, and both are of the same time.
    """
    newest = max(r["effectiveDateTime"] for r in observations("conflict"))
    codes = {
        part["code"]["coding"][0]["code"]: part["valueQuantity"]["value"]
        for resource in observations("conflict")
        if resource["effectiveDateTime"] == newest
        for part in (resource, *resource.get("component", ()))
        if "valueQuantity" in part
    }
    assert codes["8480-6"] > 110 and codes["76215-3"] <= 90
    assert (codes["3150-0"], codes["3151-8"]) == (40, 0)


def test_the_unreadable_value_is_the_newest_of_its_kind():
    """A saturation below 70 % as a bound, after numbers that are all well."""
    saturations = sorted(
        (r["effectiveDateTime"], r["valueQuantity"]["value"], r["valueQuantity"].get("comparator"))
        for r in observations("unreadable")
        if r["code"]["coding"][0]["code"] == "2708-6"
    )
    assert saturations[-1][1:] == (70, "<")
    assert all(value >= 96 and bound is None for _, value, bound in saturations[:-1])


def test_the_chart_shows_what_disagrees_and_what_is_a_bound():
    """The demonstration EHR's own table leaves nothing out that the card speaks of."""
    shown = {
        patient_id: table(PATIENTS[patient_id].resources, patient_id, NOW)[1]
        for patient_id in ("conflict", "unreadable", "stable", "sepsis")
    }
    assert shown["conflict"]["SpO2"][0].endswith(" % on 40 %, flow 0 L/min")
    assert shown["conflict"]["Pressure"][0] != shown["conflict"]["Arterial line"][0]
    assert shown["unreadable"]["SpO2"][0] == "<70 % on air"
    assert shown["stable"]["SpO2"][0].endswith(" on air") and "Arterial line" not in shown["stable"]
    assert shown["sepsis"]["SpO2"][0].endswith(" % on 8 L/min")


def _of(seed, patient_id):
    return next(patient for patient in generate(NOW, seed) if patient.id == patient_id)


def test_missing_and_stale_charts():
    """Hardly any vital signs; nothing in the last 26 hours."""
    assert len(observations("sparse")) < 8 and not series("sparse", "respiratory_rate")
    newest = max(datetime.fromisoformat(r["effectiveDateTime"]) for r in observations("stale"))
    assert timedelta(hours=26) <= NOW - newest < timedelta(hours=27)


def test_oxygen_scale_2_is_prescribed_not_guessed():
    """The target stands as reference range on each saturation, on oxygen, inside 88 to 92 %."""
    saturations = [r for r in observations("copd") if r["code"]["coding"][0]["code"] == "2708-6"]
    assert all(
        (r["referenceRange"][0]["low"]["value"], r["referenceRange"][0]["high"]["value"])
        == (88, 92)
        and r["referenceRange"][0]["type"]["coding"][0]["code"] == "treatment"
        for r in saturations
    )
    assert series("copd", "fio2")[-1] > 21 and 87 <= series("copd", "spo2")[-1] <= 92


def test_blood_pressure_comes_as_panel_and_as_rows():
    """Both shapes are in the demonstration."""
    assert any(r["code"]["coding"][0]["code"] == "85354-9" for r in observations("sepsis"))
    rows = {r["code"]["coding"][0]["code"] for r in observations("heart-failure")}
    assert {"8480-6", "8462-4"} <= rows and "85354-9" not in rows


def test_the_mess_holds_every_kind():
    """Fahrenheit, kPa, errors, drafts, 2099, no zone, day only, text, another patient,
    duplicates.
    """
    every = [r for r in PATIENTS["chart-mess"].resources if r["resourceType"] == "Observation"]
    quantities = {r["valueQuantity"]["code"] for r in every if "valueQuantity" in r}
    assert {"[degF]", "kPa", "mmol/L", "furlong"} <= quantities
    assert {"entered-in-error", "preliminary", "cancelled"} <= {r["status"] for r in every}
    times = [r["effectiveDateTime"] for r in every]
    assert any(t.startswith("2099") for t in times) and {10, 19} <= {len(t) for t in times}
    assert any("valueString" in r for r in every) and any("dataAbsentReason" in r for r in every)
    assert {r["subject"]["reference"] for r in every} == {"Patient/chart-mess", "Patient/sepsis"}
    assert len({r["id"] for r in every}) == len(every)


def test_rounds_and_tables_read_as_written():
    """From hour -48 every four hours, from -12 every two, and the last."""
    assert round_hours("-8/4 -4/2") == [-8, -4, -2, 0] and round_hours("-48/4", -44) == [-48, -44]
    assert read_table("hour | gcs | acvpu | spo2\n-2 | 15 | A | 97\n0 | . | C | <70") == {
        "gcs": [(-2.0, 15.0)],
        "acvpu": [(-2.0, "A"), (0.0, "C")],
        "spo2": [(-2.0, 97.0), (0.0, "<70")],
    }
