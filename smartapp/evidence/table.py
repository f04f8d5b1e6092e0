"""Turns the evidence of a sight, and what is asked for of it, into the rows of a page."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from models.assess import Assessment
from models.patient.chart import Reading, Unusable
from models.patient.printing import both_units
from models.patient.vocabulary import VARIABLES, coded
from models.reading.reader import REASONS
from smartapp.evidence.asked import COUNTS, OTHER, UNUSED, Asked
from smartapp.evidence.kept import LEFT, READ, UNUSABLE, Coded, Evidence, Observed, Value
from smartapp.evidence.standing import Place, Standing, key, keys
from smartapp.sight import Sight

PAGE = 50
SYSTEMS = {"loinc": "LOINC", "snomed": "SNOMED CT", "ucum": "UCUM"}


class Line(NamedTuple):
    """A value of an Observation: as it is charted, and what became of it in words.

    `known` is what Vigil calls it, "" where it reads no such thing, `read_as` what it reads where
    the chart writes that otherwise. `twin` is the number of the Observation of which it is a
    duplicate, `first` names the variables whose newest word it is.
    """

    label: str
    codes: tuple[tuple[str, Coded], ...]
    value: Value
    known: str
    read_as: str
    words: str
    place: Place
    twin: int | None
    first: tuple[str, ...]


class Row(NamedTuple):
    """An Observation with its number in the whole list, from 1, and its values."""

    number: int
    observed: Observed
    lines: tuple[Line, ...]


class Lost(NamedTuple):
    """A value of the card's chart that was not found again; `number` is the Observation of its id,
    if that was read.
    """

    label: str
    written: str
    item: Reading | Unusable
    number: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """One page of what was asked for: `found` Observations of `total`, and what can be asked for,
    each with how many there are.
    """

    rows: tuple[Row, ...]
    found: int
    total: int
    page: int
    pages: int
    variables: dict[str, tuple[str, int]]
    reasons: dict[str, tuple[str, int]]
    fates: dict[str, int]
    lost: tuple[Lost, ...]


def table(sight: Sight, evidence: Evidence, assessment: Assessment, asked: Asked) -> Table:
    """Return the rows that are asked for; `assessment` is that of the chart that is seen."""
    rows = _rows(sight, evidence, Standing(sight.now.chart, sight.seen.chart, assessment))
    lines = [line for row in rows for line in row.lines]
    found = [row for row in rows if _wanted(row, asked, sight)]
    pages = max(-(-len(found) // PAGE), 1)
    page = min(max(asked.page, 1), pages)
    fates = Counter(line.value.fate for line in lines)
    return Table(
        tuple(found[(page - 1) * PAGE : page * PAGE]),
        len(found),
        len(rows),
        page,
        pages,
        _variables(lines),
        _reasons(lines),
        dict(fates),
        _lost(sight, rows),
    )


def _rows(sight: Sight, evidence: Evidence, standing: Standing) -> list[Row]:
    readings = {
        line.place: n
        for n, row in enumerate(evidence.rows, 1)
        for line in row.values
        if line.fate == READ
    }
    named: set[str] = set()
    return [
        Row(n, row, tuple(_line(row, value, standing, readings, named) for value in row.values))
        for n, row in enumerate(evidence.rows, 1)
    ]


def _line(
    row: Observed,
    value: Value,
    standing: Standing,
    readings: dict[int | None, int],
    named: set[str],
) -> Line:
    variable = VARIABLES.get(value.variable)
    read = value.fate in (READ, UNUSABLE)
    place = standing.of(value) if read else Place("")
    why = REASONS.get(value.reason, value.reason)
    words = {READ: "read", UNUSABLE: f"can't be used: {why}", LEFT: f"left out: {why}"}
    first = tuple(name for name in place.counts if name not in named)
    named.update(first)
    codes = value.codes if value.label else row.codes
    return Line(
        value.label or row.label,
        tuple((SYSTEMS.get(coded(one.system) or "", one.system), one) for one in codes),
        value,
        variable.label if variable else "",
        standing.read_as(value),
        words.get(value.fate, why),
        place,
        readings.get(value.place) if value.reason == "duplicate" else None,
        first,
    )


def _wanted(row: Row, asked: Asked, sight: Sight) -> bool:
    at = sight.seen.at
    return asked.in_time(row.observed, at) and any(_fits(line, asked) for line in row.lines)


def _fits(line: Line, asked: Asked) -> bool:
    value = line.value
    if asked.variable and value.variable not in asked.kin:
        return False
    if asked.reason and value.reason != asked.reason:
        return False
    if asked.state == COUNTS:
        return bool(line.place.counts)
    if asked.state == UNUSED:
        return value.fate in (UNUSABLE, LEFT)
    return asked.state in ("", value.fate)


def _variables(lines: Iterable[Line]) -> dict[str, tuple[str, int]]:
    """Return label and number of values of each variable there is, by its label."""
    counts = Counter(line.value.variable for line in lines)
    names = sorted((VARIABLES[name].label, name) for name in counts if name)
    found = {name: (label, counts[name]) for label, name in names}
    return found | ({OTHER: ("not read by Vigil", counts[""])} if counts[""] else {})


def _reasons(lines: Iterable[Line]) -> dict[str, tuple[str, int]]:
    """Return words and number of values of each reason there is, the most frequent first."""
    counts = Counter(line.value.reason for line in lines if line.value.reason)
    return {word: (REASONS.get(word, word), number) for word, number in counts.most_common()}


def _lost(sight: Sight, rows: Iterable[Row]) -> tuple[Lost, ...]:
    """Return what the chart that is seen holds and that of now does not."""
    now, seen = sight.now.chart, sight.seen.chart
    if seen is now:
        return ()
    at = sight.seen.at
    here = keys(now, at)
    numbers = {f"Observation/{row.observed.id}": row.number for row in rows}
    held: list[Reading | Unusable] = [*seen.readings, *seen.unusable]
    items = [item for item in held if key(item, at) not in here]
    items.sort(key=lambda item: item.time, reverse=True)
    return tuple(
        Lost(
            VARIABLES[item.variable].label,
            both_units(item) if isinstance(item, Reading) else item.written,
            item,
            numbers.get(item.source),
        )
        for item in items
    )
