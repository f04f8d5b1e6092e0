"""Turns values into FHIR R4 resources shaped as US Core has them: Patient, Encounter, Condition,
Practitioner, Observation, Group.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from demo.patients.measures import MEASURES, Measure

LOINC, UCUM, SNOMED = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
CATEGORIES = {"vital-signs": "Vital Signs", "laboratory": "Laboratory"}
# The answers of LOINC 67775-7 (answer list LL2714-1) and new confusion, which NEWS2 added.
ACVPU = {
    "A": ("LA9340-6", "Alert"), "C": ("LA6560-2", "Confused"),
    "V": ("LA17108-4", "Responds to voice"), "P": ("LA17107-6", "Responds to pain"),
    "U": ("LA9343-0", "Unresponsive"),
}  # fmt: skip
TREATMENT = {"system": f"{TERMINOLOGY}/referencerange-meaning", "code": "treatment"}
CLINICIAN, NURSE = "demo-clinician", "demo-nurse"
OXYGEN = ("flow", "fio2")


def patient(
    patient_id: str, family: str, given: str, sex: str | None, born: str | None, mrn: str
) -> dict[str, Any]:
    """Return a Patient; `born` is a FHIR date, whole or partial, and left out when it is not
    known.
    """
    kind = {
        "coding": [
            {"system": f"{TERMINOLOGY}/v2-0203", "code": "MR", "display": "Medical record number"}
        ],
        "text": "MRN",
    }
    found = {
        "resourceType": "Patient",
        "id": patient_id,
        "meta": {
            "profile": [f"{US_CORE}/us-core-patient"],
            "tag": [{"system": f"{TERMINOLOGY}/v3-ActReason", "code": "HTEST"}],
        },
        "identifier": [
            {"use": "usual", "type": kind, "system": "urn:vigil:demo:mrn", "value": mrn}
        ],
        "active": True,
        "name": [{"use": "official", "family": family, "given": [given]}],
        "gender": sex or "unknown",
        "birthDate": born,
    }
    return {name: value for name, value in found.items() if value is not None}


def encounter(patient_id: str, start: datetime, ward: str) -> dict[str, Any]:
    """Return the inpatient stay that is under way, with the ward as its location."""
    return {
        "resourceType": "Encounter",
        "id": f"{patient_id}-stay",
        "status": "in-progress",
        "class": {
            "system": f"{TERMINOLOGY}/v3-ActCode",
            "code": "IMP",
            "display": "inpatient encounter",
        },
        "type": [
            {
                "coding": [
                    {
                        "system": SNOMED,
                        "code": "183452005",
                        "display": "Emergency hospital admission",
                    }
                ]
            }
        ],
        "subject": _about(patient_id),
        "period": {"start": start.isoformat()},
        "location": [{"location": {"display": ward}, "status": "active"}],
    }


def condition(patient_id: str, code: str, display: str, onset: datetime) -> dict[str, Any]:
    """Return why the patient is in hospital."""
    return {
        "resourceType": "Condition",
        "id": f"{patient_id}-problem",
        "clinicalStatus": {
            "coding": [{"system": f"{TERMINOLOGY}/condition-clinical", "code": "active"}]
        },
        "verificationStatus": {
            "coding": [{"system": f"{TERMINOLOGY}/condition-ver-status", "code": "confirmed"}]
        },
        "category": [
            {
                "coding": [
                    {"system": f"{TERMINOLOGY}/condition-category", "code": "encounter-diagnosis"}
                ]
            }
        ],
        "code": {"coding": [{"system": SNOMED, "code": code, "display": display}], "text": display},
        "subject": _about(patient_id),
        "encounter": {"reference": f"Encounter/{patient_id}-stay"},
        "onsetDateTime": onset.isoformat(),
    }


def practitioners() -> tuple[dict[str, Any], ...]:
    """Return the clinicians who can be signed in to the demonstration."""
    names = {
        CLINICIAN: {"family": "Demonstrator", "given": ["Robin"], "prefix": ["Dr"]},
        NURSE: {"family": "Specimen", "given": ["Alex"]},
    }
    return tuple(
        {"resourceType": "Practitioner", "id": id, "active": True, "name": [name]}
        for id, name in names.items()
    )


def wards(patients: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], ...]:
    """Return a Group for each ward, and one of all, of (ward, patient id): the lists that a
    clinician may see.
    """
    by_ward: dict[str, list[str]] = {"All wards": []}
    for ward, patient_id in patients:
        by_ward["All wards"].append(patient_id)
        by_ward.setdefault(ward, []).append(patient_id)
    return tuple(
        {
            "resourceType": "Group",
            "id": re.sub(r"[^a-z0-9]+", "-", ward.lower()),
            "type": "person",
            "actual": True,
            "name": ward,
            "quantity": len(ids),
            "member": [{"entity": {"reference": f"Patient/{one}"}} for one in ids],
        }
        for ward, ids in by_ward.items()
    )


def observation(
    patient_id: str, name: str, time: datetime, value: float | str, suffix: str = ""
) -> dict[str, Any]:
    """Return one final Observation of a measure; its id says patient, measure and minute.

    Shape: a `value` in words is a level of ACVPU, or a bound such as `<70`.
    """
    return _shell(patient_id, MEASURES[name], time, name + suffix) | _valued(MEASURES[name], value)


def pressure_panel(
    patient_id: str, time: datetime, systolic: float, diastolic: float, suffix: str = ""
) -> dict[str, Any]:
    """Return a blood pressure as US Core has it: panel 85354-9 with two components."""
    panel = _shell(patient_id, MEASURES["systolic"], time, f"blood-pressure{suffix}")
    panel["code"] = _concept("85354-9", "Blood pressure panel with all children optional")
    panel["component"] = [_component("systolic", systolic), _component("diastolic", diastolic)]
    return panel


def saturation(
    patient_id: str,
    time: datetime,
    value: float | str,
    oxygen: dict[str, float],
    target: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Return a pulse oximetry with both US Core codes, and the oxygen given (`flow`, `fio2`) as
    components.
    """
    found = observation(patient_id, "spo2", time, value)
    found["code"]["coding"].append(
        {
            "system": LOINC,
            "code": "59408-5",
            "display": "Oxygen saturation in Arterial blood by Pulse oximetry",
        }
    )
    if oxygen:
        found["component"] = [_component(name, amount) for name, amount in oxygen.items()]
    if target:
        low, high = (_quantity(MEASURES["spo2"], limit) for limit in target)
        found["referenceRange"] = [
            {
                "low": low,
                "high": high,
                "type": {"coding": [TREATMENT]},
                "text": "Prescribed target saturation",
            }
        ]
    return found


