"""Turns a file of FHIR resources, or the body of a hook call, into a patient's chart at any
moment.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.patient.chart import Chart
from models.reading.fhir import FhirError, Resource, parse
from models.reading.reader import read_chart

# Of so many patients a message names the first.
NAMED = 5


class ChartFileError(Exception):
    """The file holds no chart that could be read; the message says what to do."""


class ChartFile:
    """The resources of one patient, and how many more could not be read."""

    def __init__(self, patient: str, resources: Iterable[Resource], malformed: int):
        self.patient, self.malformed = patient, malformed
        self.resources = [one for one in resources if _of(one, patient)]

    def at(self, moment: datetime) -> Chart:
        """Return the chart as it stood at a moment (aware UTC)."""
        return read_chart(self.resources, self.patient, moment, self.malformed)

    def newest(self, now: datetime) -> datetime:
        """Return when the newest value that counts was taken; `now` where there is none."""
        look_back = now - datetime(1900, 1, 1, tzinfo=UTC)
        chart = read_chart(self.resources, self.patient, now, look_back=look_back)
        return max((one.time for one in chart.readings if one.known), default=now)


def read_file(path: Path, patient: str | None = None) -> ChartFile:
    """Read a Bundle, a resource, NDJSON, the body of a hook call, or a folder of such files.

    `patient` is the id of one of several patients. Raises ChartFileError.
    """
    return chart_of(_documents(path), patient, str(path))


def chart_of(documents: Iterable[Any], patient: str | None, name: str) -> ChartFile:
    """Return the chart that JSON documents hold; `name` stands in the messages. Raises
    ChartFileError.
    """
    found: list[Resource] = []
    malformed, asked = 0, patient
    for document in documents:
        if isinstance(document, dict) and "prefetch" in document:
            asked = asked or (document.get("context") or {}).get("patientId")
        for part in _parts(document):
            try:
                read = parse(part)
            except FhirError:
                malformed += 1
                continue
            found += read.resources
            malformed += read.malformed
    return ChartFile(_chosen(found, asked, name), found, malformed)


def _parts(document: Any) -> list[dict[str, Any]]:
    """Return the resources that a document holds: itself, or what a hook call prefetched."""
    if not isinstance(document, dict):
        return []
    if "prefetch" not in document:
        return [document]
    prefetched = document["prefetch"]
    values = prefetched.values() if isinstance(prefetched, dict) else ()
    return [value for value in values if isinstance(value, dict)]


def _documents(path: Path) -> list[Any]:
    files = sorted(path.glob("*.*json")) if path.is_dir() else [path]
    return [document for file in files for document in _read(file)]


def _read(file: Path) -> list[Any]:
    try:
        text = file.read_text("utf-8-sig")
        if file.suffix == ".ndjson":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return [json.loads(text)]
    except (OSError, ValueError, RecursionError) as error:
        raise ChartFileError(
            f"{file}: this is no JSON that can be read ({error}); a table needs --mapping."
        ) from None


def _chosen(resources: Iterable[Resource], asked: str | None, name: str) -> str:
    """Return the patient whose chart it is: the one asked for, or the only one."""
    persons = {one.id for one in resources if one.resourceType == "Patient" and one.id}
    persons = persons or {whose for one in resources if (whose := _subject(one))}
    if asked and (asked in persons or not persons):
        return asked
    if len(persons) == 1 and not asked:
        return persons.pop()
    if not persons:
        raise ChartFileError(f"{name}: it names no patient; say with --patient whose chart it is.")
    few = ", ".join(sorted(persons)[:NAMED])
    more = f" and {len(persons) - NAMED} more" if len(persons) > NAMED else ""
    raise ChartFileError(f"{name}: say with --patient whose chart; it holds {few}{more}.")


def _subject(resource: Resource) -> str:
    reference = (resource.subject and resource.subject.reference) or ""
    return reference.removeprefix("urn:uuid:").rpartition("/")[2]


def _of(resource: Resource, patient: str) -> bool:
    """Tell whether a resource may be of the patient. A transaction names its own resources by
    `urn:uuid:`, which is read as the id.
    """
    if resource.resourceType == "Patient":
        return resource.id == patient
    if resource.subject and (resource.subject.reference or "").startswith("urn:uuid:"):
        resource.subject.reference = f"Patient/{_subject(resource)}"
    return True
