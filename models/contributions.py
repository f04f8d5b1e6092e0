"""Turns a variable's share in a risk into a Contribution: a figure in percentage points, and words
for what drives it.

All heart-rate features speak as "heart rate", so that a clinician reads variables; of these, the
one that adds most decides the words.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.drivers import driver_text
from models.findings.finding import OLD_HOURS
from models.patient.conflicts import grade
from models.patient.printing import age, display
from models.patient.sides import base
from models.patient.vocabulary import VARIABLES, Variable
from models.reference import Compared

# Where a parameter of NEWS2 has this many points, a contribution that lowers the risk needs a word.
ALARMING = 2
PARAMETERS = {"gcs": "consciousness", "acvpu": "consciousness", "fio2": "oxygen"}


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one variable adds to the risk of the reference patient (models.reference).

    `log_odds` is exact; `points` are percentage points as they are printed, with `digits`. `value`
    is the fresh one, None when there is none; `age_hours` its age, None for age and sex, which have
    none. `driver` says in words which of the variable's features adds most; it is `current` where
    these speak of the newest value. `note` is a warning where the model takes for reassuring what
    NEWS2 or a limit counts as grave; else it is empty.
    """

    variable: str
    label: str
    log_odds: float
    points: float
    value: float | None
    age_hours: float | None
    driver: str = ""
    current: bool = True
    digits: int = 1
    note: str = ""

    @property
    def text(self) -> str:
        """Return what drives the contribution, and the newest value with its age."""
        if self.value is None:
            return f"{self.label} not known"
        if self.age_hours is None:
            return f"{self.driver} (beside the other values)"
        last = "" if self.current else f"; last {display(VARIABLES[self.variable], self.value)}"
        return f"{self.driver}{last}, {age(self.age_hours)} ago"

    @property
    def brief(self) -> str:
        """Return it in few words, with an age only where that is one to think of."""
        if self.value is None or self.age_hours is None:
            known = self.value is not None or not self.variable
            return (self.driver or self.label) if known else f"{self.label} not known"
        old = round(self.age_hours) >= OLD_HOURS
        return f"{self.driver}, {age(self.age_hours)} ago" if old else self.driver

    @property
    def amount(self) -> str:
        """Return the points as they are printed: "+1.3", "−2", and 0 without a sign."""
        text = f"{abs(self.points):.{self.digits}f}"
        if float(text) == 0:
            return text
        return ("+" if self.points > 0 else "\N{MINUS SIGN}") + text


def contribution(
    variable: str,
    parts: Mapping[str, float],
    compared: Compared,
    printed: tuple[float, int],
    scored: Mapping[str, int],
) -> Contribution:
    """Return the contribution of a variable from its features' shares in log-odds.

    `printed` are its points and their digits, `scored` the points of NEWS2's parts by name.
    """
    points, digits = printed
    log_odds = sum(parts.values())
    given = scored.get(PARAMETERS.get(variable, variable), 0)
    if variable not in VARIABLES:
        own = compared.row[variable]
        words = person(variable, own)
        return Contribution(variable, variable, log_odds, points, own, None, words, True, digits)
    reading = compared.snapshot.for_model(variable)
    value, hours = (reading.value, compared.snapshot.hours(reading)) if reading else (None, None)
    words, current = _driver(variable, parts, compared) if reading else ("", True)
    note = habit(VARIABLES[variable], value, given) if points < 0 else ""
    return Contribution(
        variable,
        VARIABLES[variable].label,
        log_odds,
        points,
        value,
        hours,
        words,
        current,
        digits,
        note,
    )


def habit(variable: Variable, value: float | None, points: int) -> str:
    """Return the note on a value that lowers the risk though it is grave; else nothing."""
    if points >= ALARMING:
        return f"the model's habit; NEWS2 counts it as {points} points"
    beyond = value is not None and grade(variable, value)
    return "the model's habit; it is beyond the laboratory's limit" if beyond else ""


def _driver(variable: str, parts: Mapping[str, float], compared: Compared) -> tuple[str, bool]:
    """Return the words of the feature that adds most to what all of them do together.

    What is as in the reference drives nothing: its share is another's, told twice.
    """
    row, normal, snapshot = compared
    way = 1 if sum(parts.values()) >= 0 else -1
    unlike = [name for name in parts if row[base(name)] not in (None, normal[base(name)])]
    leading = max(unlike, key=lambda name: way * parts[name], default=variable)
    return driver_text(base(leading), row, snapshot)


def person(name: str, value: float | None) -> str:
    """Return age or sex in words."""
    if value is None:
        return f"{name} not known"
    return f"age {value:.0f} years" if name == "age" else f"sex {'male' if value else 'female'}"
