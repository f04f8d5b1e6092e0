"""Turns figures of a validation into the words and tables of its report: 0.8767 becomes "0.877
(0.846 to 0.905)".

A figure that is None reads "not estimable"; one that is absent reads "not available".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

ABSENT, UNKNOWN = "not available", "not estimable"
MINUS, PERCENT = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}%"
# How a figure is written, by how its name ends: "percent", "risk" (percent to three digits), or the
# number of decimals.
DECIMALS: dict[str, int | str] = {
    "sensitivity": "percent", "specificity": "percent", "ppv": "percent", "npv": "percent",
    "prevalence": "percent", "ever_alerted": "percent", "undetected": "percent", "gap": "percent",
    "threshold": "risk", "fpr": "percent", "over_1_h": "percent", "over_6_h": "percent",
    "over_12_h": "percent", "share": "percent", "indeterminate": "percent", "coverage": "percent",
    "nne": 1, "hours": 1, "patient_days": 1, "events": 0, "brier": 4, "ici": 4, "e50": 4, "e90": 4,
    "emax": 4, "observed_expected": 2, "intercept": 2, "slope": 2, "score2": 1, "benefit": 4,
}  # fmt: skip
USUAL = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table: a value, and after it the interval, if there is one."""

    value: str
    interval: str = ""

    def __str__(self) -> str:
        """Return the text as the page has it."""
        return f"{self.value} ({self.interval})" if self.interval else self.value


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report; the first cell of each row is its head. With `words` the second
    column is text as well.
    """

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    words: bool = False

    @property
    def stacked(self) -> bool:
        """Tell whether intervals stand below their values, since several of them would make the
        rows too long.
        """
        return any(
            sum(isinstance(cell, Cell) and bool(cell.interval) for cell in row) > 1
            for row in self.rows
        )


@dataclass(frozen=True, slots=True)
class Absent:
    """What stands where a part of the report has nothing to show: the reason."""

    kind: ClassVar[str] = "absent"
    reason: str


def plain(value: float | None, decimals: int | str = USUAL, sign: bool = False) -> str:
    """Write a number with this many decimals, or as "percent" or "risk"; None is "not
    estimable".
    """
    if value is None:
        return UNKNOWN
    if decimals == "risk":
        return f"{100 * value:.3g}{PERCENT}"
    if decimals == "percent":
        return f"{plain(100 * value, _percent_decimals(value), sign)}{PERCENT}"
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    return (f"{0:.{decimals}f}" if float(text) == 0 else text).replace("-", MINUS)


def _percent_decimals(value: float) -> int:
    return 2 if 0 < abs(value) < 0.01 else 1


def decimals_of(name: str) -> int | str:
    """Return how the figure of this name is written."""
    for end, found in DECIMALS.items():
        if name == end or name.endswith(f"_{end}"):
            return found
    return USUAL


def written(figure: dict | None, decimals: int | str = USUAL, sign: bool = False) -> Cell:
    """Write a figure {"value", "interval"} with its 95 % interval."""
    if figure is None:
        return Cell(ABSENT)
    value, interval = figure.get("value"), figure.get("interval")
    text = plain(value, decimals, sign)
    if value is None or not interval or None in interval:
        return Cell(text)
    low, high = (plain(end, decimals, sign) for end in interval)
    return Cell(text, f"{low.removesuffix(PERCENT)} to {high}")


def cell(figures: dict, name: str) -> Cell:
    """Write the figure of this name."""
    return written(figures.get(name), decimals_of(name))


def count(number: int | None) -> str:
    """Write a count with a thin space between thousands."""
    return ABSENT if number is None else f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def grid(
    caption: str, head: Sequence[str], lines: Iterable[tuple[str, dict, Sequence[str]]]
) -> Table:
    """Return a table of figures: each line has its head, the figures, and the names of those it
    shows.
    """
    return Table(
        caption,
        tuple(head),
        tuple((label, *(cell(figures, name) for name in names)) for label, figures, names in lines),
    )


def capital(text: str) -> str:
    """Begin a sentence with a capital."""
    return text[:1].upper() + text[1:]
