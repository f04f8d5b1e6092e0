"""Turns the text of a cell into a number, a moment, an age or a yes; what can't be read is never
taken for a value.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.reading.reader import youngest_birth
from studies.data.stays import ADMITTED

# What stands in a cell without a value, in lower case.
BLANK = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "nat", "null", "none", "nil", "\\n", ".", "-", "--", "?"}
)
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
# No stay is counted over more time than this; a longer one means that a time or its unit is wrong.
LONGEST = timedelta(days=3 * 366)
DURATION = "duration"
# As Python and pandas write one: 1 days 02:30:00, -1 day, 23:00:00, 26:00:00.5.
SPAN = re.compile(r"(?:([+-]?\d+) days?(?:,? \+?|$))?(?:(\d+):(\d\d):(\d\d(?:\.\d+)?))?")
AGE_ABOVE = re.compile(r">\s*(\d+)|(\d+)\s*\+")
AMOUNT = re.compile(r"[+-]?\d[\d.,]*")


class CellError(Exception):
    """A cell can't be read; the message says what it has to be, and never what it holds."""


def blank(text: str) -> bool:
    """Tell whether a cell holds no value."""
    return not text or text.lower() in BLANK


def measured(text: str, decimal: str = ".") -> tuple[float | None, str]:
    """Return the number in a cell that is not blank, or None and the reason, as for an Observation:
    `bound` (< or >), or `value`.

    Raises CellError for a number with the other decimal mark, which would lose all fractions and
    keep the whole numbers.
    """
    other = "," if decimal == "." else "."
    if other in text and AMOUNT.fullmatch(text):
        raise CellError(
            f"is a number with a {other!r}; if that is the decimal mark, the mapping has to say "
            f'decimal = "{other}"'
        )
    try:
        value = float(text.replace(decimal, "."))
        # Python reads 1_000 as a number; a hospital's table does not mean one by it.
        return (value, "") if "_" not in text else (None, "value")
    except ValueError:
        return None, "bound" if text[0] in "<>" else "value"


def clock(
    unit: str | None, form: str | None, zone: ZoneInfo | None, decimal: str = "."
) -> Callable[[str], float]:
    """Return the function that gives the seconds of a cell since ADMITTED; it raises CellError.

    `unit` is that of numbers counted from admission, or "duration"; without it cells are dates with
    a time of day, in ISO 8601 or in the `strptime` form, in `zone` where they name none.
    """
    read = (
        _duration
        if unit == DURATION
        else (lambda text: _offset(text, unit, decimal))
        if unit
        else (lambda text: _moment(text, form, zone))
    )
    return lru_cache(1 << 16)(read)


def _duration(text: str) -> float:
    found = SPAN.fullmatch(text)
    if not found or not text:
        raise CellError("has to be a duration since admission, such as 1 days 02:30:00")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    total = days * 86400 + hours * 3600 + minutes * 60 + seconds
    if not abs(total) < LONGEST.total_seconds():
        raise CellError("has to be a duration since admission of at most three years")
    return round(total, 3)


def _offset(text: str, unit: str, decimal: str) -> float:
    if SPAN.fullmatch(text):
        raise CellError('is a duration; the mapping has to say time_unit = "duration"')
    number, _ = measured(text, decimal)
    if number is None or not abs(number * SECONDS[unit]) < LONGEST.total_seconds():
        raise CellError(f"has to be a number of {unit} since admission, of at most three years")
    return round(number * SECONDS[unit], 3)


def _moment(text: str, form: str | None, zone: ZoneInfo | None) -> float:
    try:
        if not form and len(text) < len("2024-05-31T14"):
            raise ValueError
        time = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
        if time.tzinfo is None and zone is None:
            raise CellError("has no time zone; the mapping has to name one (time_zone)")
        return (
            (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC) - ADMITTED
        ).total_seconds()
    except (ValueError, OverflowError):
        known = (
            f"in the form {form}"
            if form
            else "as 2024-05-31 14:00 (for others date_format, for numbers and durations time_unit)"
        )
        raise CellError(f"has to be a date with a time of day {known}") from None


def age(text: str) -> float | None:
    """Return the years in a cell; `> 89` and `90+` are at least 90. Raises CellError."""
    if blank(text):
        return None
    above = AGE_ABOVE.fullmatch(text)
    try:
        return (
            int(above[1]) + 1.0
            if above and above[1]
            else float(above[2] if above else text.replace(",", "."))
        )
    except ValueError:
        raise CellError("has to be an age in years") from None


def born(text: str) -> date | None:
    """Return the latest birth date that a cell (a date, a month or a year) allows. Raises
    CellError.
    """
    if blank(text):
        return None
    found = youngest_birth(text[:10])
    if found is None:
        raise CellError("has to be a birth date as 1950-02-28")
    return found


def word(text: str, meanings: dict[str, str], where: str) -> str | None:
    """Return what a word means by the mapping, None for a blank cell; case does not count.
    Raises CellError.
    """
    if blank(text):
        return None
    found = meanings.get(text.lower())
    if found is None:
        raise CellError(
            f"holds a word that means nothing yet; the mapping has to name it in {where}"
        )
    return found
