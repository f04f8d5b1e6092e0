"""Turns the cells of a table into readings; until a stay is asked for they are bare numbers, so
that millions fit into memory.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np

from models.patient.chart import Reading
from models.patient.vocabulary import VARIABLES
from models.reading.reader import REASONS, without_duplicates
from studies.data.cells import CellError, blank, measured
from studies.data.mapping import Measured
from studies.data.stays import ADMITTED, DataError, accept, note

NAMES = list(VARIABLES)
# From this many values on, a column of which not one can be read is a mistake in the mapping, not
# in the data.
SUSPICIOUS = 20
# (number of the stay, seconds since ADMITTED or None, text of the value, text of the unit, place of
# the row)
Take = Callable[[int, float | None, str, str, int], None]


class Measurements:
    """The accepted values of a table, and what was rejected by stay and by column."""

    def __init__(self, decimal: str) -> None:
        """Start empty; `decimal` is the mark between whole number and fraction."""
        self._decimal = decimal
        self._owner, self._kind, self._place = array("i"), array("H"), array("q")
        self._time, self._value = array("d"), array("d")
        self._rejected: dict[int, Counter[str]] = {}
        self._found: dict[tuple[str, str], Counter[str]] = {}

    def taker(self, name: str, meant: Measured) -> Take:
        """Return the function that takes the cells of a column (or word) which are not blank; it
        raises CellError.
        """
        found = self._found.setdefault((name, meant.variable), Counter())
        variable, kind = VARIABLES[meant.variable], NAMES.index(meant.variable)
        words = {word.lower(): value for word, value in meant.words.items()}

        def take(owner: int, time: float | None, text: str, unit: str, place: int) -> None:
            number, reason = (
                (words[text.lower()], "") if text.lower() in words else self._number(name, text)
            )
            if number is not None:
                number, reason = accept(variable, number, meant.unit if blank(unit) else unit)
            if time is None:
                number, reason = None, "time"
            found[reason] += 1
            if number is None or time is None:
                self._rejected.setdefault(owner, Counter())[reason] += 1
                return
            self._owner.append(owner)
            self._kind.append(kind)
            self._time.append(time)
            self._value.append(number)
            self._place.append(place)

        return take

    def _number(self, name: str, text: str) -> tuple[float | None, str]:
        try:
            return measured(text, self._decimal)
        except CellError as error:
            raise CellError(f"{name} {error}") from None

    def check(self, path: Path) -> None:
        """Raise DataError where a mistake of the mapping would pass for missing values; say on
        stderr what was rejected.
        """
        for (name, variable), found in self._found.items():
            reasons = ", ".join(
                f"{count} {REASONS[reason]}" for reason, count in sorted(found.items()) if reason
            )
            if not found:
                note(f"{path}: {name} ({variable}) has no value.")
            elif not found[""] and found.total() >= SUSPICIOUS:
                raise DataError(
                    f"{path}: not one of {found.total()} values of {name} can be {variable}: "
                    f"{reasons}."
                )
            elif reasons:
                note(f"{path}: {name} ({variable}): {found['']} values read; rejected {reasons}.")
        if not self._owner:
            raise DataError(f"{path}: there is no value that can be read.")

    def by_stay(
        self, stays: int, source: Callable[[int], str]
    ) -> Iterator[tuple[tuple[Reading, ...], dict[str, int]]]:
        """Yield for each stay in order of number its readings, and what was rejected by reason;
        `source` names a place.
        """
        columns = [
            np.asarray(column) for column in (self._time, self._kind, self._value, self._place)
        ]
        owner = np.asarray(self._owner)
        order = np.argsort(owner, kind="stable")
        bounds = np.searchsorted(owner[order], np.arange(stays + 1)).tolist()
        for number in range(stays):
            own = order[bounds[number] : bounds[number + 1]]
            rows = zip(*(column[own].tolist() for column in columns), strict=True)
            readings = [
                Reading(ADMITTED + timedelta(seconds=t), NAMES[kind], value, source(place))
                for t, kind, value, place in rows
            ]
            rejected = self._rejected.pop(number, Counter())
            yield without_duplicates(readings, rejected), dict(+rejected)
