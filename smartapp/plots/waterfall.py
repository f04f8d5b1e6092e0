"""Turns the explanation of a Risk into its waterfall: from the reference patient's risk to this
one's, in percentage points.

Words stand above the bars in rows of their own, and every line is drawn inside the bars' strips
only, so that none crosses a word. Coordinates are in the units of the SVG's viewBox.
"""

import re
import textwrap
from dataclasses import dataclass

from models.assess import Risk
from models.contributions import Contribution
from models.ticks import round_values
from smartapp.plots.axes import WIDTH, Scale, Tick

TOP, LINE, STRIP, SPACE = 22, 15, 12, 7
# The longest line of words that leaves room for an amount at the right edge.
LONGEST_LINE = 38
LEFT, RIGHT = 4, WIDTH - 8
MOST = 10
# A number and its unit stay in one line.
BEFORE_UNIT, NO_BREAK = re.compile(r"(?<=\d) (?=\S)"), "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One contribution: its words begin at `y`, its bar goes from `start` to `end` in the strip at
    `strip`.
    """

    lines: tuple[str, ...]
    kind: str
    amount: str
    y: float
    strip: float
    start: float
    end: float

    @property
    def label(self) -> str:
        """Return the words in one line."""
        return " ".join(self.lines)

    @property
    def x(self) -> float:
        """Return the left edge."""
        return min(self.start, self.end)

    @property
    def width(self) -> float:
        """Return a width that can be seen."""
        return max(round(abs(self.end - self.start), 1), 1.0)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Bars from the reference's risk to this patient's, under an axis of risk.

    `person` says who the reference is, `last` is where the row of the result begins.
    """

    height: float
    person: tuple[str, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    reference: float
    risk: float
    last: float

    @property
    def strips(self) -> tuple[float, ...]:
        """Return where each strip begins, those of the reference and of the result too."""
        return (TOP + LINE * len(self.person), *(bar.strip for bar in self.bars), self.last + LINE)


def waterfall(risk: Risk, most: int = MOST) -> Waterfall:
    """Return the bars of a Risk: the `most` largest contributions, and all others together."""
    rest = risk.explanation.rest(most)
    steps = [*risk.explanation.shown(most), *([rest] if rest else [])]
    edges = [100 * risk.probability - sum(step.points for step in steps)]
    for step in steps:
        edges.append(edges[-1] + step.points)
    scale = _scale(edges)
    bars: list[Bar] = []
    person = tuple(textwrap.wrap(risk.explanation.person, LONGEST_LINE))
    y: float = TOP + LINE * len(person) + STRIP + SPACE
    for step, before, after in zip(steps, edges, edges[1:], strict=False):
        bars.append(_bar(step, scale(before), scale(after), y))
        y = bars[-1].strip + STRIP + SPACE
    return Waterfall(
        y + LINE + STRIP + 4,
        person,
        tuple(bars),
        _ticks(scale),
        scale(edges[0]),
        scale(edges[-1]),
        y,
    )


def _scale(edges: list[float]) -> Scale:
    """Return the scale of risk in %, from 0, so that no step looks greater than it is."""
    low, high = min(0.0, *edges), max(edges)
    return Scale(low, high + max((high - low) * 0.06, 0.05), LEFT, RIGHT)


def _bar(step: Contribution, start: float, end: float, y: float) -> Bar:
    found = tuple(textwrap.wrap(_words(step), LONGEST_LINE))
    kind = "raises" if step.points > 0 else "lowers" if step.points < 0 else "nothing"
    return Bar(found, kind, step.amount, y, y + LINE * len(found) + 1, start, end)


def _words(step: Contribution) -> str:
    """Return what drives a step; "all others" have a label alone."""
    text = step.text if step.variable else step.label
    note = f" ({step.note})" if step.note else ""
    return BEFORE_UNIT.sub(NO_BREAK, text + note)


def _ticks(scale: Scale) -> tuple[Tick, ...]:
    """Label round risks; what lies below 0 is no risk, even where bars reach there."""
    values = [value for value in round_values(scale.low, scale.high) if value >= 0]
    return tuple(Tick(scale(value), f"{value:g} %") for value in values)
