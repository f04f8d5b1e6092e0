"""Two made patients who are scored as a call is, from FHIR to the card, to see that the answers
still make sense (G11).

One is about to die and one is well: a model that gives nonsense can't be right about both. Nothing
goes over the network or into the audit log, whose records are of people.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from cdshooks.delivering.first_sight import first_sight
from cdshooks.delivering.form import given
from ehr.chart import collect
from models.assess import Assessment, assess
from models.fitted.registry import Model
from models.patient.chart import Chart
from runtime.settings import Ehr

PATIENT, HERE = "synthetic", "http://localhost"
EHR = Ehr(id=PATIENT, fhir_base=())
HOURS = (1, 4, 8)
# LOINC code and UCUM unit, as it is with who is dying and with who is well
VITALS = {
    "8867-4": ("/min", 128, 72),
    "9279-1": ("/min", 30, 14),
    "59408-5": ("%", 86, 98),
    "8480-6": ("mm[Hg]", 82, 124),
    "8310-5": ("Cel", 39.4, 36.8),
}
LABS = {"2524-7": ("mmol/L", 7.1, 1.0), "2160-0": ("mg/dL", 3.2, 0.9)}
Table = Mapping[str, tuple[str, float, float]]


class Expected(NamedTuple):
    """Who a made patient is, the level of the card, and the bands that each risk may have."""

    who: str
    level: str
    bands: tuple[str, ...]


DYING = Expected("the dying patient", "critical", ("medium", "high", "indeterminate"))
WELL = Expected("the well patient", "info", ("low",))


def examine(models: Sequence[Model], clock: Callable[[], datetime]) -> str:
    """Return in fixed words what is wrong with what `models` say now of the two patients, or
    nothing. Raises what a call's answer would.
    """
    at = clock()
    for column, expected in enumerate((DYING, WELL)):
        assessment = assess(_chart(at, column), at, models)
        if wrong := _wrong(expected, assessment, len(models)):
            return wrong
        made = first_sight(assessment, EHR)
        if not (shown := given(made, assessment, PATIENT, EHR, HERE)):
            return f"no card for {expected.who}"
        if shown[0]["indicator"] != expected.level:
            return f"{expected.who} has a card of another level"
    return ""


def _wrong(expected: Expected, assessment: Assessment, models: int) -> str:
    if len(assessment.risks) != models:
        return f"no risk for {expected.who}"
    for risk in assessment.risks:
        if risk.band not in expected.bands:
            return f"{risk.outcome}: {risk.band} for {expected.who}"
    if assessment.level != expected.level:
        return f"level {assessment.level} for {expected.who}"
    return ""


def _chart(at: datetime, column: int) -> Chart:
    person = {
        "resourceType": "Patient",
        "id": PATIENT,
        "gender": "male",
        "birthDate": f"{at.year - 70}-01-01",
    }
    sent = {
        "patient": json.dumps(person).encode(),
        "vitals": _bundle(VITALS, at, column),
        "labs": _bundle(LABS, at, column),
    }
    return collect(PATIENT, at, sent, None, EHR.traits).chart(PATIENT, at, EHR.fhir_base)


def _bundle(table: Table, at: datetime, column: int) -> bytes:
    resources = [
        {
            "resourceType": "Observation",
            "id": f"{code}-{hours}",
            "status": "final",
            "subject": {"reference": f"Patient/{PATIENT}"},
            "effectiveDateTime": (at - timedelta(hours=hours)).isoformat(),
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {
                "value": values[column],
                "system": "http://unitsofmeasure.org",
                "code": unit,
            },
        }
        for code, (unit, *values) in table.items()
        for hours in HOURS
    ]
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode()
