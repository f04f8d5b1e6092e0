"""What Vigil makes of the invented patients: the sick stand out, the well do not, and where no
number is due none is given.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from demo.patients.generate import generate
from models.assess import Assessment, assess
from models.certainty import EVEN
from models.course import course, hourly, moments
from models.fitted.registry import load_models
from models.patient.chart import Chart
from models.patient.series import series
from models.reading.fhir import parse
from models.reading.reader import read_chart

AFTERNOON, NIGHT = (
    datetime(2026, 3, 29, 13, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 50, tzinfo=UTC),
)
RUNS = [(AFTERNOON, 1), (NIGHT, 1), (AFTERNOON, 2), (NIGHT, 3)]
SICK, WELL = (
    ("sepsis", "haemorrhage", "respiratory-failure"),
    ("post-operative", "improving", "stable", "copd"),
)
SILENT = {"sparse": "insufficient", "stale": "stale", "child": "child"}


@dataclass(frozen=True)
class Assessed:
    """One patient's resources, chart and assessment."""

    resources: list[dict]
    chart: Chart
    found: Assessment


def read(resources: list[dict], patient_id: str, now: datetime) -> Assessed:
    document = parse(
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": resource} for resource in resources],
        }
    )
    chart = read_chart(document.resources, patient_id, now, document.malformed)
    return Assessed(resources, chart, assess(chart, now, load_models()))


@cache
def patients(now: datetime = AFTERNOON, seed: int = 1) -> dict[str, Assessed]:
    return {
        patient.id: read(list(patient.resources), patient.id, now)
        for patient in generate(now, seed)
    }


@pytest.mark.parametrize(("now", "seed"), RUNS)
def test_the_sick_stand_out(now, seed):
    """Each of the sick has at least three times the risk of death of any of the well, a higher
    NEWS2, and rises, whatever hour and seed.
    """
    found = {name: row.found for name, row in patients(now, seed).items()}
    assert {name: row.status for name, row in found.items()} == dict.fromkeys(
        found, "scored"
    ) | SILENT
    death = {
        name: next(risk for risk in row.risks if risk.outcome == "death")
        for name, row in found.items()
        if row.risks
    }
    assert min(death[name].probability for name in SICK) > 3 * max(
        death[name].probability for name in WELL
    )
    # Who was ill yesterday is not yet called low: the highest and lowest values of two days count.
    assert {found[name].lead.band for name in set(WELL) - {"improving"}} == {"low"}
    assert found["improving"].lead.band in ("low", "medium") and "low" not in {
        found[name].lead.band for name in SICK
    }
    assert {death[name].trend for name in SICK} == {"rising"}
    assert death["improving"].probability < death["improving"].earlier
    assert (
        min(found[name].news2.total for name in SICK) >= 7
        and max(found[name].news2.total for name in WELL) <= 4
    )
    assert found["sepsis"].lead.band == "high"


@pytest.mark.parametrize(("now", "seed"), RUNS)
def test_vital_signs_alone_leave_the_middle_open(now, seed):
    """Where the interval reaches from the low band to a high risk, no band is given, whatever hour
    and seed; the words say why.
    """
    lead = patients(now, seed)["not-certain"].found.lead
    assert (lead.outcome, lead.band) == (
        "death",
        "indeterminate",
    ) and lead.figure == lead.certainty.text
    assert lead.certainty.low < lead.thresholds["medium"] < EVEN <= lead.certainty.high
    assert "is not known, above all Glasgow coma score" in lead.certainty.reasons[0]


@pytest.mark.parametrize("patient_id", SILENT)
def test_no_number_without_a_ground(patient_id):
    """A reason in words instead."""
    found = patients()[patient_id].found
    assert found.risks == () and found.reasons and found.news2.total is None


@pytest.mark.parametrize(("now", "seed"), RUNS)
def test_the_newest_vital_signs_are_ten_to_fifty_minutes_old(now, seed):
    """As in a ward; but for the chart that is stale."""
    ages = {
        name: now - row.found.data_time
        for name, row in patients(now, seed).items()
        if name != "stale"
    }
    assert all(timedelta(minutes=10) <= age <= timedelta(minutes=51) for age in ages.values()), ages


@pytest.mark.parametrize("patient_id", sorted(set(patients()) - {"chart-mess", "unreadable"}))
def test_every_value_of_a_tidy_chart_is_read(patient_id):
    """Nothing of our own making is rejected, neither by code nor by unit."""
    assert patients()[patient_id].chart.rejected == {}


