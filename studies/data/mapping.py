"""Turns a TOML mapping into what the columns of a hospital's own table mean; docs/your-data.md
explains every key.

Unknown keys are errors, so that a slip of the pen is never passed over.
"""

import codecs
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from models.patient.vocabulary import VARIABLES
from models.reading.units import converted
from studies.data.sheets import Form
from studies.data.stays import DataError

Words = tuple[str | int | float | bool, ...]
YES: Words = ("1", "true", "yes")
NO: Words = ("0", "false", "no")


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the mapping."""


class Columns(_Table, frozen=True):
    """Which column holds what; `groups` are those by which results are reported."""

    id: str
    time: str
    patient: str | None = None
    start: str | None = None
    end: str | None = None
    age: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    groups: tuple[str, ...] = ()


class Long(_Table, frozen=True):
    """The columns of a table with a row for each measurement."""

    variable: str
    value: str
    unit: str | None = None


class StaysFile(_Table, frozen=True):
    """A second table with one row a stay, beside the first one."""

    file: str
    id: str | None = None


class Sex(_Table, frozen=True):
    """The words for each sex."""

    male: Words = ("male", "m")
    female: Words = ("female", "f", "w")
    unknown: Words = (
        "unknown",
        "u",
        "other",
        "o",
        "x",
        "not known",
        "not specified",
        "unspecified",
        "indeterminate",
        "intersex",
    )


class Outcome(_Table, frozen=True):
    """What is predicted: a column of yes and no, or the time of the event."""

    name: str
    column: str | None = None
    yes: Words | None = None
    no: Words | None = None
    time: str | None = None
    horizon_hours: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Measured(_Table, frozen=True):
    """The variable and unit of a column, or of a word in the column of variables; `words` are
    values that are no number.
    """

    variable: str
    unit: str = ""
    words: dict[str, float] = {}


class More(_Table, frozen=True):
    """A further table of measurements beside the first one, of either shape; id and time have
    the first one's names if not given, and its values are known at their time unless it says when.
    """

    file: str
    variables: dict[str, Measured]
    id: str | None = None
    time: str | None = None
    long: Long | None = None
    known_after_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 0


class Mapping(_Table, frozen=True):
    """What a table's columns mean; `variables` by column, or by word where a row is a
    measurement.
    """

    columns: Columns
    outcome: Outcome
    variables: dict[str, Measured]
    shape: Literal["wide", "long"] = "wide"
    long: Long | None = None
    stays: StaysFile | None = None
    more: tuple[More, ...] = ()
    sex: Sex = Sex()
    time_unit: Literal["seconds", "minutes", "hours", "days", "duration"] | None = None
    known_after_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 0
    time_zone: str | None = None
    date_format: str | None = None
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"

    @property
    def beside(self) -> list[str]:
        """Return the files that are read beside the first one."""
        stays = [self.stays.file] if self.stays else []
        return [*(table.file for table in self.more), *stays]

    @property
    def form(self) -> Form:
        """Return how the CSV files are written."""
        return Form(self.delimiter, self.encoding)

    @property
    def zone(self) -> ZoneInfo | None:
        """Return the zone of times that name none."""
        return ZoneInfo(self.time_zone) if self.time_zone else None

    @property
    def outcome_time(self) -> str | None:
        """Return the column that says when the event was, if one does."""
        return self.outcome.time

    @property
    def horizon_hours(self) -> int | None:
        """Return how long before the event the answer is yes."""
        return self.outcome.horizon_hours

    @property
    def about(self) -> list[str]:
        """Return the columns that tell of a stay as a whole; each is in the stays file or in the
        table.
        """
        named = [
            getattr(self.columns, key)
            for key in ("patient", "start", "end", "age", "birth_date", "sex")
        ]
        return list(
            dict.fromkeys(
                name
                for name in (*named, *self.columns.groups, self.outcome.column, self.outcome.time)
                if name
            )
        )

    @property
    def sexes(self) -> dict[str, str]:
        """Return "male", "female" or "unknown" by word, in lower case."""
        return meanings(
            {"male": self.sex.male, "female": self.sex.female, "unknown": self.sex.unknown}
        )

    @property
    def answers(self) -> dict[str, str]:
        """Return "yes" or "no" by word, in lower case."""
        return meanings({"yes": self.outcome.yes or YES, "no": self.outcome.no or NO})


def meanings(words: dict[str, Words]) -> dict[str, str]:
    """Return the meaning of each word in lower case; a number stands for 1 and 1.0. Raises
    ValueError for a word with two meanings.
    """
    found: dict[str, str] = {}
    for meaning, group in words.items():
        for word in group:
            text = str(word).lower()
            for spelling in {text, f"{text}.0"} if text.isdecimal() else {text}:
                if found.setdefault(spelling, meaning) != meaning:
                    raise ValueError(f"{word!r} is named for {found[spelling]} and for {meaning}.")
    return found


def read_mapping(path: Path) -> Mapping:
    """Read a mapping; raises DataError that names the file and the key at fault."""
    try:
        mapping = msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), Mapping)
        _check(mapping)
        return mapping
    except msgspec.ValidationError as error:
        raise DataError(
            f"{path}: {str(error).replace('$.', '').replace('Object', 'the mapping')}."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None


def _check(mapping: Mapping) -> None:
    """Raise ValueError for what each key alone can't show."""
    columns, outcome = mapping.columns, mapping.outcome
    if not (columns.age or columns.birth_date):
        raise ValueError("columns has to name age or birth_date: without one nobody gets a risk.")
    if (outcome.column is None) == (outcome.time is None):
        raise ValueError("outcome has to name column or time, and not both.")
    if outcome.time and outcome.horizon_hours is None:
        raise ValueError(
            "outcome.horizon_hours is missing: how long before outcome.time the answer is yes."
        )
    if (outcome.yes is None) != (outcome.no is None):
        raise ValueError(
            "outcome.yes and outcome.no go together: a word that is not named is never taken for "
            "either."
        )
    if (mapping.shape == "long") != (mapping.long is not None):
        raise ValueError('shape = "long" and the table [long] go together.')
    if mapping.time_unit and mapping.date_format:
        raise ValueError(
            "time_unit is for numbers and durations, and date_format for dates; give one of them."
        )
    _check_words(mapping)
    shapes: tuple[Mapping | More, ...] = (mapping, *mapping.more)
    for table in shapes:
        for name, measured in table.variables.items():
            _check_variable(name, measured, bool(table.long and table.long.unit))


def _check_words(mapping: Mapping) -> None:
    try:
        codecs.lookup(mapping.encoding)
    except LookupError:
        raise ValueError(f"encoding {mapping.encoding!r} is not known.") from None
    try:
        _ = mapping.zone, mapping.sexes, mapping.answers
    except (KeyError, OSError):
        raise ValueError(
            f"time_zone {mapping.time_zone!r} is not known; an example is Europe/Berlin."
        ) from None


def _check_variable(name: str, measured: Measured, has_unit_column: bool) -> None:
    if measured.variable not in VARIABLES:
        raise ValueError(
            f"variables.{name}: there is no variable {measured.variable!r}; there are "
            f"{', '.join(VARIABLES)}."
        )
    variable = VARIABLES[measured.variable]
    # A table's maker knows the unit: here it is not left out where a chart may leave it out.
    if measured.unit:
        known = converted(variable, None, 1.0, measured.unit) is not None
    else:
        known = variable.unitless or has_unit_column
    if not known:
        raise ValueError(
            f"variables.{name}: {measured.unit!r} is no unit of {measured.variable}; there are "
            f"{', '.join(variable.units)}."
        )
