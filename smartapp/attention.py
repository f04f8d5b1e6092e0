"""Turns the findings of an Assessment into the list above the risk: what makes it urgent, with
value, time and the resource that it stands in.

It is short, so that the risk stands on the same screen: what leads is shown, and of the rest how
many there are and how grave.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models.assess import Assessment
from models.findings.finding import LEVELS, Finding, gravest
from models.patient.chart import Chart

Place = tuple[str | None, datetime | None]
INFO = LEVELS[0]
# So many are shown at first; one more is shown too, rather than said to be there.
MOST = 3
# So many have room without an unfold where the page is wide.
FEW = 8


@dataclass(frozen=True, slots=True)
class Told:
    """One finding as the page lists it; `rule` says by what it is one.

    Missing: `time`, `source` and `variable` where it is not about one value, `time` also where the
    chart has no exact one.
    """

    level: str
    kind: str
    sentence: str
    time: datetime | None
    source: str | None
    rule: str
    variable: str | None


@dataclass(frozen=True, slots=True)
class Attention:
    """What asks for attention at a `level`: the findings that `lead`, the gravest first, the
    `rest`, and what the Royal College of Physicians asks for at this NEWS2.
    """

    level: str
    lead: tuple[Told, ...]
    rest: tuple[Told, ...]
    response: str

    @property
    def all(self) -> tuple[Told, ...]:
        """Return every finding."""
        return (*self.lead, *self.rest)

    @property
    def few(self) -> bool:
        """Tell whether a wide page has room for all of them."""
        return len(self.all) <= FEW

    @property
    def urgent(self) -> bool:
        """Tell whether a finding is more than a note."""
        return self.level != INFO

    @property
    def graveness(self) -> tuple[tuple[str, int], ...]:
        """Return how many of the rest there are of each level, the gravest first."""
        found = Counter(item.level for item in self.rest)
        return tuple((level, found[level]) for level in reversed(LEVELS) if level in found)


def attention(chart: Chart, assessment: Assessment) -> Attention:
    """Return what asks for attention in an assessment of this chart."""
    unusable = sorted(chart.unusable, key=lambda item: item.time)
    sources: dict[Place, str] = {
        (u.variable, u.time if u.exact else None): u.source for u in unusable
    }
    sources |= {(r.variable, r.time): r.source for r in chart.readings}
    sources |= {(i.variable, i.time): i.source for i in assessment.inputs if i.time and i.source}
    told = tuple(_told(finding, sources) for finding in _listed(assessment))
    most = MOST if len(told) > MOST + 1 else MOST + 1
    return Attention(assessment.level, told[:most], told[most:], assessment.asked)


def _listed(assessment: Assessment) -> list[Finding]:
    """Return the findings without those that the page tells elsewhere: a note that a part could not
    be read, and the risks, unless one of them alone is what makes it so urgent.
    """
    found = [one for one in assessment.findings if one.kind != "unread" or one.level != INFO]
    others = [one for one in found if one.kind != "risk"]
    alone = gravest(others) != assessment.level
    return [one for one in found if one in others or (alone and one.level == assessment.level)]


def _told(finding: Finding, sources: Mapping[Place, str]) -> Told:
    return Told(
        finding.level,
        finding.kind,
        finding.sentence,
        finding.time,
        sources.get((finding.variable, finding.time)),
        finding.source,
        finding.variable,
    )
