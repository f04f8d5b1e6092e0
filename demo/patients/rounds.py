"""Charts a further round of vital signs for a demonstration patient, so that a visitor can let a
risk rise.
"""

from datetime import datetime
from typing import Any

from demo.dates import span
from demo.patients import resources
from demo.patients.generate import DemoPatient
from demo.patients.measures import MEASURES, Measure

# How far a worse round is from the last one.
WORSE = {
    "heart_rate": 18, "respiratory_rate": 5, "spo2": -3, "systolic": -20, "diastolic": -10,
    "temperature": 0.5,
}  # fmt: skip
# Where nothing is charted yet.
USUAL = {
    "heart_rate": 80, "respiratory_rate": 16, "spo2": 97, "systolic": 125, "diastolic": 75,
    "temperature": 36.8,
}  # fmt: skip


def charted(patient: DemoPatient, now: datetime, worse: bool) -> list[dict[str, Any]]:
    """Return the Observations of one more round at `now` (aware UTC): the last values again, or
    each a step worse.
    """
    step = WORSE if worse else {}
    values = {
        name: MEASURES[name].rounded(_last(patient, name, now) + step.get(name, 0))
        for name in USUAL
    }
    oxygen = _oxygen(patient, now)
    return list(resources.observations(patient.id, [(now, values | oxygen)]))


def _last(patient: DemoPatient, name: str, now: datetime) -> float:
    found = _newest(patient, MEASURES[name], now)
    return USUAL[name] if found is None else found


def _oxygen(patient: DemoPatient, now: datetime) -> dict[str, float]:
    """Return the oxygen that is given, as charted last: a round without it would read as air."""
    found = {name: _newest(patient, MEASURES[name], now) for name in resources.OXYGEN}
    return {name: value for name, value in found.items() if value is not None}


def _newest(patient: DemoPatient, measure: Measure, now: datetime) -> float | None:
    """Return the last value that was charted as this measure is, None where there is none."""
    values = [
        (when[0], part["valueQuantity"]["value"])
        for resource in patient.resources
        if _counts(resource, patient.id)
        for part in (resource, *resource.get("component", ()))
        if _is(part, measure) and (when := span(resource["effectiveDateTime"])) and when[0] <= now
    ]
    return max(values)[1] if values else None


def _is(part: dict[str, Any], measure: Measure) -> bool:
    quantity, code = part.get("valueQuantity", {}), part["code"]["coding"][0]["code"]
    found: list[Any] = [code, quantity.get("unit"), quantity.get("comparator")]
    return found == [measure.code, measure.unit, None]


def _counts(resource: dict[str, Any], patient_id: str) -> bool:
    if resource["resourceType"] != "Observation" or resource["status"] != "final":
        return False
    subject: dict[str, str] = resource["subject"]
    return subject == {"reference": f"Patient/{patient_id}"}
