"""Turns landmarks into results by group: sex, age band, unit and every other column, and pairs of
them.

A group under 20 stays with the event is "not estimable".
"""

from itertools import combinations

import numpy as np

from studies.validation.alerts import alarms, burden
from studies.validation.figures import figures
from studies.validation.intervals import Figures, with_intervals
from studies.validation.landmarks import Landmarks

LEAST_EVENTS = 20
# There are many pairs, and their intervals are wide: fewer draws say so as well.
PAIR_DRAWS = 200


def by_group(rows: Landmarks, thresholds: dict[str, float], every: int, draws: int) -> list[dict]:
    """Return a line a group; `events` counts stays with the event, and `figures` is empty when
    they are under LEAST_EVENTS.
    """
    return _lines(rows, rows.groups, thresholds, every, draws)


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
