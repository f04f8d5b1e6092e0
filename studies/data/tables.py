"""Turns a hospital's own table (CSV or Parquet, a row an hour or a measurement) and its mapping
into Stays.

Values pass through `accept`, as those of published sets do. Where time is counted from admission a
stay starts at 0, else at its first row, unless the mapping names a start; what was measured before
the start is history that is known at it. A row that sums up the time from its own on is known after
that time: so long it counts for nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from studies.data.cells import CellError, blank, clock
from studies.data.mapping import Long, Mapping, Measured
from studies.data.measurements import Measurements, Take
from studies.data.particulars import Particulars
from studies.data.sheets import Sheet, sheets
from studies.data.stays import DataError, Stay, note

# The line and the number of its file share one integer, the place of a row.
FILE = 1 << 40


def table_stays(path: Path, mapping: Mapping) -> Iterator[Stay]:
    """Yield the stays of a table, or of all tables in a folder, in order of their first row.

    The rows of a stay need not stand together. Raises DataError that names file and line; says on
    stderr what was left out.
    """
    seconds = clock(mapping.time_unit, mapping.date_format, mapping.zone, mapping.decimal)
    stays, values = Particulars(path, mapping, seconds), Measurements(mapping.decimal)
    folder, about = path if path.is_dir() else path.parent, mapping.about
    if mapping.stays:
        sheet = Sheet(folder / mapping.stays.file, mapping.form)
        there = [column for column in about if column in sheet.columns]
        about = [column for column in about if column not in there]
        stays.read_second(sheet, there)
    sources = _sources(path, folder, mapping, about)
    for number, source in enumerate(sources):
        _read(source, number * FILE, seconds, stays, values)
    values.check(path)
    shells = stays.stays()
    found = values.by_stay(
        len(shells), lambda place: f"{sources[place // FILE].sheet.path.name}:{place % FILE}"
    )
    for shell, (readings, rejected) in zip(shells, found, strict=True):
        if shell is not None:
            yield replace(shell, chart=replace(shell.chart, readings=readings, rejected=rejected))


@dataclass(frozen=True)
class _Source:
    """A file of measurements; `about` are the columns in it that tell of a stay as a whole, and its
    rows are known `after` seconds.
    """

    sheet: Sheet
    id: str
    time: str
    long: Long | None
    variables: dict[str, Measured]
    about: list[str]
    after: float


def _sources(path: Path, folder: Path, mapping: Mapping, about: list[str]) -> list[_Source]:
    columns, form = mapping.columns, mapping.form
    others = {folder / file for file in mapping.beside}
    first = [sheet for sheet in sheets(path, form) if sheet.path not in others]
    return [
        _Source(
            sheet,
            columns.id,
            columns.time,
            mapping.long,
            mapping.variables,
            about,
            mapping.known_after_minutes * 60,
        )
        for sheet in first
    ] + [
        _Source(
            Sheet(folder / more.file, form),
            more.id or columns.id,
            more.time or columns.time,
            more.long,
            more.variables,
            [],
            more.known_after_minutes * 60,
        )
        for more in mapping.more
    ]


def _read(
    source: _Source,
    place: int,
    seconds: Callable[[str], float],
    stays: Particulars,
    values: Measurements,
) -> None:
    sheet, about, long, left_out = source.sheet, source.about, source.long, 0
    named = (
        [long.variable, long.value, *([long.unit] if long.unit else [])]
        if long
        else list(source.variables)
    )
    takers = {name: values.taker(name, meant) for name, meant in source.variables.items()}
    take = _long(takers) if long else _wide(takers)
    for line, row in sheet.rows([source.id, source.time, *about, *named]):
        try:
            if blank(row[0]):
                raise CellError(f"{source.id} is empty")
            number = stays.number(row[0])
            if number is None:
                left_out += 1
                continue
            begun = None if blank(row[1]) else _time(source.time, row[1], seconds)
            known = None if begun is None else begun + source.after
            told = dict(zip(about, row[2:], strict=False))
            stays.tell(number, begun, known, told, sheet, line)
            take(number, known, row[2 + len(about) :], place + line)
        except CellError as error:
            raise DataError(f"{sheet.path}, line {line}: {error}.") from None
    if left_out:
        note(
            f"{sheet.path}: {left_out} rows are of stays that the stays file does not name; they "
            "are left out."
        )


def _time(column: str, text: str, seconds: Callable[[str], float]) -> float:
    try:
        return seconds(text)
    except CellError as error:
        raise CellError(f"{column} {error}") from None


def _wide(takers: dict[str, Take]) -> Callable:
    def take(number: int, time: float | None, cells: list[str], place: int) -> None:
        for text, one in zip(cells, takers.values(), strict=True):
            if text and not blank(text):
                one(number, time, text, "", place)

    return take


def _long(takers: dict[str, Take]) -> Callable:
    def take(number: int, time: float | None, cells: list[str], place: int) -> None:
        one = takers.get(cells[0])
        if one and not blank(cells[1]):
            one(number, time, cells[1], cells[2] if len(cells) > 2 else "", place)

    return take
