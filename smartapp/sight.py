"""What a page of a session last showed, so that all its parts speak of the same chart."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from models.patient.chart import Chart
from smartapp.record import Person


class ChartAt(msgspec.Struct, frozen=True):
    """A chart, the moment (aware UTC) for which it is assessed, and how late a set may come."""

    chart: Chart
    at: datetime
    overdue_factor: float

    def before(self, span: timedelta) -> "ChartAt":
        """Return the same at an earlier moment: nothing that was taken later decides what of a
        minute or a set of observations counts then.
        """
        at = self.at - span
        return ChartAt(self.chart.until(at), at, self.overdue_factor)


class Sight(msgspec.Struct, frozen=True):
    """The chart of now and that of the card, where the page was opened from one; `shown` says which
    of them the page explains.

    `question` is what the card was asked. Where the models' estimate is `withheld` (a trial's
    control arm), no part may show it. `evidence` is JSON of smartapp.evidence.kept.Evidence, of the
    chart of now, which only its own part decodes.
    """

    person: Person
    now: ChartAt
    card: ChartAt | None = None
    shown: Literal["now", "card"] = "now"
    question: str = ""
    withheld: bool = False
    evidence: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def seen(self) -> ChartAt:
        """Return what the page explains."""
        return self.card if self.card and self.shown == "card" else self.now
