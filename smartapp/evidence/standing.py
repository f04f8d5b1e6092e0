"""Tells where a value that was read stands in an assessment: the one that counts now, an earlier
one, or one beside which a graver one counts.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from models.assess import Assessment
from models.patient.chart import Chart, Reading, Unusable
from models.patient.inputs import NOT_IN_MODEL, Input
from models.patient.printing import display
from models.patient.series import SPOKEN_BY, series
from models.patient.vocabulary import VARIABLES
from smartapp.evidence.kept import READ, UNUSABLE, Value

STALE = "stale"


class Place(NamedTuple):
    """Where a value stands, in words; `counts` names the variables whose newest word it is."""

    words: str
    counts: tuple[str, ...] = ()


class Standing:
    """Where the values of what was read `now` stand in the assessment of the chart that is `seen`,
    which is the card's where the page explains a card.
    """

    def __init__(self, now: Chart, seen: Chart, assessment: Assessment) -> None:
        self._now, self._scored = now, assessment.lead is not None
        self._inputs: dict[tuple[str, str], list[Input]] = defaultdict(list)
        for item in assessment.inputs:
            if item.source:
                source = item.source.partition(" (")[0]
                made = source != item.source or item.state == UNUSABLE
                # What a value was made of counts as the newest word, too.
                names = SPOKEN_BY.get(item.variable, ()) if made else ()
                for name in (item.variable, *names):
                    self._inputs[name, source].append(item)
        self._at = assessment.at
        self._seen: dict[tuple[object, ...], set[datetime]] = defaultdict(set)
        for held in _items(seen):
            self._seen[key(held, self._at)].add(held.time)
        kept = series(seen)
        self._counted = {r[:4] for _, readings in kept.by_variable.values() for r in readings}
        self._since = {v.name: kept.since[v.group] for v in VARIABLES.values()}

    def of(self, value: Value) -> Place:
        """Return where a value stands that was read, or that can't be used."""
        items = self._now.readings if value.fate == READ else self._now.unusable
        if value.place is None or value.place >= len(items):
            return Place("")
        item = items[value.place]
        times = self._seen.get(key(item, self._at))
        if times is None:
            return Place("not in the chart of the card")
        # What has no exact time stands in the card's chart at another moment than in that of now.
        time = min(item.time, self._at)
        times = {time} if time in times else times
        named = self._inputs.get((item.variable, item.source), ())
        inputs = [one for one in named if one.time in times and _is(one, item)]
        if inputs:
            return Place(self._said(inputs, item), tuple(one.variable for one in inputs))
        if isinstance(item, Unusable) or item[:4] in self._counted:
            return Place("")
        since = self._since[item.variable]
        if since is None or item.time < since:
            return Place("older than what could be read without a gap, not used")
        return Place("a graver value beside it counts")

    def read_as(self, value: Value) -> str:
        """Return a value that was read with its variable's digits and unit, where the chart writes
        another number, a word or nothing.
        """
        if value.fate != READ or value.place is None:
            return ""
        reading = self._now.readings[value.place]
        text = display(VARIABLES[reading.variable], reading.value)
        same = value.written and not reading.written and reading.variable != "acvpu"
        return "" if same or text.casefold() == value.written.casefold() else text

    def _said(self, inputs: Sequence[Input], item: Reading | Unusable) -> str:
        """Return how a value counts, and for which other variables it does the same."""
        found: dict[str, list[str]] = {}
        for one in inputs:
            found.setdefault(self._words(one), []).append(one.label)
        own = VARIABLES[item.variable].label
        said = []
        for words, labels in found.items():
            others = ", ".join(label for label in labels if label != own)
            also = "also for" if own in labels else "for"
            said.append(f"{words} ({also} {others})" if others else words)
        return "; ".join(said)

    def _words(self, one: Input) -> str:
        if one.state == UNUSABLE:
            return "newest word, so unknown now"
        if one.state == STALE:
            return "newest, too old"
        if not self._scored:
            return "newest"
        return "newest, not in the model" if one.state == NOT_IN_MODEL else "used by the model"


def keys(chart: Chart, latest: datetime) -> set[tuple[object, ...]]:
    """Return what makes each value of a chart the same one in another."""
    return {key(item, latest) for item in _items(chart)}


def _items(chart: Chart) -> list[Reading | Unusable]:
    return [*chart.readings, *chart.unusable]


def key(item: Reading | Unusable, latest: datetime) -> tuple[object, ...]:
    """Return what makes two values of charts the same one; what is later than `latest` stands at
    the moment of reading, as what has no exact time does.
    """
    if isinstance(item, Reading):
        return item.variable, item.source, min(item.time, latest), item.value
    return item.variable, item.source, item.reason, item.written


def _is(one: Input, item: Reading | Unusable) -> bool:
    """Tell whether an input of its moment is this very value, not another one of its
    Observation.
    """
    if isinstance(item, Unusable):
        return one.state == UNUSABLE and one.display.endswith(item.written)
    if one.variable != item.variable:
        return one.state != UNUSABLE
    return one.value == item.value and one.state != UNUSABLE
