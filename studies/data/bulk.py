"""Turns a folder of FHIR bulk NDJSON (Patient and Observation files) and a CSV of outcomes into
Stays.

Observations are read as a hook reads them. A patient's readings are one stay until GAP passes
without any; an event belongs to the stay that it happened in, or that it followed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from models.patient.chart import Chart, Reading, Unusable
from models.reading.fhir import Damaged, FhirError, Resource, instant, parse
from models.reading.reader import READER, REASONS, read_chart, without_duplicates
from studies.data import labels
from studies.data.cells import blank
from studies.data.sheets import Sheet
from studies.data.stays import ADMITTED, DataError, Stay, note, opened, progress, readable

GAP = timedelta(hours=72)
ENDINGS = (".ndjson", ".ndjson.gz")
STEP = 1000
# Nobody's chart is older.
ALL_TIME = timedelta(days=150 * 365)


def is_bulk(path: Path) -> bool:
    """Tell whether a folder holds a bulk export."""
    return path.is_dir() and bool(_files(path, "Observation"))


def _files(path: Path, kind: str) -> list[Path]:
    """Return the files of a type, as `Observation.ndjson`, `Observation.000.ndjson.gz` or
    `1.Observation.ndjson`.
    """
    return sorted(
        p for p in path.iterdir() if kind in p.name.split(".") and p.name.endswith(ENDINGS)
    )


def bulk_stays(path: Path, outcomes: Path, outcome: str, horizon: int) -> Iterator[Stay]:
    """Yield the stays of every patient in order of id; raises DataError that names file and line.

    With times, an hour's label tells whether the event comes within `horizon` hours; without, all
    hours of the last stay have it.
    """
    events, people = read_events(outcomes), _people(path)
    if unknown := len(events.keys() - people.keys()):
        note(f"{outcomes}: {unknown} of {len(events)} patients are not in {path}.")
    readings, unusable, rejected = _observations(path, people)
    if not any(readings.values()):
        raise DataError(f"{path}: there is no Observation of these patients that can be read.")
    for patient, person in sorted(people.items()):
        own = without_duplicates(readings.pop(patient, []), rejected[patient])
        chart = read_chart([person], patient, ADMITTED)
        for number, span in enumerate(spans := _spans(own), start=1):
            following = spans[number][0] if number < len(spans) else None
            found = _labels(span, following, events.get(patient), horizon)
            stay = Chart(
                patient,
                chart.birth_date,
                chart.sex,
                False,
                tuple(reading for reading in own if span[0] <= reading.time <= span[1]),
                dict(+rejected[patient]),
                unusable=tuple(u for u in unusable[patient] if span[0] <= u.time <= span[1]),
                reader=READER,
            )
            yield Stay(
                f"{patient} {number}",
                stay,
                span[0],
                {outcome: found},
                {"sex": chart.sex or "unknown"},
            )


def read_events(path: Path) -> dict[str, list[datetime]]:
    """Return when each patient with the event had it; nothing for a patient where the CSV has no
    column `time`.

    Raises DataError that names file and line.
    """
    sheet = Sheet(path)
    timed = "time" in sheet.columns
    events: dict[str, list[datetime]] = {}
    for line, (patient, *times) in sheet.rows(["id", "time"] if timed else ["id"]):
        if blank(patient):
            raise DataError(f"{path}, line {line}: id is empty.")
        found = [at for text in times if (at := instant(text.replace(" ", "T"))) is not None]
        if len(found) < len(times):
            raise DataError(
                f"{path}, line {line}: time has to be a date and time with a zone; leave out who "
                "had no event."
            )
        events.setdefault(patient.removeprefix("Patient/"), []).extend(found)
    return events


def _people(path: Path) -> dict[str, Resource]:
    files = _files(path, "Patient")
    if not files:
        raise DataError(f"{path}: there is no Patient.ndjson, so nobody's age is known.")
    return {
        person.id: person for file in files for person in _resources(file, "Patient") if person.id
    }


def _observations(
    path: Path, people: dict[str, Resource]
) -> tuple[dict[str, list[Reading]], dict[str, list[Unusable]], dict[str, Counter[str]]]:
    """Return readings, values that can't be used, and rejections by patient; an Observation is read
    and let go, so that only these stay in memory.
    """
    readings: dict[str, list[Reading]] = defaultdict(list)
    unusable: dict[str, list[Unusable]] = defaultdict(list)
    rejected: dict[str, Counter[str]] = defaultdict(Counter)
    now, nobody = datetime.now(UTC), 0
    for file in _files(path, "Observation"):
        for resource in _resources(file, "Observation"):
            patient = _patient(resource)
            if patient not in people:
                nobody += 1
                continue
            found = read_chart([resource], patient, now, look_back=ALL_TIME)
            readings[patient] += found.readings
            # What has no exact time is of no stay.
            unusable[patient] += (one for one in found.unusable if one.reason != "time")
            rejected[patient].update(found.rejected)
    if nobody:
        note(
            f"{path}: {nobody} Observations are about nobody in the Patient files; they are left "
            "out."
        )
    total = sum(rejected.values(), Counter())
    if reasons := ", ".join(
        f"{count} {REASONS[reason]}" for reason, count in sorted(total.items())
    ):
        note(f"{path}: {sum(map(len, readings.values()))} readings; rejected {reasons}.")
    return readings, unusable, rejected


def _patient(resource: Resource) -> str:
    reference = (resource.subject.reference if resource.subject else None) or ""
    return reference.split("/_history/")[0].rpartition("/")[2].removeprefix("urn:uuid:")


def _resources(path: Path, kind: str) -> Iterator[Resource]:
    """Yield the resources of a type; a line of JSON that is no such resource is passed over.
    Raises DataError.
    """
    number = malformed = 0
    with (
        readable(path),
        opened(path) as (raw, file),
        progress(path, path.stat().st_size, "B") as bar,
    ):
        while line := raw.readline():
            number += 1
            if number % STEP == 0:
                bar.update(file.tell() - bar.n)
            if line.strip():
                try:
                    document = parse(line)
                except FhirError:
                    raise DataError(f"{path}, line {number}: this is no JSON object.") from None
                sound = [one for one in document.resources if not isinstance(one, Damaged)]
                malformed += document.malformed + len(document.resources) - len(sound)
                yield from (resource for resource in sound if resource.resourceType == kind)
    if malformed:
        note(f"{path}: {malformed} lines are no valid FHIR; they are left out.")


def _labels(
    span: tuple[datetime, datetime],
    following: datetime | None,
    events: list[datetime] | None,
    horizon: int,
) -> tuple[bool, ...]:
    start, end = ((moment - ADMITTED).total_seconds() for moment in span)
    if events is None:
        return labels.constant(start, end, False)
    if not events:
        return labels.constant(start, end, following is None)
    own = [
        (event - ADMITTED).total_seconds()
        for event in events
        if span[0] <= event and (following is None or event < following)
    ]
    return labels.before_event(start, end, min(own, default=None), horizon)


def _spans(readings: Iterable[Reading]) -> list[tuple[datetime, datetime]]:
    """Return first and last reading of each stay."""
    times = [reading.time for reading in readings]
    if not times:
        return []
    breaks = [(before, after) for before, after in pairwise(times) if after - before > GAP]
    starts, ends = (
        [times[0], *(after for _, after in breaks)],
        [*(before for before, _ in breaks), times[-1]],
    )
    return list(zip(starts, ends, strict=True))
