"""Turns a data set in a published layout into Stays: a chart, its beginning, and the label of every
hour.

Values pass through `accept`: units, rounding and limits are those within which serving gives a
value to a model. What can't be read is a DataError of one sentence.
"""

import csv
import gzip
import lzma
import math
import struct
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from models.patient.chart import Chart, Reading
from models.patient.vocabulary import VARIABLES, Variable
from models.reading.units import converted

# Published stays carry hours only; this moment stands for each admission, so that birth dates and
# ages work out.
ADMITTED = datetime(2012, 1, 1, tzinfo=UTC)
# What Python's readers of zip, gzip and text raise over damaged bytes.
DAMAGE = (
    OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError,
    struct.error, csv.Error, NotImplementedError, RuntimeError, ValueError, OverflowError,
    IndexError, MemoryError,
)  # fmt: skip


class DataError(Exception):
    """A data file can't be read; the message names file and line."""


@dataclass(frozen=True)
class Stay:
    """One stay. `labels[outcome][h - 1]` is the label at `start` plus h hours; `groups` are
    columns to report by, such as sex.

    `expected` says by outcome how many hours after `start` it is expected to have happened, where
    it did and the data say when. `site` names the hospital, where they say which.
    """

    record: str
    chart: Chart
    start: datetime
    labels: dict[str, tuple[bool, ...]]
    groups: dict[str, str] = field(default_factory=dict)
    expected: dict[str, float] = field(default_factory=dict)
    site: str = ""


@contextmanager
def readable(path: Path | str) -> Iterator[None]:
    """Turn what damaged bytes raise into a DataError that names the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: can't be read (this is no text in {error.encoding}).") from None
    except DAMAGE as error:
        raise DataError(
            f"{path}: can't be read ({' '.join(str(error).split()) or type(error).__name__})."
        ) from None


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO | gzip.GzipFile, BinaryIO]]:
    """Give the bytes of a file, unpacked if it is a .gz, and the file itself, whose `tell` shows
    how far reading is.
    """
    with path.open("rb") as file:
        yield (gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file), file


def files(path: Path, suffix: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every data file of a folder or zip in order of name; raises
    DataError.
    """
    if path.is_dir():
        for file in sorted(
            p for p in path.rglob(f"*{suffix}") if is_data(str(p.relative_to(path)))
        ):
            with readable(file):
                text = file.read_text("utf-8-sig")
            yield str(file), text
        return
    with readable(path), zipfile.ZipFile(path) as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(suffix) and is_data(n)):
            with readable(f"{path}, {name}"):
                text = archive.read(name).decode("utf-8-sig")
            yield f"{path}, {name}", text


def is_data(name: str) -> bool:
    """Tell whether a file is more than what a Mac leaves beside each file."""
    return not name.startswith("__MACOSX") and not name.rpartition("/")[2].startswith(".")


def reading(
    time: datetime, measured: tuple[str, str], value: float, source: str, rejected: Counter[str]
) -> Iterator[Reading]:
    """Yield the reading of a (variable, unit) pair if its value counts, else count why not."""
    name, unit = measured
    number, reason = accept(VARIABLES[name], value, unit)
    if number is None:
        rejected[reason] += 1
    else:
        yield Reading(time, name, number, source)


def accept(variable: Variable, number: float | None, unit: str | None) -> tuple[float | None, str]:
    """Return a number in the variable's own unit if a model may be given it, else None and a reason
    of models.reading.reader.REASONS.
    """
    if number is None or not math.isfinite(number):
        return None, "value"
    value = converted(variable, None, number, unit)
    if value is None:
        return None, "unit"
    return (round(value, 4), "") if variable.for_model(value) else (None, "range")


def birth_date(age: float | None, at: datetime = ADMITTED) -> date | None:
    """Return a birth date that gives this age at a moment and the year after it, or None for an
    age that can't be.
    """
    return (
        date(at.year - int(age), at.month, min(at.day, 28))
        if age is not None and 0 < age <= 125
        else None
    )


def note(text: str) -> None:
    """Say on stderr, beside the progress bars, what was left out and why."""
    tqdm.write(text, file=sys.stderr)


def progress(path: Path, total: int, unit: str) -> tqdm:
    """Return a progress bar for the reading of a file."""
    return tqdm(total=total, desc=f"reading {path.name}", unit=unit, unit_scale=True, leave=False)
