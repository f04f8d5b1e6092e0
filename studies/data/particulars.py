"""Turns the columns that tell of a stay as a whole into its start, labels, age, sex and groups,
before a value is looked at.
"""

import math
from array import array
from collections.abc import Callable
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from models.patient.chart import Chart
from studies.data import labels
from studies.data.cells import LONGEST, CellError, age, blank, born, word
from studies.data.mapping import Mapping
from studies.data.sheets import Sheet
from studies.data.stays import ADMITTED, DataError, Stay, birth_date, note

YES, NO, UNKNOWN = 1, 0, -1


class Particulars:
    """What rows tell of each stay; stays are numbered from 0 in order of their first row, times
    are seconds since ADMITTED.
    """

    def __init__(self, path: Path, mapping: Mapping, seconds: Callable[[str], float]) -> None:
        """Start empty; `seconds` reads a time and raises CellError."""
        self._path, self._mapping, self._seconds = path, mapping, seconds
        self._sexes, self._answers = mapping.sexes, mapping.answers
        self.numbers: dict[str, int] = {}
        self._spans: list[list[float]] = []
        self._cells: list[dict[str, tuple[str, str]]] = []
        self._marks = (array("i"), array("d"), array("b"))
        self._second: dict[str, dict[str, tuple[str, str]]] | None = None

    def read_second(self, sheet: Sheet, columns: list[str]) -> None:
        """Read the stays file, one row a stay; raises DataError that names file and line."""
        key = (self._mapping.stays and self._mapping.stays.id) or self._mapping.columns.id
        self._second = {}
        for line, (record, *cells) in sheet.rows([key, *columns]):
            where = f"{sheet.path}, line {line}"
            if blank(record) or record in self._second:
                raise DataError(
                    f"{where}: {key} is "
                    f"{'empty' if blank(record) else 'there for the second time'}."
                )
            self._second[record] = {
                column: (cell, where) for column, cell in zip(columns, cells, strict=True)
            }

    def number(self, record: str) -> int | None:
        """Return the number of a stay, a new one at its first row; None for a stay that the
        stays file does not name.
        """
        if record not in self.numbers:
            if self._second is not None and record not in self._second:
                return None
            self.numbers[record] = len(self._spans)
            self._spans.append([math.inf, -math.inf])
            self._cells.append(dict(self._second[record]) if self._second else {})
        return self.numbers[record]

    def tell(
        self,
        number: int,
        begun: float | None,
        time: float | None,
        cells: dict[str, str],
        sheet: Sheet,
        line: int,
    ) -> None:
        """Take a row: its time, and that at which it is known, the first word on each column of a
        stay, and its outcome; raises CellError.
        """
        if begun is not None and time is not None:
            span = self._spans[number]
            span[0], span[1] = min(span[0], begun), max(span[1], time)
        outcome, known = self._mapping.outcome, self._cells[number]
        for column, text in cells.items():
            if column == outcome.column:
                if time is not None:
                    owner, moment, mark = self._marks
                    answer = self._answer(text)
                    owner.append(number)
                    moment.append(time)
                    mark.append(answer)
            elif not blank(text):
                if column not in known:
                    known[column] = (text, f"{sheet.path}, line {line}")
                elif column == outcome.time and known[column][0] != text:
                    raise CellError(f"{column} differs from an earlier row of the stay")

    def _answer(self, text: str) -> int:
        try:
            found = word(text, self._answers, "outcome.yes or outcome.no")
        except CellError as error:
            raise CellError(f"{self._mapping.outcome.column} {error}") from None
        return UNKNOWN if found is None else YES if found == "yes" else NO

    def stays(self) -> list[Stay | None]:
        """Return every stay without readings, None where outcome or times are not known; raises
        DataError that names file and line.
        """
        marks = self._by_stay()
        found = [
            self._stay(record, number, marks.get(number)) for record, number in self.numbers.items()
        ]
        if unknown := found.count(None):
            note(
                f"{self._path}: {unknown} of {len(found)} stays are left out, since their "
                "outcome or all their times are missing."
            )
        if self._second and (without := len(self._second.keys() - self.numbers.keys())):
            note(
                f"{self._path}: {without} of {len(self._second)} stays of the stays file have no "
                "row here; they are left out."
            )
        return found

    def _by_stay(self) -> dict[int, list[tuple[float, int]]]:
        """Return time and outcome of rows by stay, in order of time."""
        owner, time, mark = (np.asarray(store) for store in self._marks)
        order = np.lexsort((time, owner))
        rows = zip(owner[order].tolist(), time[order].tolist(), mark[order].tolist(), strict=True)
        return {
            number: [row[1:] for row in group]
            for number, group in groupby(rows, key=lambda row: row[0])
        }

    def _stay(self, record: str, number: int, marks: list[tuple[float, int]] | None) -> Stay | None:
        columns, outcome = self._mapping.columns, self._mapping.outcome
        start, end = self._bounds(number)
        found = self._labels(number, start, end, marks) if math.isfinite(start) else None
        if found is None:
            return None
        begin = ADMITTED + timedelta(seconds=start)
        sex = self._read(
            number,
            columns.sex,
            lambda text: word(text, self._sexes, "sex.male, sex.female or sex.unknown"),
        )
        known = None if sex == "unknown" else sex
        birth = self._read(number, columns.birth_date, born) or birth_date(
            self._read(number, columns.age, age), begin
        )
        chart = Chart(
            self._read(number, columns.patient, str) or record, birth, known, False, (), {}
        )
        groups = {name: self._read(number, name, str) or "unknown" for name in columns.groups}
        return Stay(
            record, chart, begin, {outcome.name: found}, groups | {"sex": known or "unknown"}
        )

    def _bounds(self, number: int) -> tuple[float, float]:
        """Return start and end of a stay; raises DataError for one that is too long to be true."""
        columns, (first, last) = self._mapping.columns, self._spans[number]
        start, end = (
            self._read(number, columns.start, self._seconds),
            self._read(number, columns.end, self._seconds),
        )
        start = (
            start
            if start is not None
            else 0.0
            if self._mapping.time_unit and math.isfinite(first)
            else first
        )
        end = last if end is None else end
        if end - start > LONGEST.total_seconds():
            where = next((where for _, where in self._cells[number].values()), self._path)
            raise DataError(
                f"{where}: a stay lasts {(end - start) / 86400:.0f} days; is a time wrong, or "
                "time_unit?"
            )
        return start, end

    def _labels(
        self, number: int, start: float, end: float, marks: list[tuple[float, int]] | None
    ) -> tuple[bool, ...] | None:
        outcome = self._mapping.outcome
        if outcome.time:
            event = self._read(number, outcome.time, self._seconds)
            return labels.before_event(start, end, event, outcome.horizon_hours or 1)
        if marks:
            times, flags = zip(*marks, strict=True)
            return (
                None
                if UNKNOWN in flags
                else labels.by_rows(start, min(times[-1], end), times, flags)
            )
        happened = self._read(number, outcome.column, self._answer)
        return None if happened in (None, UNKNOWN) else labels.constant(start, end, happened == YES)

    def _read(self, number: int, column: str | None, read: Callable[[str], Any]) -> Any:
        """Return what a column says of a stay as a whole, None if nothing; raises DataError that
        names file and line.
        """
        text, where = self._cells[number].get(column or "", ("", ""))
        if blank(text):
            return None
        try:
            return read(text)
        except CellError as error:
            reason = str(error).removeprefix(f"{column} ")
            raise DataError(f"{where}: {column} {reason}.") from None
