"""Adds to a chart what real charts hold and a reader has to survive: other units, errors,
drafts, bad dates, free text.
"""

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from demo.patients.resources import UCUM, observation

Change = Callable[[dict[str, Any]], None]

LOCAL = {
    "coding": [{"system": "urn:vigil:demo:flowsheet", "code": "PULSE", "display": "Pulse"}],
    "text": "Pulse",
}


def _set(**members: object) -> Change:
    return lambda found: found.update(copy.deepcopy(members))


def _measured(value: float, unit: str, code: str) -> Change:
    return _set(valueQuantity={"value": value, "unit": unit, "system": UCUM, "code": code})


def _in_place_of_value(**members: object) -> Change:
    def change(found: dict[str, Any]) -> None:
        del found["valueQuantity"]
        found |= copy.deepcopy(members)

    return change


def _bound(found: dict[str, Any]) -> None:
    found["valueQuantity"]["comparator"] = "<"


def _date_cut(length: int) -> Change:
    return lambda found: found.update(effectiveDateTime=found["effectiveDateTime"][:length])


# Variable, hours ago, value in the demonstration's unit, name, what is strange about it.
Oddity = tuple[str, float, float, str, Change]
RIGHT: tuple[Oddity, ...] = (
    ("temperature", 3.2, 37.1, "fahrenheit", _measured(98.8, "degF", "[degF]")),
    ("systolic", 3.2, 120, "kilopascal", _measured(16.0, "kPa", "kPa")),
    ("glucose", 2.5, 110, "millimole", _measured(6.1, "mmol/L", "mmol/L")),
)
WRONG: tuple[Oddity, ...] = (
    ("heart_rate", 2.1, 188, "mistaken", _set(status="entered-in-error")),
    ("lactate", 1.9, 9.8, "draft", _set(status="preliminary")),
    ("potassium", 1.8, 7.9, "cancelled", _set(status="cancelled")),
    ("heart_rate", -20, 190, "tomorrow", _set()),
    ("creatinine", 1.5, 8.8, "year-2099", _set(effectiveDateTime="2099-01-01T00:00:00Z")),
    ("respiratory_rate", 1.4, 44, "zoneless", _date_cut(19)),
    ("wbc", 1.3, 88, "day-only", _date_cut(10)),
    ("spo2", 1.2, 71, "text", _in_place_of_value(valueString="71% on air")),
    ("troponin_t", 1.1, 14, "bound", _bound),
    ("heart_rate", 1.0, 300, "unknown-unit", _measured(300, "furlongs", "furlong")),
    ("temperature", 0.9, 37, "impossible", _measured(0, "Cel", "Cel")),
    ("gcs", 0.8, 3, "absent", _in_place_of_value(dataAbsentReason={"text": "Patient asleep"})),
    ("heart_rate", 0.75, 205, "local-code", _set(code=LOCAL)),
)


def mess(patient_id: str, other_id: str, now: datetime) -> list[dict[str, Any]]:
    """Return strange Observations; those that are wrong would change the picture greatly if they
    were believed.

    Fahrenheit, kilopascals and mmol/L are right and fit the chart; everything after them must not
    count.
    """
    other = _set(subject={"reference": f"Patient/{other_id}"})
    wrong_subject: Oddity = ("temperature", 1.1, 41.9, "wrong-subject", other)
    made = [_observation(patient_id, now, odd) for odd in (*RIGHT, *WRONG, wrong_subject)]
    once = _observation(patient_id, now, ("sodium", 4.5, 141, "once", _set()))
    return [*made, once, copy.deepcopy(once) | {"id": f"{once['id']}-again"}]


def _observation(patient_id: str, now: datetime, odd: Oddity) -> dict[str, Any]:
    name, hours_ago, value, label, change = odd
    time = (now - timedelta(hours=hours_ago)).replace(second=0, microsecond=0)
    found = observation(patient_id, name, time, value, f"-{label}")
    change(found)
    return found