def observations(
    patient_id: str,
    rounds: list[tuple[datetime, dict[str, Any]]],
    rows: bool = False,
    target: tuple[int, ...] = (),
) -> Iterator[dict[str, Any]]:
    """Yield the Observations of rounds or samples; blood pressure as a panel, or as two rows
    where `rows`.
    """
    for time, values in rounds:
        rest = dict(values)
        oxygen = {name: rest.pop(name) for name in OXYGEN if name in rest}
        if "spo2" in rest:
            yield saturation(patient_id, time, rest.pop("spo2"), oxygen, target)
        else:
            rest |= oxygen
        if not rows and {"systolic", "diastolic"} <= set(rest):
            yield pressure_panel(patient_id, time, rest.pop("systolic"), rest.pop("diastolic"))
        for name, value in rest.items():
            yield observation(patient_id, name, time, value)


def _shell(patient_id: str, measure: Measure, time: datetime, label: str) -> dict[str, Any]:
    category = measure.category
    return {
        "resourceType": "Observation",
        "id": f"{patient_id}-{label.replace('_', '-')}-{time:%Y%m%dT%H%M}",
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": f"{TERMINOLOGY}/observation-category",
                        "code": category,
                        "display": CATEGORIES[category],
                    }
                ]
            }
        ],
        "code": _concept(measure.code, measure.display),
        "subject": _about(patient_id),
        "encounter": {"reference": f"Encounter/{patient_id}-stay"},
        "effectiveDateTime": time.isoformat(),
        "issued": time.isoformat(),
    }


def _valued(measure: Measure, value: float | str) -> dict[str, Any]:
    if isinstance(value, str) and value in ACVPU:
        code, display = ACVPU[value]
        return {"valueCodeableConcept": _concept(code, display)}
    if isinstance(value, str):
        bound = _quantity(measure, measure.rounded(float(value[1:])))
        return {"valueQuantity": bound | {"comparator": value[0]}}
    return {"valueQuantity": _quantity(measure, value)}


def _component(name: str, value: float) -> dict[str, Any]:
    return {"code": _concept(MEASURES[name].code, MEASURES[name].display)} | _valued(
        MEASURES[name], value
    )


def _quantity(measure: Measure, value: float) -> dict[str, Any]:
    return {"value": value, "unit": measure.unit, "system": UCUM, "code": measure.unit}


def _concept(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code, "display": display}], "text": display}


def _about(patient_id: str) -> dict[str, Any]:
    return {"reference": f"Patient/{patient_id}"}
