"""Turns landmarks into results by group: sex, age band, unit and every other column; under 20 events "not estimable"."""

import numpy as np

from models.offline.validation.alerts import alarms, burden
from models.offline.validation.figures import figures
from models.offline.validation.intervals import Figures, with_intervals
from models.offline.validation.landmarks import Landmarks

LEAST_EVENTS = 20


def by_group(rows: Landmarks, thresholds: dict[str, float], every: int, draws: int) -> list[dict]:
    """Return a line a group; `events` counts stays with the event, and `figures` is empty when they are under LEAST_EVENTS."""
    found = []
    for column, values in sorted(rows.groups.items()):
        for value in sorted(set(values.tolist())):
            group = rows.of(values == value)
            found.append({"column": column, "value": value} | _group(group, thresholds, every, draws))
    return found


def _group(group: Landmarks, thresholds: dict[str, float], every: int, draws: int) -> dict:
    stays = group.highest()
    events = int(stays.event.sum())
    counts = {"rows": len(group.event), "event_rows": int(group.event.sum()), "stays": len(stays.event), "events": events}
    if events < LEAST_EVENTS:
        return counts | {"estimable": False, "figures": {}}
    own = figures(group, thresholds)
    alerting = burden(group, every, alarms(group, thresholds))

    def both(patients: np.ndarray) -> Figures:
        return own(patients) | alerting(patients)

    return counts | {"estimable": True, "figures": with_intervals(both, group.patient.max() + 1, draws)}
