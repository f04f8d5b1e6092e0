"""What the reader of a page may ask of the cards, to hold them back for a while: the page offers
it, delivery keeps to it, and neither knows the other.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from models.assess import Assessment
from runtime.settings import Ehr

# Writes what will be done before it is done. Raises AuditError.
Record = Callable[[dict[str, Any]], None]


class Reader(NamedTuple):
    """Who asks about which patient: `user` is a FHIR reference as calls of hooks name people.

    `shown_to` is the user of the card behind the page, None where there is none; `control` is a
    trial's control arm, in which the models add nothing.
    """

    ehr: Ehr
    user: str
    patient: str
    encounter: str | None = None
    shown_to: str | None = None
    control: bool = False


class Offer(NamedTuple):
    """A reason for which cards can be held back, by its code: for the reader or for `everybody`,
    and for how many hours at the longest; of a `stay` it ends with that.
    """

    code: str
    display: str
    everybody: bool
    hours: float
    stay: bool


class Held(NamedTuple):
    """Cards that are held back for the reason of that code, until `until` (aware UTC) at the
    longest; of a `stay` they come again after that.
    """

    code: str
    display: str
    everybody: bool
    until: datetime
    stay: bool


class Quiet(Protocol):
    """What delivery does for a page."""

    def offers(self, who: Reader) -> tuple[Offer, ...]:
        """Return what the policy of the reader's EHR lets them ask for."""

    def held(self, who: Reader, newest: datetime | None) -> tuple[Held, ...] | None:
        """Return what is held back now, where `newest` is the time of the chart's newest value;
        None where it can't be told.
        """

    def hold(self, who: Reader, code: str, found: Assessment, record: Record) -> datetime | None:
        """Hold cards back that say no more than what was found; return until when, or None where
        that could not be kept. Raises KeyError for a code that is not offered.
        """

    def end(self, who: Reader, code: str, record: Record) -> bool:
        """Show cards again that were held back for a reason; tell whether that could be kept.
        Raises KeyError for a code that is not known.
        """
