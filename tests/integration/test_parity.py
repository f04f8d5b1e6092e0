"""One road: the same stay gives the same features and the same risk as a training row, as FHIR
through the hook's reader, and on replay.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from demo.physionet import stays as as_fhir
from models.assess import assess
from models.fitted.registry import load_models
from models.patient.chart import Chart
from models.patient.features import feature_row
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.patient.vocabulary import VARIABLES
from models.reading.fhir import parse
from models.reading.reader import read_chart
from studies.data.physionet2012 import read_stay
from studies.data.stays import ADMITTED

NOW = datetime(2026, 3, 29, 13, 30, tzinfo=UTC)
STAY = """Time,Parameter,Value
00:00,RecordID,132000
00:00,Age,71
00:00,Gender,1
00:00,Height,-1
00:00,ICUType,4
00:00,Weight,-1
00:30,HR,92
00:30,NISysABP,118
00:30,NIDiasABP,64
00:30,NIMAP,82
00:30,RespRate,19
00:30,SaO2,96
00:30,Temp,37.4
00:30,GCS,15
01:10,Creatinine,1.1
01:10,BUN,22
01:10,Lactate,1.4
05:30,HR,111
05:30,NISysABP,97
05:30,RespRate,25
05:30,FiO2,0.4
05:45,Temp,-17.8
06:00,HR,118
06:00,SaO2,91
06:00,pH,7.29
06:00,Platelets,143
"""


def as_training(record: str, text: str) -> Chart:
    return read_stay(record, f"{record}.txt", text)[0]


def same(training: Chart, served: Chart, shift: timedelta, at: datetime) -> None:
    """Compare readings, features and risk of the two roads at one moment.

    Training tables hold what a model may be given, and both of two values of a minute; serving also
    says what can't be, and lets the graver count. That is left out on both sides here.
    """
    fit = tuple(
        r
        for r in served.readings
        if VARIABLES[r.variable].low <= r.value <= VARIABLES[r.variable].high
    )
    served = replace(served, readings=fit, unusable=(), reader=1)
    moved = [
        (r.variable, r.time + shift, r.value) for r in training.readings if r.time + shift <= at
    ]
    assert sorted(moved) == sorted(
        (r.variable, r.time, r.value) for r in served.readings if r.variable != "spo2_target"
    )
    model = load_models()[0]
    left = feature_row(snapshot_at(series(training), at - shift))
    right = feature_row(snapshot_at(series(served), at))
    assert left == right
    risks = [
        assess(chart, moment, (model,)).lead
        for chart, moment in ((training, at - shift), (served, at))
    ]
    assert [risk and risk.probability for risk in risks[:1]] == [
        risk and risk.probability for risk in risks[1:]
    ]


def test_a_training_row_is_the_row_that_serving_makes(tmp_path):
    """A stay read by the trainer and the same stay as FHIR give equal readings and features."""
    (tmp_path / "132000.txt").write_text(STAY)
    _compare(as_fhir(tmp_path, NOW)[0], as_training("132000", STAY))


def test_real_stays_give_the_same_rows_both_ways(shared):
    """Forty real ICU stays of 2012, impossible values included."""
    import zipfile

    path = shared / "data" / "physionet2012" / "set-a.zip"
    with zipfile.ZipFile(path) as archive:
        for patient in as_fhir(path, NOW, 40):
            record = next(
                i["value"]
                for r in patient.resources
                if r["resourceType"] == "Patient"
                for i in r["identifier"]
            )
            record = "".join(c for c in record if c.isdigit())
            _compare(patient, as_training(record, archive.read(f"set-a/{record}.txt").decode()))


def _compare(patient, training: Chart) -> None:
    resources = [resource for r in patient.resources for resource in parse(r).resources]
    served = read_chart(resources, patient.id, NOW)
    last = max(r.time for r in served.readings)
    shift = last - max(
        r.time for r in training.readings if r.variable in {v.variable for v in served.readings}
    )
    assert training.readings[0].time >= ADMITTED
    same(training, served, shift, NOW)


@pytest.mark.parametrize("hours", [6, 24, 47])
def test_features_do_not_depend_on_the_date(tmp_path, hours):
    """A stay moved to another day has the same features: nothing knows the calendar."""
    chart = as_training("132000", STAY)
    moved = Chart(
        "p",
        None,
        "male",
        False,
        tuple(r._replace(time=r.time + timedelta(days=5000)) for r in chart.readings),
        {},
    )
    at = ADMITTED + timedelta(hours=hours)
    rows = [
        feature_row(snapshot_at(series(c), moment))
        for c, moment in ((chart, at), (moved, at + timedelta(days=5000)))
    ]
    assert {k: v for k, v in rows[0].items() if k != "age"} == {
        k: v for k, v in rows[1].items() if k != "age"
    }
