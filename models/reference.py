"""Turns a feature row into that of its reference patient, and TreeSHAP values into what parts the
two.

The average of the training data is intensive care: against it a respiratory rate of 27 "lowers"
the risk. A clinician compares with health. So contributions are told against a patient of the same
age and sex who has the vocabulary's `normal` value wherever this chart has one, and had it, steady,
for two days: lowest, highest and mean are that value, changes are 0, the spread is this chart's own
but no more than health's, what is made of two variables is made of their normal values, and urine
comes as the normal amount of an hour at the normal weight. What is missing here is missing there,
since no value is a fact about the chart and not about health.
TreeSHAP is additive, so that phi(x) - phi(reference), summed over the features, is exactly
score(x) - score(reference).

The reference is versioned: by VERSION for these rules, and by the vocabulary's hash for the normal
values. An audit record holds both.
"""

from functools import cache
from typing import NamedTuple

from models.fitted.model import Model
from models.patient.features import URINE_RATES, FeatureRow, of_two, variable_of
from models.patient.snapshot import Snapshot
from models.patient.vocabulary import VARIABLES

VERSION = 1
# How much the vital signs of a healthy adult at rest vary over two days (standard deviation, in the
# variable's unit); our choice, about the swing of day and night. A spread of 0 would be no health:
# respiration that never varies is a ventilator's, and the sepsis model counts it as one.
HEALTHY_SPREAD = {
    "heart_rate": 6.0,
    "respiratory_rate": 2.0,
    "spo2": 1.0,
    "systolic": 8.0,
    "diastolic": 6.0,
    "mean_pressure": 6.0,
    "temperature": 0.3,
    "gcs": 0.0,
    "fio2": 0.0,
}
OWN, VALUE, AT_MOST = "own", "value", "at most"
PERSONS = {"male": "a man", "female": "a woman"}


class Compared(NamedTuple):
    """A patient's row beside that of the reference, and the snapshot that the first was made of."""

    row: FeatureRow
    normal: FeatureRow
    snapshot: Snapshot


def reference_row(row: FeatureRow) -> FeatureRow:
    """Return the row of the reference patient: normal and steady where `row` has values."""
    found: FeatureRow = {}
    for name, value in row.items():
        kind, normal = _healthy(name)
        if value is None or kind == OWN:
            found[name] = value
        else:
            found[name] = min(value, normal) if kind == AT_MOST else normal
    made = {name: value for name, value in of_two(found).items() if row[name] is not None}
    return found | made


def reference_person(model: Model, compared: Compared) -> str:
    """Return the reference patient in words: "a woman of 67 with normal values", and "where known"
    if the model lacks some.
    """
    age, sex = compared.snapshot.age, compared.snapshot.chart.sex
    years = "" if age is None else f" of {age}"
    lacks = any(compared.row[name] is None for name in model.variables)
    known = " where known" if lacks else ""
    return f"{PERSONS.get(sex or '', 'a person')}{years} with normal values{known}"


def against_reference(model: Model, compared: Compared) -> tuple[float, list[tuple[str, float]]]:
    """Return the reference's calibrated log-odds, and what each feature adds to them (feature,
    log-odds); together they are the calibrated score of the patient.
    """
    own, normal = model.seen(compared.row), model.seen(compared.normal)
    raw, start = model.predictor.score(own), model.predictor.score(normal)
    here, there = model.predictor.contributions(own), model.predictor.contributions(normal)
    stretch = model.stretch(start, raw)
    shares = [
        (name, stretch * (mine - theirs))
        for name, mine, theirs in zip(model.features, here, there, strict=False)
    ]
    return model.calibrated(start), shares


@cache
def _healthy(feature: str) -> tuple[str, float]:
    """Return what a healthy person has for a feature: a value, a value AT_MOST, or the patient's
    OWN where the vocabulary has none (age, sex).
    """
    variable = VARIABLES.get(variable_of(feature))
    if variable is None or variable.normal is None:
        return OWN, 0.0
    kind, weight = feature.partition(".")[2], VARIABLES["weight"].normal
    if feature in URINE_RATES and weight:
        return VALUE, variable.normal / weight
    if kind.startswith("spread"):
        return AT_MOST, HEALTHY_SPREAD[variable.name]
    return VALUE, 0.0 if kind.startswith("change") else variable.normal
