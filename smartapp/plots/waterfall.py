"""Turns the explanation of a Risk into its waterfall: rows from the reference patient's risk to
this one's, in percentage points.

A row has words, a bar and an amount beside each other, each in a column of its own, so that no line
crosses a word. Coordinates are percentages of the column of bars.
"""

import re
from dataclasses import dataclass

from models.assess import Risk
from models.contributions import Contribution
from smartapp.plots.axes import Scale

LEFT, RIGHT = 2, 93
# With "all others", if something is left over.
MOST = 8
LEAST_WIDTH = 0.8
# A number and its unit stay in one line.
BEFORE_UNIT, NO_BREAK = re.compile(r"(?<=\d) (?=\S)"), "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One contribution: `label` in few words, `text` in all, its bar from `start` to `end`;
    `variable` is empty for all others together.
    """

    label: str
    text: str
    note: str
    kind: str
    amount: str
    start: float
    end: float
    variable: str

    @property
    def x(self) -> float:
        """Return the left edge."""
        return min(self.start, self.end)

    @property
    def width(self) -> float:
        """Return a width that can be seen."""
        return max(round(abs(self.end - self.start), 1), LEAST_WIDTH)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Bars from the reference's risk, at `reference`, to this patient's, at `risk`; no risk is at
    `zero`. `person` says who the reference is.
    """

    person: str
    bars: tuple[Bar, ...]
    zero: float
    reference: float
    risk: float


def waterfall(risk: Risk, most: int = MOST) -> Waterfall:
    """Return the bars of a Risk, at most so many: the largest contributions, and where that does
    not take all of them, all others together.
    """
    explanation = risk.explanation
    named = most if explanation.rest(most) is None else most - 1
    rest = explanation.rest(named)
    steps = [*explanation.shown(named), *([rest] if rest else [])]
    edges = [100 * risk.probability - sum(step.points for step in steps)]
    for step in steps:
        edges.append(edges[-1] + step.points)
    # From 0, so that no step looks greater than it is.
    scale = Scale(min(0.0, *edges), max(0.05, *edges), LEFT, RIGHT)
    bars = tuple(
        _bar(step, scale(before), scale(after))
        for step, before, after in zip(steps, edges, edges[1:], strict=False)
    )
    return Waterfall(explanation.person, bars, scale(0), scale(edges[0]), scale(edges[-1]))


def _bar(step: Contribution, start: float, end: float) -> Bar:
    kind = "raises" if step.points > 0 else "lowers" if step.points < 0 else "nothing"
    text = step.text if step.variable else step.label
    label, amount = _unbroken(step.brief), step.amount
    return Bar(label, text, step.note, kind, amount, start, end, step.variable)


def _unbroken(words: str) -> str:
    return BEFORE_UNIT.sub(NO_BREAK, words)
