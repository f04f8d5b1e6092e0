"""Which values of a variable are worse and worse, to one side: NEWS2's boundaries, the limits of
laboratories, and ladders.csv.

Only values that Vigil itself counts as worse are on a ladder, or that a score or a textbook does.
What a clinician may doubt is left out by name, in the same table with its reason.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.patient.news2_table import BANDS
from models.patient.vocabulary import VARIABLES

TABLE = Path(__file__).with_name("ladders.csv")
LOW, HIGH = "low", "high"
LEFT_OUT = "left out: "


@dataclass(frozen=True)
class Ladder:
    """The values of a variable that get worse to one side, the mildest first; `peril` says that
    the last alone endangers life.
    """

    variable: str
    side: str
    values: tuple[float, ...]
    peril: bool

    def worse_than(self, value: float) -> list[float]:
        """Return the values that are worse than one."""
        way = 1 if self.side == HIGH else -1
        return [worse for worse in self.values if way * (worse - value) > 0]

    def start(self, own: float) -> float:
        """Return where the ladder begins for who has a value: there, or at the normal one for whom
        it is worse to the other side.
        """
        normal = VARIABLES[self.variable].normal
        if normal is None:
            return own
        return max(own, normal) if self.side == HIGH else min(own, normal)


@cache
def ladders() -> tuple[Ladder, ...]:
    """Return every ladder of the table."""
    return tuple(_ladder(line) for line in _lines() if not line["why"].startswith(LEFT_OUT))


@cache
def left_out() -> dict[str, str]:
    """Return why a variable is not moved to a side, by "variable side"."""
    return {
        f"{line['variable']} {line['side']}": line["why"].removeprefix(LEFT_OUT)
        for line in _lines()
        if line["why"].startswith(LEFT_OUT)
    }


def _lines() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _ladder(line: dict[str, str]) -> Ladder:
    name, side = line["variable"], line["side"]
    known = {*map(float, line["values"].split()), *_news2(name, side), *_limits(name, side)}
    return Ladder(name, side, tuple(sorted(known, reverse=side == LOW)), line["peril"] == "yes")


def _news2(name: str, side: str) -> list[float]:
    """Return the mildest value of each band of NEWS2 that has more points than the one before."""
    bands = BANDS.get(name, ())
    least = min((points for _, points in bands), default=0)
    normal = next((n for n, (_, points) in enumerate(bands) if points == least), 0)
    if side == LOW:
        return [float(greatest) for greatest, _ in bands[:normal]]
    step = 0.1 if name == "temperature" else 1
    return [round(greatest + step, 1) for greatest, _ in bands[normal:-1]]


def _limits(name: str, side: str) -> list[float]:
    low_critical, low_warning, high_warning, high_critical = VARIABLES[name].limits
    both = (low_warning, low_critical) if side == LOW else (high_warning, high_critical)
    return [limit for limit in both if limit is not None]
