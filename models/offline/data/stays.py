"""Turns a data set in a published layout into Stays: a chart, its beginning, and the label of every hour.

The layouts of PhysioNet 2012 and 2019 are recognised by what a folder or zip holds; values pass through the same `accept` as a
hospital's Observations, so unit, limits and rounding are those of serving.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from models.readings import Chart, Reading, accept
from models.vocabulary import VARIABLES

# Published stays carry hours only; this moment stands for each admission, so that birth dates and ages work out.
ADMITTED = datetime(2012, 1, 1, tzinfo=UTC)


class DataError(Exception):
    """A data file can't be read; the message names file and line."""


@dataclass(frozen=True)
class Stay:
    """One stay. `labels[outcome][h - 1]` is the label at `start` plus h hours; `groups` are columns to report by, such as sex."""

    record: str
    chart: Chart
    start: datetime
    labels: dict[str, tuple[bool, ...]]
    groups: dict[str, str] = field(default_factory=dict)


def files(path: Path, suffix: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every data file of a folder or zip in order of name; raises DataError."""
    try:
        if path.is_dir():
            yield from ((str(file), file.read_text("utf-8")) for file in sorted(path.rglob(f"*{suffix}")))
            return
        with zipfile.ZipFile(path) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(suffix) and not n.startswith("__MACOSX")):
                yield name, io.TextIOWrapper(archive.open(name), "utf-8").read()
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read ({error}).") from None


def reading(time: datetime, measured: tuple[str, str], value: float, source: str, rejected: Counter[str]) -> Iterator[Reading]:
    """Yield the reading of a (variable, unit) pair if its value counts, else count why not."""
    name, unit = measured
    number, reason = accept(VARIABLES[name], value, unit)
    if number is None:
        rejected[reason] += 1
    else:
        yield Reading(time, name, number, source)


def birth_date(age: float | None) -> date | None:
    """Return the birth date that gives this age at ADMITTED, or None for an age that can't be."""
    return date(ADMITTED.year - int(age), 1, 1) if age is not None and 0 < age <= 125 else None
