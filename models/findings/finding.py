"""A finding: one thing in a chart, or about it, that makes a card as urgent as it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from models.patient.chart import Reading, Unusable
from models.patient.printing import age, both_units
from models.patient.snapshot import Snapshot
from models.patient.vocabulary import VARIABLES

LEVELS = ("info", "warning", "critical")
# As it is said at the bedside, where the vocabulary's label is longer.
SHORT = {"spo2": "SpO2", "acvpu": "consciousness"}
LONGEST_WRITTEN = 40
# From this age on a sentence says it.
OLD_HOURS = 2
# The levels of ACVPU as somebody would say them of a patient.
SPOKEN = (
    "alert",
    "new confusion",
    "responds to voice only",
    "responds to pain only",
    "unresponsive",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `sentence` is what the card says, `written` the value as it stands there.

    `level` is one of LEVELS. `kind` is "zero", "news2", "red" (3 in one parameter), "laboratory",
    "sensor", "unusable", "partial" (of a part that was cut), "unread", "replaced" (of a merged
    record), "risk", "overdue" or "conflict"; where an admission asks "to chart" or "sample", and
    where a discharge does "graver", "risen", "incomplete", "unanswered" or "course". `variable`,
    `value` and `time` (aware UTC) are None where it is not about one.
    `source` says by what rule it is one.
    """

    level: str
    kind: str
    variable: str | None
    value: float | None
    written: str
    time: datetime | None
    sentence: str
    source: str


def gravest(findings: Iterable[Finding]) -> str:
    """Return the gravest level; "info" where there is no finding."""
    return max((finding.level for finding in findings), key=LEVELS.index, default=LEVELS[0])


def about(
    level: str,
    kind: str,
    item: Reading | Unusable,
    snapshot: Snapshot,
    words: tuple[str, str],
    source: str,
) -> Finding:
    """Return a finding about one value; `words` stand before and after its age in the sentence."""
    said, value = written(item), item.value if isinstance(item, Reading) else None
    hours = (snapshot.at - item.time).total_seconds() / 3600
    old = f", {age(hours)} ago" if round(hours) >= OLD_HOURS else ""
    sentence = f"{said[0].upper()}{said[1:]}{words[0]}{old}{words[1]}."
    return Finding(level, kind, item.variable, value, said, item.time, sentence, source)


def as_charted(item: Unusable) -> str:
    """Return what stands in the chart, as text without marks that are not printed; of a long one
    as many whole words as there is room for.
    """
    words = "".join(c if c.isprintable() else " " for c in item.written).split()
    while len(" ".join(words)) > LONGEST_WRITTEN:
        words.pop()
    return " ".join(words) or "not a value"


def written(item: Reading | Unusable) -> str:
    """Return a value with its variable's name as somebody would say it."""
    variable = VARIABLES[item.variable]
    label = SHORT.get(item.variable, variable.label)
    if isinstance(item, Unusable):
        return f"{label} {as_charted(item)}"
    if item.variable == "acvpu":
        return SPOKEN[int(item.value)]
    return f"{label} {both_units(item)}"
