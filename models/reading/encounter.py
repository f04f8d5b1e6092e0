"""Reads of an Encounter what kind of stay it is and on which unit; lax as all reading is (B4)."""

from collections.abc import Collection
from typing import Any, NamedTuple

from models.reading import lenient
from models.reading.fhir import instant
from models.reading.reader import WrongPatient
from models.reading.versions import refers_to

LONGEST = 100
WARD = "wa"


class Encounter(NamedTuple):
    """A stay: the code of its class, such as IMP, EMER or AMB (v3 ActCode), and its newest unit,
    as the EHR shows it or refers to it; None is not told.
    """

    kind: str | None
    unit: str | None


def read_encounter(
    document: bytes, encounter_id: str | None, patient_id: str, bases: Collection[str]
) -> Encounter | None:
    """Return the Encounter that a resource, or a Bundle with one, tells of; None where it is of
    another stay, or none.

    Raises WrongPatient where its subject is another one than this patient (B6).
    """
    found = _resource(document)
    if found.get("resourceType") != "Encounter":
        return None
    subject = _member(found.get("subject"), "reference")
    if subject is not None and not refers_to(subject, patient_id, bases):
        raise WrongPatient("The Encounter is of another patient.")
    if encounter_id is not None and found.get("id") != encounter_id:
        return None
    return Encounter(_kind(found.get("class")), _unit(found.get("location")))


def _resource(document: bytes) -> dict[str, Any]:
    try:
        found = lenient.loaded(document)
    except (ValueError, RecursionError):
        return {}
    if isinstance(found, dict) and found.get("resourceType") == "Bundle":
        entries = [_inner(entry, "resource") for entry in _items(found.get("entry"))]
        found = next((one for one in entries if one.get("resourceType") == "Encounter"), {})
    return found if isinstance(found, dict) else {}


def _kind(value: Any) -> str | None:
    """Return the class's code: a Coding up to R4, a list of CodeableConcepts from R5 on."""
    for one in _items(value):
        for coding in (one, *_items(one.get("coding"))):
            if code := _member(coding, "code"):
                return code
    return None


def _unit(value: Any) -> str | None:
    """Return the newest location that is not over, a ward before a room or a bed."""
    places = [place for place in _items(value) if _name(place)]
    active = [place for place in places if place.get("status") in (None, "active")]
    newest = max(active or places, key=_order, default={})
    return _name(newest)


def _order(place: dict[str, Any]) -> tuple[bool, str]:
    start = instant(_member(place.get("period"), "start"))
    ward = _kind([_inner(place, "physicalType")]) == WARD
    return ward, start.isoformat() if start else ""


def _name(place: dict[str, Any]) -> str | None:
    location = place.get("location")
    return _member(location, "display") or _member(location, "reference")


def _member(value: Any, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found[:LONGEST] if isinstance(found, str) and found else None


def _inner(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _items(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, or the one that stands in its place."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
