"""Turns landmarks into results by group: sex, age band, unit and every other column, and pairs of
them.

A group under 20 stays with the event is "not estimable". One threshold gives groups of different
prevalence different sensitivities, even where it ranks them alike. So groups are compared where the
same share of their rows is alerted.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from studies.validation.alerts import alarms, burden
from studies.validation.figures import figures
from studies.validation.intervals import Figures, with_intervals
from studies.validation.landmarks import Landmarks
from studies.validation.ranking import Ranked, share

LEAST_EVENTS = 20
EQUAL_ALERTS = ("equal_alert_sensitivity", "equal_alert_gap")
# There are many pairs, and their intervals are wide: fewer draws say so as well.
PAIR_DRAWS = 200


def by_group(rows: Landmarks, thresholds: dict[str, float], every: int, draws: int) -> list[dict]:
    """Return a line a group; `events` counts stays with the event, and `figures` is empty when
    they are under LEAST_EVENTS.
    """
    lines = _lines(rows, rows.groups, thresholds, every, draws)
    judged = {
        (line["column"], line["value"]): rows.groups[line["column"]] == line["value"]
        for line in lines
        if line["estimable"]
    }
    if not judged:
        return lines
    alike = with_intervals(
        equal_alerts(rows, judged, thresholds["medium"]), rows.patient.max() + 1, draws
    )
    for line in lines:
        if line["estimable"]:
            name = f"{line['column']}={line['value']}"
            line["figures"] |= {figure: alike[f"{name} {figure}"] for figure in EQUAL_ALERTS}
    return lines


def equal_alerts(
    rows: Landmarks, chosen: dict[tuple[str, str], np.ndarray], threshold: float
) -> Callable[[np.ndarray], Figures]:
    """Return the function that gives each group's sensitivity where as large a share of its rows
    is alerted as of all rows at `threshold`, and by how much all rows exceed it.

    Whole and group are of the same draw, so that the gap has its own interval.
    """
    whole = Ranked(rows.log_odds, rows.event, rows.patient)
    groups = {
        f"{column}={value}": Ranked(rows.log_odds[own], rows.event[own], rows.patient[own])
        for (column, value), own in chosen.items()
    }
    limit = np.log(threshold) - np.log1p(-threshold)

    def weighted(patients: np.ndarray) -> Figures:
        counts = whole.counts(patients)
        found: Figures = {}
        hits, alarms = counts.at(limit)
        alerted = share(hits + alarms, counts.events + counts.others)
        for name, ranked in groups.items():
            own = ranked.counts(patients).sensitivity_at_share(alerted)
            gap = share(hits, counts.events) - own
            found |= dict(zip((f"{name} {f}" for f in EQUAL_ALERTS), (own, gap), strict=True))
        return found

    return weighted


def by_pair(rows: Landmarks, thresholds: dict[str, float], every: int, draws: int) -> list[dict]:
    """Return the same for all pairs of columns, such as "age band and sex", with PAIR_DRAWS
    draws at the most.
    """
    pairs = {
        f"{one} and {other}": np.array(
            [f"{a}, {b}" for a, b in zip(rows.groups[one], rows.groups[other], strict=True)], object
        )
        for one, other in combinations(sorted(rows.groups), 2)
    }
    return _lines(rows, pairs, thresholds, every, min(draws, PAIR_DRAWS))


def _lines(
    rows: Landmarks,
    columns: dict[str, np.ndarray],
    thresholds: dict[str, float],
    every: int,
    draws: int,
) -> list[dict]:
    return [
        {"column": column, "value": value}
        | _group(rows.of(values == value), thresholds, every, draws)
        for column, values in sorted(columns.items())
        for value in sorted(set(values.tolist()))
    ]


def _group(group: Landmarks, thresholds: dict[str, float], every: int, draws: int) -> dict:
    stays = group.highest()
    events = int(stays.event.sum())
    counts = {
        "rows": len(group.event),
        "event_rows": int(group.event.sum()),
        "stays": len(stays.event),
        "events": events,
    }
    if events < LEAST_EVENTS:
        return counts | {"estimable": False, "figures": {}}
    own = figures(group, thresholds)
    alerting = burden(group, every, alarms(group, thresholds))

    def both(patients: np.ndarray) -> Figures:
        return own(patients) | alerting(patients)

    return counts | {
        "estimable": True,
        "figures": with_intervals(both, group.patient.max() + 1, draws),
    }
