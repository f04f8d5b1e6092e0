"""Turns a TOML mapping into what the columns of a hospital's own table mean.

    shape = "wide"                       # one row an hour; "long": one row a measurement
    time_zone = "Europe/Berlin"          # of times without a zone; not needed where time is a number of hours
    [columns]
    id = "stay"                          # and: time, and age or birth_date; sex, patient are optional
    time = "charted"                     # date and time, or hours since the start of the stay
    groups = ["unit", "language"]
    [long]                               # for shape "long" only
    variable = "item"
    value = "value"
    unit = "uom"                         # optional; goes before the unit below
    [sex]                                # words of the table for male and female
    male = ["M", "1"]
    female = ["F", "0"]
    [outcome]
    name = "death"                       # the outcome of the model, as its manifest names it
    column = "died"                      # 0 or 1, for each row or the same in all rows of a stay
    time = "died_at"                     # in place of column: when it happened, empty when it did not
    horizon_hours = 24                   # with time: how long before it the answer is yes; with column: how far it runs ahead
    [variables]                          # column, or word in the column of variables
    hr = {variable = "heart_rate", unit = "/min"}
"""

import tomllib
from collections.abc import Mapping as Table
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from models.offline.data.stays import DataError
from models.vocabulary import VARIABLES, convert

KEYS = {
    "": {"shape", "time_zone", "columns", "long", "sex", "outcome", "variables"},
    "columns": {"id", "time", "age", "birth_date", "sex", "patient", "groups"}, "long": {"variable", "value", "unit"},
    "sex": {"male", "female"}, "outcome": {"name", "column", "time", "horizon_hours"},
}  # fmt: skip


@dataclass(frozen=True)
class Mapping:
    """What a table's columns mean; `variables` gives (variable, unit) by column, or by word where a row is a measurement."""

    columns: dict[str, str]
    groups: tuple[str, ...]
    long: dict[str, str]
    sexes: dict[str, str]
    outcome: str
    outcome_column: str | None
    outcome_time: str | None
    horizon_hours: int | None
    variables: dict[str, tuple[str, str]]
    time_zone: ZoneInfo | None

    @property
    def needed(self) -> set[str]:
        """Return every column that the table has to have."""
        named = {*self.columns.values(), *self.groups, *self.long.values()}
        named |= {column for column in (self.outcome_column, self.outcome_time) if column}
        return named if self.long else named | set(self.variables)


def read_mapping(path: Path) -> Mapping:
    """Read a mapping; raises DataError that names the file and the key at fault."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({error}).") from None
    try:
        return _mapping(found)
    except KeyError as error:
        raise DataError(f"{path}: {error.args[0]} is missing.") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: {error}") from None


def _mapping(found: dict[str, Any]) -> Mapping:
    _known_keys(found)
    columns, outcome = dict(found["columns"]), found["outcome"]
    groups = tuple(columns.pop("groups", ()))
    if missing := [key for key in ("id", "time") if key not in columns] or [] if {"age", "birth_date"} & set(columns) else ["age or birth_date"]:
        raise KeyError(f"columns.{missing[0]}")
    if ("column" in outcome) == ("time" in outcome):
        raise ValueError("outcome needs either column or time.")
    if "time" in outcome and "horizon_hours" not in outcome:
        raise KeyError("outcome.horizon_hours")
    long = dict(found["long"]) if found.get("shape", "wide") == "long" else {}
    if found.get("shape", "wide") not in ("wide", "long"):
        raise ValueError('shape has to be "wide" or "long".')
    if long and not {"variable", "value"} <= set(long):
        raise KeyError("long.variable or long.value")
    sexes = {str(word): sex for sex, words in found.get("sex", {"male": ["male"], "female": ["female"]}).items() for word in words}
    zone = ZoneInfo(found["time_zone"]) if "time_zone" in found else None
    hours = outcome.get("horizon_hours")
    return Mapping(columns, groups, long, sexes, outcome["name"], outcome.get("column"), outcome.get("time"),
                   None if hours is None else int(hours), _variables(found["variables"], long), zone)  # fmt: skip


def _variables(found: Table[str, dict[str, str]], long: dict[str, str]) -> dict[str, tuple[str, str]]:
    variables = {}
    for column, meant in found.items():
        name, unit = meant.get("variable"), meant.get("unit", "")
        if name not in VARIABLES:
            raise ValueError(f"variables.{column}: there is no variable {name!r}; there are {', '.join(VARIABLES)}.")
        if convert(VARIABLES[name], 1.0, unit) is None and not (long.get("unit") and not unit):
            raise ValueError(f"variables.{column}: {unit!r} is no unit of {name}; there are {', '.join(VARIABLES[name].units)}.")
        variables[column] = (name, unit)
    return variables


def _known_keys(found: dict[str, Any]) -> None:
    for table, keys in KEYS.items():
        part = found.get(table, {}) if table else found
        if unknown := set(part) - keys:
            raise ValueError(f"{table}{'.' if table else ''}{sorted(unknown)[0]} is no key of a mapping.")
