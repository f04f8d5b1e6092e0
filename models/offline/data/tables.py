"""Turns a hospital's own table (CSV or Parquet, a row an hour or a measurement) and its mapping into Stays.

Values pass through the same `accept` as Observations. Where time is counted from admission a stay starts at 0, else at its first row,
unless the mapping names a start; what was measured before the start is history that is known at it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from models.offline.data.cells import CellError, blank, clock
from models.offline.data.mapping import Mapping
from models.offline.data.measurements import Measurements
from models.offline.data.particulars import Particulars
from models.offline.data.sheets import Sheet, sheets
from models.offline.data.stays import DataError, Stay, note

# The line and the number of its file share one integer, the place of a row.
FILE = 1 << 40


def table_stays(path: Path, mapping: Mapping) -> Iterator[Stay]:
    """Yield the stays of a table, or of all tables in a folder, in order of their first row.

    The rows of a stay need not stand together. Raises DataError that names file and line; says on stderr what was left out.
    """
    seconds = clock(mapping.time_unit, mapping.date_format, mapping.zone)
    stays, values = Particulars(path, mapping, seconds), Measurements(mapping.variables, mapping.decimal)
    second = (path if path.is_dir() else path.parent) / mapping.stays.file if mapping.stays else None
    about = mapping.about
    if second:
        sheet = Sheet(second, mapping.form)
        there = [column for column in about if column in sheet.columns]
        about = [column for column in about if column not in there]
        stays.read_second(sheet, there)
    tables = [sheet for sheet in sheets(path, mapping.form) if sheet.path != second]
    for number, sheet in enumerate(tables):
        _read(sheet, number * FILE, mapping, about, seconds, stays, values)
    values.check(path)

    def source(place: int) -> str:
        return f"{tables[place // FILE].path.name}:{place % FILE}"

    shells = stays.stays()
    for shell, (readings, rejected) in zip(shells, values.by_stay(len(shells), source), strict=True):
        if shell is not None:
            yield replace(shell, chart=replace(shell.chart, readings=readings, rejected=rejected))


def _read(sheet: Sheet, place: int, mapping: Mapping, about: list[str], seconds: Callable[[str], float], stays: Particulars,
          values: Measurements) -> None:  # fmt: skip
    columns, long, left_out = mapping.columns, mapping.long, 0
    named = [long.variable, long.value, *([long.unit] if long.unit else [])] if long else list(mapping.variables)
    take = _long(mapping, values) if long else _wide(mapping, values)
    for line, row in sheet.rows([columns.id, columns.time, *about, *named]):
        try:
            if blank(row[0]):
                raise CellError(f"{columns.id} is empty")
            number = stays.number(row[0])
            if number is None:
                left_out += 1
                continue
            time = None if blank(row[1]) else _time(columns.time, row[1], seconds)
            stays.tell(number, time, dict(zip(about, row[2:], strict=False)), sheet, line)
            take(number, time, row[2 + len(about) :], place + line)
        except CellError as error:
            raise DataError(f"{sheet.path}, line {line}: {error}.") from None
    if left_out:
        note(f"{sheet.path}: {left_out} rows are of stays that the stays file does not name; they are left out.")


def _time(column: str, text: str, seconds: Callable[[str], float]) -> float:
    try:
        return seconds(text)
    except CellError as error:
        raise CellError(f"{column} {error}") from None


def _wide(mapping: Mapping, values: Measurements) -> Callable:
    takers = [values.taker(column) for column in mapping.variables]

    def take(number: int, time: float | None, cells: list[str], place: int) -> None:
        for text, one in zip(cells, takers, strict=True):
            if text and not blank(text):
                one(number, time, text, "", place)

    return take


def _long(mapping: Mapping, values: Measurements) -> Callable:
    takers = {name: values.taker(name) for name in mapping.variables}

    def take(number: int, time: float | None, cells: list[str], place: int) -> None:
        one = takers.get(cells[0])
        if one and not blank(cells[1]):
            one(number, time, cells[1], cells[2] if len(cells) > 2 else "", place)

    return take
