"""What the Royal College of Physicians asks for at a NEWS2: who, how soon, how often to observe.

Source: RCP, NEWS2 (2017), chart 4 and the part on frequency, in our own words. What is missing from
a score has no response of its own there: that a full set is taken then is ours.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from models.findings.finding import LEVELS
from models.patient.news2 import Score

RCP = "RCP"
TABLE = Path(__file__).with_name("response.csv")


@dataclass(frozen=True, slots=True)
class Response:
    """One row: `asks` is what is asked for in a few words, `line` the whole, `observe` how often to
    observe where that is hourly or more; a new set is overdue after `overdue_after_hours`, None
    where the score can't be told.
    """

    level: str
    asks: str
    observe: str
    line: str
    overdue_after_hours: float | None

    def line_at(self, level: str) -> str:
        """Return the line as it stands on a card of a level; where something else makes the card
        graver, it says that it goes by NEWS2 alone, so that it calms nobody.
        """
        alone = LEVELS.index(level) > LEVELS.index(self.level)
        return self.line.replace(RCP, f"{RCP}, by NEWS2 alone", 1) if alone else self.line


def response(score: Score) -> Response:
    """Return the response to what is certain of a score; a full set first, where what is missing
    decides.
    """
    row = least_response(score)
    whole = score.total is not None or row.asks
    return row if whole else ROWS["none"]


def least_response(score: Score) -> Response:
    """Return the response that the points which are certain ask for at the least."""
    if score.red and score.low < LEAST["5-6"]:
        return ROWS["red"]
    return ROWS[next(key for key, least in reversed(LEAST.items()) if score.low >= least)]


def _load() -> tuple[dict[str, Response], dict[str, int]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {
        row["key"]: Response(
            row["level"],
            row["asks"],
            row["observe"],
            row["line"],
            float(row["overdue_after_hours"]) if row["overdue_after_hours"] else None,
        )
        for row in rows
    }
    return found, {row["key"]: int(row["least"]) for row in rows if row["least"]}


ROWS, LEAST = _load()
