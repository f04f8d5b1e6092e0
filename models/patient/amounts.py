"""Turns amounts over periods into how much came in an hour.

An amount without a period was gathered since the amount before it. Where that is longer ago than a
night, nobody knows since when, and it does not count: the first bag that is emptied after admission
holds what came before. Amounts of one period add up. Every moment counts once, by the shortest
amount that covers it, so that a total of a day adds only what none of its parts covers.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta

from models.patient.chart import Reading

GATHERED = timedelta(hours=8)
# Less of a window than this share says nothing of the rest.
LEAST_COVERED = 0.5
HOUR = timedelta(hours=1)
Periods = dict[tuple[datetime, datetime], float]


def per_hour(readings: Sequence[Reading], start: datetime, at: datetime) -> float | None:
    """Return how much came in an hour from `start` until `at`; `readings` are all that were charted
    by then and not longer than GATHERED before `start`, oldest first.

    Missing: None where the amounts cover less than half of that time.
    """
    found = {span: amount for span, amount in _periods(readings).items() if span[1] > start}
    edges = sorted({max(edge, start) for span in found for edge in span})
    place = {edge: number for number, edge in enumerate(edges)}
    rates: list[float | None] = [None] * max(len(edges) - 1, 0)
    for first, last in sorted(found, key=lambda span: (span[1] - span[0], span), reverse=True):
        begin, end = place[max(first, start)], place[last]
        rates[begin:end] = [found[first, last] * (HOUR / (last - first))] * (end - begin)
    covered = amount = 0.0
    for rate, first, last in zip(rates, edges, edges[1:], strict=False):
        if rate is not None:
            covered += (last - first) / HOUR
            amount += rate * ((last - first) / HOUR)
    return amount / covered if covered >= LEAST_COVERED * ((at - start) / HOUR) else None


def _periods(readings: Sequence[Reading]) -> Periods:
    """Return the amounts by the period in which each came, without those of which nobody knows."""
    times = sorted({reading.time for reading in readings})
    found: Periods = {}
    for reading in readings:
        before = bisect_left(times, reading.time) - 1
        if reading.hours:
            first = reading.time - reading.hours * HOUR
        elif before >= 0 and reading.time - times[before] <= GATHERED:
            first = times[before]
        else:
            continue
        found[first, reading.time] = found.get((first, reading.time), 0.0) + reading.value
    return found