def test_the_mess_is_counted_by_reason_and_changes_little():
    """What is wrong would have shouted if believed; what is only in other units is read; of what
    may be the newest and can't be used the older value is not believed either.
    """
    row = patients()["chart-mess"]
    assert row.chart.rejected == {
        "bound": 1,
        "code": 1,
        "duplicate": 1,
        "future": 2,
        "patient": 1,
        "range": 1,
        "status": 3,
        "time": 2,
        "unit": 1,
        "value": 2,
    }
    converted = {"fahrenheit": 37.1, "kilopascal": 120, "millimole": 110}
    for label, value in converted.items():
        assert [reading.value for reading in row.chart.readings if label in reading.source] == [
            pytest.approx(value, rel=0.001)
        ]
    news2 = row.found.news2
    assert row.found.lead.band == "low" and (news2.low, news2.high) == (0, 3)
    assert news2.missing == ("Respiration",)


@pytest.mark.parametrize(
    ("patient_id", "creatinine", "glucose"),
    [("heart-failure", 2.0, 149), ("post-operative", 0.7, 118)],
)
def test_si_units_are_the_same_values(patient_id, creatinine, glucose):
    """Creatinine in umol/L and glucose in mmol/L arrive as mg/dL."""
    row = patients()[patient_id]
    quantities = {
        r["code"]["coding"][0]["code"]: r["valueQuantity"]["code"]
        for r in row.resources
        if "valueQuantity" in r
    }
    assert (quantities["14682-9"], quantities["14749-6"]) == ("umol/L", "mmol/L") and not {
        "2160-0",
        "2345-7",
    } & set(quantities)
    latest = {reading.variable: reading.value for reading in row.chart.readings}
    assert latest["creatinine"] == pytest.approx(creatinine, abs=0.1) and latest[
        "glucose"
    ] == pytest.approx(glucose, abs=12)


def test_oxygen_scale_2_comes_from_the_prescription_alone():
    """No points for 89 to 91 % on 28 % oxygen; the same chart without its reference ranges has
    three or two.
    """
    row = patients()["copd"]
    without = [
        {name: value for name, value in resource.items() if name != "referenceRange"}
        for resource in row.resources
    ]
    saturation = [
        next(part.points for part in found.news2.parts if part.name == "spo2")
        for found in (row.found, read(without, "copd", AFTERNOON).found)
    ]
    assert saturation[0] == 0 and saturation[1] in (2, 3)
    latest = {reading.variable: reading.value for reading in row.chart.readings}
    assert 89 <= latest["spo2"] <= 91 and latest["fio2"] == 28
    assert row.found.news2.total == 2


def test_new_confusion_scores_three():
    """ACVPU confused, though the coma score is 14."""
    parts = {part.name: part.points for part in patients()["withdrawal"].found.news2.parts}
    assert 3 in parts.values() and patients()["withdrawal"].found.news2.total >= 7


@pytest.mark.parametrize(("now", "seed"), RUNS)
def test_one_grave_value_makes_the_card_grave(now, seed):
    """A red parameter alone warns, a critical potassium is critical, of two pressures the lower
    counts, and a bound that can't be used as a number still scores; each leads by its name, but
    for a NEWS2 of 5 or more, which leads itself.
    """
    found = {name: row.found for name, row in patients(now, seed).items()}
    first = {name: row.findings[0] for name, row in found.items() if row.findings}
    assert {
        name: (found[name].level, first[name].variable)
        for name in ("opioid", "potassium", "conflict", "unreadable")
    } == {
        "opioid": ("warning", "respiratory_rate"),
        "potassium": ("critical", "potassium"),
        "conflict": ("warning", None),
        "unreadable": ("warning", "spo2"),
    }
    assert (found["opioid"].news2.total, found["potassium"].news2.total) == (3, 0)
    assert found["conflict"].news2.total == 6 and "<70" in first["unreadable"].written
    assert found["unreadable"].news2.low == 3
    told = " ".join(finding.sentence for finding in found["conflict"].findings)
    assert "40 %" in told and "0 L/min" in told


def test_the_calm_stay_calm():
    """No finding above info where nothing is grave, so that a warning keeps its meaning."""
    found = {name: row.found.level for name, row in patients().items()}
    assert {name: found[name] for name in ("post-operative", "stable", "copd")} == {
        "post-operative": "info",
        "stable": "info",
        "copd": "info",
    }


def test_a_draft_lactate_leads_the_card_of_the_mess():
    """A result that is grave is no less so before the laboratory has made it final."""
    found = patients()["chart-mess"].found
    assert found.level == "critical" and found.risks[0].band == "low"
    assert "lactate can't be used: 9.8" in found.findings[0].sentence


def test_two_days_of_course():
    """Every chart with 48 hours of history has a risk for nearly each hour, gaps where no band
    can be told; sepsis climbs, the treated patient comes down.
    """
    model = load_models()[0]
    for patient_id in (*SICK, *WELL):
        known = moments(hourly(series(patients()[patient_id].chart), AFTERNOON))
        risks = [risk for _, risk, _ in course(known, model) if risk is not None]
        assert len(risks) >= 38, patient_id
        if patient_id == "sepsis":
            assert risks[-1] > 4 * risks[0]
        if patient_id == "improving":
            assert risks[0] > 4 * risks[-1]
