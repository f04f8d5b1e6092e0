"""Turns a path, and what a hospital says of it, into the data set to validate or to train on: its
layout is recognised by what it holds.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from studies.data.bulk import bulk_stays, is_bulk, read_events
from studies.data.describe import source
from studies.data.layouts import parts_2012, read_stays
from studies.data.mapping import Mapping, read_mapping
from studies.data.stays import DataError, Stay
from studies.data.tables import table_stays
from studies.validation.alerts import at_end, onset
from studies.validation.challenges import challenge2019

# A folder of more files is named and hashed as a whole.
NAMED = 20


@dataclass(frozen=True)
class DataSet:
    """What is validated or trained on: stays in a layout, hours between landmarks, which hour is
    the onset if labels tell it, all files, and how many hours ahead the labels run if that is said.
    """

    layout: str
    stays: Iterable[Stay]
    every: int
    files: tuple[Path, ...]
    onset: Callable[[Sequence[bool]], int | None] | None = None
    horizon: int | None = None

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each file, or of a folder of many as a whole, by name."""
        return source({}, [inside for path in self.files for inside in _inside(path)])["files"]


@dataclass(frozen=True)
class Description:
    """What the data do not say of themselves: a mapping for a table; for FHIR bulk NDJSON a CSV of
    outcomes, their name, and hours ahead.
    """

    mapping: Path | None = None
    outcomes: Path | None = None
    outcome: str = "death"
    horizon: int = 24


def data_set(path: Path, description: Description, every: int | None = None) -> DataSet:
    """Return the data set; `every` is the hours between landmarks, of the layout's own if None.

    Raises DataError when there is nothing to read, or the description lacks what they need.
    """
    if description.mapping is not None:
        return _table(path, description.mapping, read_mapping(description.mapping), every or 1)
    if is_bulk(path):
        return _bulk(path, description, every or 1)
    if parts_2012(path):
        return DataSet("PhysioNet 2012", read_stays(path), every or 6, (path,))
    return DataSet(
        "PhysioNet 2019",
        read_stays(path),
        every or 1,
        (path,),
        partial(onset, ahead=-challenge2019.OPTIMAL),
        -challenge2019.OPTIMAL,
    )


def _table(path: Path, described: Path, mapping: Mapping, every: int) -> DataSet:
    folder = path if path.is_dir() else path.parent
    beside = [folder / file for file in mapping.beside]
    files = (path, *(file for file in beside if file.parent != path), described)
    ahead = mapping.horizon_hours
    known = at_end if mapping.outcome_time else partial(onset, ahead=ahead) if ahead else None
    return DataSet("table", table_stays(path, mapping), every, files, known, ahead)


def _bulk(path: Path, description: Description, every: int) -> DataSet:
    if description.outcomes is None:
        raise DataError(
            f"{path} holds FHIR bulk NDJSON: a CSV of outcomes (id, time) is needed with it "
            "(--outcomes)."
        )
    timed = any(read_events(description.outcomes).values())
    stays = bulk_stays(path, description.outcomes, description.outcome, description.horizon)
    return DataSet(
        "FHIR bulk NDJSON",
        stays,
        every,
        (path, description.outcomes),
        at_end if timed else None,
        description.horizon if timed else None,
    )


def _inside(path: Path) -> list[Path]:
    found = (
        sorted(p for p in path.iterdir() if not p.name.startswith(".")) if path.is_dir() else [path]
    )
    return found if len(found) <= NAMED else [path]
