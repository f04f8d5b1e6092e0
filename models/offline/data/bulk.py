"""Turns a folder of FHIR bulk NDJSON (Patient.ndjson, Observation*.ndjson) and a CSV of outcomes into Stays.

Observations are read as a hook reads them. A patient's readings are one stay until GAP passes without any; the event belongs to the
stay at whose end, or in which, it happened.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from models.fhir import FhirError, Resource, instant, parse
from models.offline.data.stays import DataError, Stay
from models.offline.data.tables import event_labels
from models.readings import LOOK_BACK, Chart, Reading, read_chart, without_duplicates

GAP = timedelta(hours=72)
HOUR = timedelta(hours=1)


def is_bulk(path: Path) -> bool:
    """Tell whether a folder holds a bulk export."""
    return path.is_dir() and any(path.glob("Observation*.ndjson"))


def bulk_stays(path: Path, outcomes: Path, outcome: str, horizon: int) -> Iterator[Stay]:
    """Yield the stays of every patient in order of id; raises DataError that names file and line.

    With times, an hour's label tells whether the event comes within `horizon` hours; without, all hours of the last stay have it.
    """
    events = read_events(outcomes)
    observed: dict[str, list[Resource]] = defaultdict(list)
    for file in sorted(path.glob("Observation*.ndjson")):
        for resource in _resources(file, "Observation"):
            reference = resource.subject.reference if resource.subject else None
            observed[(reference or "").split("/_history/")[0].rpartition("/")[2]].append(resource)
    for file in sorted(path.glob("Patient*.ndjson")):
        for person in _resources(file, "Patient"):
            if person.id:
                yield from _stays(person, observed.pop(person.id, []), events, outcome, horizon)


def read_events(path: Path) -> dict[str, datetime | None]:
    """Return when each patient with the event had it, None for all where the CSV has no column `time`.

    Raises DataError that names file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if "id" not in (table.fieldnames or ()):
                raise DataError(f"{path}, line 1: there is no column id.")
            return {row["id"]: _time(path, table.line_num, row) if "time" in row else None for row in table}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: can't be read ({error}).") from None


def _time(path: Path, line: int, row: dict[str, str]) -> datetime:
    time = instant(row["time"])
    if time is None:
        raise DataError(f"{path}, line {line}: time has to be a date and time with a zone.")
    return time


def _resources(path: Path, kind: str) -> Iterator[Resource]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield from (r for r in _parsed(path, number, line) if r.resourceType == kind)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error}).") from None


def _parsed(path: Path, number: int, line: bytes) -> list[Resource]:
    try:
        return parse(line).resources
    except FhirError:
        raise DataError(f"{path}, line {number}: this is no JSON object.") from None


def _stays(person: Resource, observed: list[Resource], events: dict, outcome: str, horizon: int) -> Iterator[Stay]:
    chart = _chart(person, observed)
    spans = _spans([reading.time for reading in chart.readings])
    for number, (start, end) in enumerate(spans):
        following = spans[number + 1][0] if number + 1 < len(spans) else None
        hours = int((end - start) / HOUR) + 1
        labels, readings = (False,) * hours, tuple(r for r in chart.readings if start <= r.time <= end)
        if person.id in events:
            event = events[person.id]
            if event is None and following is None:
                labels = (True,) * hours
            elif event is not None and start <= event and (following is None or event < following):
                labels = event_labels(int((event - start) / HOUR), horizon, start, event) if event - end <= GAP else labels
        own = Chart(chart.patient, chart.birth_date, chart.sex, False, readings, chart.rejected)
        yield Stay(f"{person.id} {number + 1}", own, start, {outcome: labels}, {"sex": chart.sex or "unknown"})


def _chart(person: Resource, observed: list[Resource]) -> Chart:
    """Return everything that was read of a patient; a hook reads seven days, so the years are read week by week."""
    weeks: dict[int, list[Resource]] = defaultdict(list)
    rejected: Counter[str] = Counter()
    readings: list[Reading] = []
    epoch = datetime.fromisoformat("1900-01-01T00:00:00+00:00")
    for resource in observed:
        period = resource.effectivePeriod
        time = instant(resource.effectiveDateTime or resource.effectiveInstant or (period and (period.end or period.start)))
        if time is None:
            rejected["time"] += 1
        else:
            weeks[(time - epoch) // LOOK_BACK].append(resource)
    chart = read_chart([person], person.id or "", epoch)
    for week, resources in weeks.items():
        found = read_chart(resources, person.id or "", epoch + (week + 1) * LOOK_BACK)
        readings += found.readings
        rejected.update(found.rejected)
    return Chart(chart.patient, chart.birth_date, chart.sex, False, without_duplicates(readings, rejected), dict(+rejected))


def _spans(times: list[datetime]) -> list[tuple[datetime, datetime]]:
    """Return first and last reading of each stay."""
    if not times:
        return []
    breaks = [(before, after) for before, after in pairwise(times) if after - before > GAP]
    starts, ends = [times[0], *(after for _, after in breaks)], [*(before for before, _ in breaks), times[-1]]
    return list(zip(starts, ends, strict=True))
