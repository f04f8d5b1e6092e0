"""Adds to a chart what real charts hold and a reader has to survive: other units, errors,
drafts, bad dates, free text.
"""

import copy
from collections.abc import Callable
from datetime import datetime, timedelta

from demo.patients.resources import UCUM, observation

LOCAL = {
    "coding": [{"system": "urn:vigil:demo:flowsheet", "code": "PULSE", "display": "Pulse"}],
    "text": "Pulse",
}


def mess(patient_id: str, other_id: str, now: datetime) -> list[dict]:
    """Return strange Observations; those that are wrong would change the picture greatly if they
    were believed.

    Fahrenheit, kilopascals and mmol/L are right and fit the chart; everything after them must not
    count.
    """
    made: list[dict] = []

    def add(
        name: str, hours_ago: float, value: float, label: str, change: Callable[[dict], None]
    ) -> None:
        found = observation(
            patient_id,
            name,
            (now - timedelta(hours=hours_ago)).replace(second=0, microsecond=0),
            value,
            f"-{label}",
        )
        change(found)
        made.append(found)

    add("temperature", 3.2, 37.1, "fahrenheit", lambda o: _quantity(o, 98.8, "degF", "[degF]"))
    add("systolic", 3.2, 120, "kilopascal", lambda o: _quantity(o, 16.0, "kPa", "kPa"))
    add("glucose", 2.5, 110, "millimole", lambda o: _quantity(o, 6.1, "mmol/L", "mmol/L"))
    add("heart_rate", 2.1, 188, "mistaken", lambda o: o.update(status="entered-in-error"))
    add("lactate", 1.9, 9.8, "draft", lambda o: o.update(status="preliminary"))
    add("potassium", 1.8, 7.9, "cancelled", lambda o: o.update(status="cancelled"))
    add("heart_rate", -20, 190, "tomorrow", lambda o: None)
    add(
        "creatinine",
        1.5,
        8.8,
        "year-2099",
        lambda o: o.update(effectiveDateTime="2099-01-01T00:00:00Z"),
    )
    add(
        "respiratory_rate",
        1.4,
        44,
        "zoneless",
        lambda o: o.update(effectiveDateTime=o["effectiveDateTime"][:19]),
    )
    add(
        "wbc",
        1.3,
        88,
        "day-only",
        lambda o: o.update(effectiveDateTime=o["effectiveDateTime"][:10]),
    )
    add("spo2", 1.2, 71, "text", lambda o: _text(o, "71% on air"))
    add("troponin_t", 1.1, 14, "bound", lambda o: o["valueQuantity"].update(comparator="<"))
    add(
        "temperature",
        1.1,
        41.9,
        "wrong-subject",
        lambda o: o.update(subject={"reference": f"Patient/{other_id}"}),
    )
    add("heart_rate", 1.0, 300, "unknown-unit", lambda o: _quantity(o, 300, "furlongs", "furlong"))
    add("temperature", 0.9, 37, "impossible", lambda o: _quantity(o, 0, "Cel", "Cel"))
    add("gcs", 0.8, 3, "absent", _absent)
    add("heart_rate", 0.75, 205, "local-code", lambda o: o.update(code=LOCAL))
    first = observation(
        patient_id,
        "sodium",
        (now - timedelta(hours=4.5)).replace(second=0, microsecond=0),
        141,
        "-once",
    )
    again = copy.deepcopy(first) | {"id": f"{first['id']}-again"}
    return [*made, first, again]


def _quantity(found: dict, value: float, unit: str, code: str) -> None:
    found["valueQuantity"] = {"value": value, "unit": unit, "system": UCUM, "code": code}


def _text(found: dict, text: str) -> None:
    del found["valueQuantity"]
    found["valueString"] = text


def _absent(found: dict) -> None:
    del found["valueQuantity"]
    found["dataAbsentReason"] = {"text": "Patient asleep"}
