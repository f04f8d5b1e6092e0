"""Turns a chart's Observations into the small table of the last vital signs that the chart page
shows.
"""

from datetime import UTC, datetime
from typing import Any

from demo.dates import span

ROWS = {
    "8867-4": "Pulse", "9279-1": "Breaths", "2708-6": "SpO2", "8480-6": "Pressure",
    "76215-3": "Arterial line", "8310-5": "Temperature", "9269-2": "Coma score",
    "67775-7": "Consciousness",
}  # fmt: skip
PANEL, FLOW, FRACTION = "85354-9", "3151-8", "3150-0"
DIASTOLIC = {"8480-6": "8462-4", "76215-3": "76213-8"}
PRINTED = {"mm[Hg]": "mmHg", "Cel": "°C", "degF": "°F", "{score}": ""}
NOT_SHOWN = {"entered-in-error", "cancelled"}
COLUMNS = 6


def table(
    resources: tuple[dict[str, Any], ...], patient_id: str, now: datetime
) -> tuple[list[datetime], dict[str, list[str]]]:
    """Return the last six times (newest first) and a row of texts for each vital sign; an empty
    text is not measured.

    As an EHR shows it, not as Vigil reads it: drafts are marked, units stand as charted, future
    dates are left out.
    """
    cells: dict[datetime, dict[str, str]] = {}
    for resource in resources:
        time = _time(resource, {"reference": f"Patient/{patient_id}"}, now)
        if time is not None:
            for code, text in _texts(resource).items():
                cell = cells.setdefault(time, {})
                cell[code] = f"{cell[code]}; {text}" if code in cell else text
    times = sorted(cells, reverse=True)[:COLUMNS]
    rows = {label: [_cell(cells[time], code) for time in times] for code, label in ROWS.items()}
    return times, {label: row for label, row in rows.items() if any(row)}


def _time(resource: dict[str, Any], subject: dict[str, Any], now: datetime) -> datetime | None:
    if (
        resource["resourceType"] != "Observation"
        or resource["status"] in NOT_SHOWN
        or resource["subject"] != subject
    ):
        return None
    if len(resource["effectiveDateTime"]) < 16:
        return None
    when = span(resource["effectiveDateTime"])
    return when[0].astimezone(UTC) if when and when[0] <= now else None


def _texts(resource: dict[str, Any]) -> dict[str, str]:
    draft = " (draft)" if resource["status"] == "preliminary" else ""
    code = _code(resource)
    texts = {code: _value(resource) + draft} if code in {*ROWS, *DIASTOLIC.values()} else {}
    parts = {_code(part): _value(part) for part in resource.get("component", ())}
    if code == PANEL:
        texts |= parts
    elif code == "2708-6" and FLOW in parts:
        texts[code] += _oxygen(parts[FLOW], parts.get(FRACTION, ""))
    return texts


def _oxygen(flow: str, fraction: str) -> str:
    """Return what is given with a saturation; a fraction above air's beside no flow as charted."""
    if flow.split(" ")[0] != "0":
        return f" on {flow}"
    return " on air" if fraction in {"", "21 %"} else f" on {fraction}, flow {flow}"


def _cell(cells: dict[str, str], code: str) -> str:
    text = cells.get(code, "")
    diastolic = cells.get(DIASTOLIC.get(code, ""), "")
    return f"{text.split(' ')[0]} / {diastolic}" if text and diastolic else text


def _code(part: dict[str, Any]) -> str:
    return str(part["code"]["coding"][0]["code"])


def _value(part: dict[str, Any]) -> str:
    if "valueQuantity" in part:
        quantity = part["valueQuantity"]
        unit = PRINTED.get(quantity["unit"], quantity["unit"])
        return f"{quantity.get('comparator', '')}{quantity['value']:g} {unit}".strip()
    if "valueCodeableConcept" in part:
        return str(part["valueCodeableConcept"]["text"])
    return str(part.get("valueString", "not given"))
