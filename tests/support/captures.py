"""Serves vendor captures as a FHIR search would: the resources of one vendor, and discovery's
own queries evaluated on them.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

from models.reading.fhir import instant
from models.reading.versions import refers_to


def resources(folder: Path) -> list[dict]:
    """Return every Patient and Observation that a vendor's captures hold, as they were sent."""
    found: dict[tuple, dict] = {}
    for path in sorted(folder.glob("*.json")):
        for resource in _walk(json.loads(path.read_text("utf-8"))):
            found.setdefault((resource["resourceType"], resource.get("id")), resource)
    return list(found.values())


def patients(all_resources: list[dict]) -> list[str]:
    """Return the ids of all patients that a Patient or an Observation names."""
    own = [r["id"] for r in all_resources if r["resourceType"] == "Patient" and "id" in r]
    named = [
        subject(r).rsplit("/", 1)[-1].removeprefix("urn:uuid:")
        for r in all_resources
        if r["resourceType"] == "Observation"
    ]
    return sorted({name for name in own + named if name})


def prefetch(all_resources: list[dict], templates: dict[str, str], patient: str) -> dict:
    """Evaluate prefetch templates for one patient: a read gives a resource or null, a search a
    searchset Bundle.
    """
    return {
        key: _evaluate(all_resources, query.replace("{{context.patientId}}", patient))
        for key, query in templates.items()
    }


def last_moment(all_resources: list[dict], patient: str) -> datetime | None:
    """Return an hour after the patient's newest vital sign that is not absurdly late, so that a
    chart can be assessed in its own time.
    """
    times = [
        t
        for r in all_resources
        if refers_to(subject(r), patient)
        and (t := instant(r.get("effectiveDateTime")))
        and t.year < 2090
    ]
    return max(times) + timedelta(hours=1) if times else None


def _evaluate(all_resources: list[dict], query: str) -> dict | None:
    path, _, rest = query.partition("?")
    if not rest:
        kind, _, wanted = path.partition("/")
        return next(
            (r for r in all_resources if r["resourceType"] == kind and r.get("id") == wanted), None
        )
    asked = dict(parse_qsl(rest))
    codes = set(asked["code"].split(","))
    match = [
        r
        for r in all_resources
        if r["resourceType"] == path
        and refers_to(subject(r), asked["patient"])
        and codes & set(_codes(r))
    ]
    match.sort(key=lambda r: r.get("effectiveDateTime", ""), reverse=asked.get("_sort") == "-date")
    page = match[: int(asked["_count"])]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(match),
        "entry": [{"resource": r} for r in page],
    }


def _codes(resource: dict) -> Iterator[str]:
    for coding in resource.get("code", {}).get("coding", []):
        yield coding.get("code", "")


def subject(resource: dict) -> str:
    """Return the reference that a resource names as its subject, or an empty text."""
    return (resource.get("subject") or {}).get("reference") or ""


def _walk(value) -> Iterator[dict]:
    if isinstance(value, dict):
        if value.get("resourceType") in {"Patient", "Observation"}:
            yield value
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)
