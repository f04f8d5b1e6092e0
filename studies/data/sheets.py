"""Turns a CSV (plain or .gz) or Parquet file into rows of text, each with its line, and every
fault of form into one sentence.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from studies.data.stays import DataError, opened, progress, readable

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", ".psv", ".parquet")
DELIMITERS = ",;\t|"
# Rows between two moves of the progress bar.
STEP = 10_000


@dataclass(frozen=True)
class Form:
    """How a CSV is written; without a delimiter it is the likeliest of `, ; | tab` in the first
    line.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"


def sheets(path: Path, form: Form = Form()) -> list["Sheet"]:
    """Return the one table that `path` is, or every table of a folder in order of name; raises
    DataError.
    """
    if not path.is_dir():
        return [Sheet(path, form)]
    found = [
        Sheet(file, form)
        for file in sorted(path.iterdir())
        if file.name.endswith(SUFFIXES) and not file.name.startswith(".")
    ]
    if not found:
        raise DataError(f"{path}: there is no table in this folder ({', '.join(SUFFIXES)}).")
    return found


class Sheet:
    """A table in a file: `columns`, and rows of text."""

    def __init__(self, path: Path, form: Form = Form()) -> None:
        """Read the names of the columns; raises DataError."""
        self.path, self._form = path, form
        self.columns: list[str] = (
            self._parquet_columns() if path.suffix == ".parquet" else self._csv_columns()
        )

    def rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield line and the wanted cells of every row; an empty cell is "".

        Raises DataError that names file and line, also when there is no row at all or a wanted
        column is missing or there twice.
        """
        for column in wanted:
            if self.columns.count(column) != 1:
                fault = "more than one column" if column in self.columns else "no column"
                raise DataError(f"{self.path}, line 1: there is {fault} {column}.")
        line = 0
        for line, cells in (
            self._parquet_rows(wanted) if self.path.suffix == ".parquet" else self._csv_rows(wanted)
        ):
            yield line, cells
        if not line:
            raise DataError(f"{self.path}: there is no row below the names of the columns.")

    def _csv_columns(self) -> list[str]:
        with readable(self.path), self._reader() as (reader, _):
            return [name.strip() for name in next(reader, [])]

    @contextmanager
    def _reader(self) -> Iterator[tuple[Any, BinaryIO]]:
        """Give the reader of rows, and the file, whose `tell` shows how far it is."""
        encoding = "utf-8-sig" if self._form.encoding == "utf-8" else self._form.encoding
        with opened(self.path) as (raw, file), io.TextIOWrapper(raw, encoding, newline="") as text:
            first = text.readline()
            delimiter = self._form.delimiter or max(DELIMITERS, key=first.count)
            yield csv.reader(chain([first], text), delimiter=delimiter, strict=True), file

    def _csv_rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        places, width = [self.columns.index(column) for column in wanted], len(self.columns)
        with (
            self._reader() as (reader, file),
            progress(self.path, self.path.stat().st_size, "B") as bar,
        ):
            next(reader)
            while True:
                with readable(f"{self.path}, after line {reader.line_num}"):
                    row = next(reader, None)
                if row is None:
                    return
                line = reader.line_num
                if line % STEP == 0:
                    bar.update(file.tell() - bar.n)
                if row and len(row) != width:
                    raise DataError(
                        f"{self.path}, line {line}: expected {width} cells, as in line 1, and "
                        f"found {len(row)}."
                    )
                if row:
                    yield line, [row[place].strip() for place in places]

    def _parquet_columns(self) -> list[str]:
        with readable(self.path):
            return list(_parquet().ParquetFile(self.path).schema_arrow.names)

    def _parquet_rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        line = 0
        with readable(self.path):
            table = _parquet().ParquetFile(self.path, page_checksum_verification=True)
            batches = table.iter_batches(STEP, columns=list(dict.fromkeys(wanted)))
        with progress(self.path, table.metadata.num_rows, "row") as bar:
            while True:
                with readable(f"{self.path}, after row {line}"):
                    batch = next(batches, None)
                    if batch is None:
                        return
                    columns = {
                        name: [_text(value) for value in column.to_pylist()]
                        for name, column in _plain(batch)
                    }
                for cells in zip(*(columns[name] for name in wanted), strict=True):
                    line += 1
                    yield line, list(cells)
                bar.update(batch.num_rows)


def _parquet() -> Any:
    from pyarrow import parquet

    return parquet


def _plain(batch: Any) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a batch, moments and durations in microseconds: finer ones would need
    pandas.
    """
    import pyarrow

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = column.type
        if pyarrow.types.is_timestamp(kind) and kind.unit == "ns":
            column = column.cast(pyarrow.timestamp("us", kind.tz), safe=False)
        elif pyarrow.types.is_duration(kind) and kind.unit == "ns":
            column = column.cast(pyarrow.duration("us"), safe=False)
        yield name, column


def _text(value: Any) -> str:
    """Return a cell as a CSV would show it; a whole number in a column of fractions (an id
    beside empty cells) loses its `.0`.
    """
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, datetime | date) else str(value).strip()
