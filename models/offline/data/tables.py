"""Turns a hospital's own table (CSV or Parquet) and its mapping into Stays; a row is an hour or a measurement.

Values pass through the same `accept` as Observations. A stay begins at its first row (or at hour 0 where time is a number of hours),
and ends at its last row, or at the event where the mapping names the time of one.
"""

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from models.offline.data.mapping import Mapping
from models.offline.data.stays import ADMITTED, DataError, Stay, birth_date, reading
from models.readings import Chart, Reading, without_duplicates

Row = tuple[int, dict[str, str]]


def table_stays(path: Path, mapping: Mapping) -> Iterator[Stay]:
    """Yield the stays of a table in order of their first row; raises DataError that names file and line.

    All rows of the file are held, since the rows of a stay need not stand together.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for line, row in _rows(path, mapping.needed):
        key = row[mapping.columns["id"]]
        if not key:
            raise DataError(f"{path}, line {line}: {mapping.columns['id']} is empty.")
        rows[key].append((line, row))
    for key, own in rows.items():
        yield _Reader(path, mapping).stay(key, own)


def _rows(path: Path, needed: set[str]) -> Iterator[Row]:
    source = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    for line, row in source:
        if missing := needed - set(row):
            raise DataError(f"{path}, line 1: there is no column {sorted(missing)[0]}.")
        yield line, row


def _csv(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            for row in table:
                if None in row or None in row.values():
                    raise DataError(f"{path}, line {table.line_num}: expected {len(table.fieldnames or ())} columns.")
                yield table.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: can't be read ({error}).") from None


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise DataError(f"{path}: Parquet needs pyarrow (pip install pyarrow); a CSV needs nothing.") from None
    try:
        table = parquet.ParquetFile(path)
        line = 0
        for batch in table.iter_batches():
            for row in batch.to_pylist():
                line += 1
                yield line, {name: "" if value is None else str(value) for name, value in row.items()}
    except (OSError, ArrowException) as error:
        raise DataError(f"{path}: can't be read ({error}).") from None


class _Reader:
    """Reads the rows of one stay."""

    def __init__(self, path: Path, mapping: Mapping) -> None:
        self._path, self._mapping, self._rejected = path, mapping, Counter()

    def stay(self, key: str, rows: list[Row]) -> Stay:
        timed = sorted(((self._time(row, "time", line), line, row) for line, row in rows), key=lambda r: r[:2])
        columns, (line, first) = self._mapping.columns, rows[0]
        start = min(timed[0][0], ADMITTED) if self._in_hours(first) else timed[0][0]
        sex = self._mapping.sexes.get(first.get(columns.get("sex", ""), ""))
        readings = [found for time, number, row in timed for found in self._readings(time, number, row)]
        kept = without_duplicates(readings, self._rejected)
        born = self._born(first, line, start)
        chart = Chart(first.get(columns.get("patient", ""), "") or key, born, sex, False, kept, dict(+self._rejected))
        groups = {name: first[name] or "unknown" for name in self._mapping.groups} | {"sex": sex or "unknown"}
        return Stay(key, chart, start, {self._mapping.outcome: self._labels(start, timed)}, groups)

    def _readings(self, time: datetime, line: int, row: dict[str, str]) -> Iterator[Reading]:
        for word, text, unit in self._values(row):
            measured = self._mapping.variables.get(word)
            if measured and text.strip():
                value = self._number(text, line, word)
                yield from reading(time, (measured[0], unit or measured[1]), value, f"{self._path.name}:{line}", self._rejected)

    def _values(self, row: dict[str, str]) -> Iterator[tuple[str, str, str]]:
        long = self._mapping.long
        if long:
            yield row[long["variable"]], row[long["value"]], row.get(long.get("unit", ""), "")
        else:
            yield from ((column, row[column], "") for column in self._mapping.variables)

    def _number(self, text: str, line: int, column: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise DataError(f"{self._path}, line {line}: {column} is no number.") from None

    def _in_hours(self, row: dict[str, str]) -> bool:
        try:
            return math.isfinite(float(row[self._mapping.columns["time"]]))
        except ValueError:
            return False

    def _time(self, row: dict[str, str], name: str, line: int, column: str | None = None) -> datetime:
        column = column or self._mapping.columns[name]
        try:
            return ADMITTED + timedelta(hours=float(row[column]))
        except (ValueError, OverflowError):
            pass
        try:
            time = datetime.fromisoformat(row[column])
        except ValueError:
            raise DataError(f"{self._path}, line {line}: {column} is neither a date with a time nor a number of hours.") from None
        if time.tzinfo is None and self._mapping.time_zone is None:
            raise DataError(f"{self._path}, line {line}: {column} has no time zone; name one in the mapping (time_zone).")
        return (time if time.tzinfo else time.replace(tzinfo=self._mapping.time_zone)).astimezone(UTC)

    def _born(self, row: dict[str, str], line: int, start: datetime) -> date | None:
        columns = self._mapping.columns
        try:
            if text := row.get(columns.get("birth_date", ""), ""):
                return date.fromisoformat(text[:10])
            text = row.get(columns.get("age", ""), "")
            born = birth_date(float(text)) if text else None
            return born and born.replace(year=born.year + start.year - ADMITTED.year)
        except ValueError:
            raise DataError(f"{self._path}, line {line}: neither an age nor a birth date can be read.") from None

    def _labels(self, start: datetime, timed: list[tuple[datetime, int, dict[str, str]]]) -> tuple[bool, ...]:
        mapping, end = self._mapping, timed[-1][0]
        if mapping.outcome_time:
            line, row = timed[0][1:]
            if not row[mapping.outcome_time]:
                return (False,) * _hours(start, end)
            event = self._time(row, "", line, mapping.outcome_time)
            return event_labels(_hours(start, event, up=False), mapping.horizon_hours or 0, start, event)
        marks = [(time, self._yes(row, line)) for time, line, row in timed]
        labels, place = [], 0
        for hour in range(1, _hours(start, end) + 1):
            while place + 1 < len(marks) and marks[place + 1][0] <= start + timedelta(hours=hour):
                place += 1
            labels.append(marks[place][1])
        return tuple(labels)

    def _yes(self, row: dict[str, str], line: int) -> bool:
        text = row[self._mapping.outcome_column or ""].strip()
        if text not in ("0", "1", "0.0", "1.0", "True", "False", "true", "false"):
            raise DataError(f"{self._path}, line {line}: {self._mapping.outcome_column} has to be 0 or 1.")
        return text in ("1", "1.0", "True", "true")


def event_labels(hours: int, horizon: int, start: datetime, event: datetime) -> tuple[bool, ...]:
    """Return for each hour before an event whether it is at most `horizon` hours away."""
    return tuple(event - (start + timedelta(hours=hour)) <= timedelta(hours=horizon) for hour in range(1, hours + 1))


def _hours(start: datetime, end: datetime, up: bool = True) -> int:
    hours = (end - start) / timedelta(hours=1)
    return max(math.ceil(hours) if up else math.floor(hours), 0)
