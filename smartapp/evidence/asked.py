"""Turns an address's query into what of the evidence is asked for; what it does not know asks for
everything.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from models.patient.series import SISTERS, SPOKEN_BY
from models.patient.vocabulary import VARIABLES
from models.reading.reader import REASONS
from smartapp.evidence.kept import LEFT, READ, UNUSABLE, Observed

# What asks for no variable of ours.
OTHER = "other"
COUNTS, UNUSED = "counts", "unused"
STATES = {
    COUNTS: "what counts now",
    READ: "read",
    UNUSED: "not used",
    UNUSABLE: "can't be used, makes unknown",
    LEFT: "left out",
}
RANGES = {"12": "last 12 hours", "48": "last 48 hours", "168": "last 7 days"}


class Asked(NamedTuple):
    """What is asked for: a variable, or OTHER; one of STATES; a word of REASONS; the hours of
    RANGES; "" is everything. `page` counts from 1.
    """

    variable: str
    state: str
    reason: str
    hours: str
    page: int

    @property
    def kin(self) -> frozenset[str]:
        """Return the variables that speak of the one asked for: it, and its sisters."""
        names = {self.variable, SISTERS.get(self.variable, ""), *SPOKEN_BY.get(self.variable, ())}
        return frozenset(names - {"", OTHER}) or frozenset({""})

    def query(self, **more: str) -> dict[str, str]:
        """Return the query that asks for the same, and `more`; what is "" is left away."""
        found = {name: value for name, value in self._asdict().items() if name != "page"} | more
        return {name: value for name, value in found.items() if value}

    def in_time(self, row: Observed, at: datetime) -> bool:
        """Tell whether an Observation lies in the time asked for; one without a time always
        does.
        """
        if not self.hours or row.latest is None:
            return True
        return row.latest >= at - timedelta(hours=int(self.hours))


def asked(query: Mapping[str, str]) -> Asked:
    """Return what a query asks for."""
    page = query.get("page", "")
    return Asked(
        _known(query.get("variable", ""), {**VARIABLES, OTHER: None}),
        _known(query.get("state", ""), STATES),
        _known(query.get("reason", ""), REASONS),
        _known(query.get("hours", ""), RANGES),
        int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 5 else 1,
    )


def _known(word: str, words: Mapping[str, object]) -> str:
    return word if word in words else ""
