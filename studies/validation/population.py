"""Turns landmarks into what the app compares one patient with: where a risk stands among all rows
and among the patients, and the events of those with a like risk, also by what their charts lacked.

Rows of one patient are not independent. So each count goes with its `effective` size, what it is
worth if all rows of a patient say the same: (sum of w)^2 / sum of w^2, w being the rows of each
(Kish, Survey Sampling, 1965). An interval made with it is rather too wide than too narrow.
"""

from typing import Any

import numpy as np

from studies.validation.intervals import number
from studies.validation.landmarks import Landmarks

# Shares of the rows at which a bin ends: twentieths, and finer where risks are high and far apart.
ENDS = (*(n / 20 for n in range(20)), 0.975, 0.99, 0.995, 0.998, 0.999, 1.0)
# Patients that a bin holds at least; one with fewer is joined to that below.
ENOUGH = 30
# Shares of the model's evidence from which a chart lacks some of it, and most of it. Below the
# first nothing is said of what is missing (models.certainty.SPARSE).
LACKING = (0.2, 0.5)


def population(rows: Landmarks, setting: str | None) -> dict[str, Any]:
    """Return the population of a validation in counts; `setting` is where it lay, None if unknown.

    A bin holds the risks from its `from` up to its `to`, the last one its `to` as well; `lacking`
    holds its rows again by the limits of the same name, nothing where the model tells none.
    """
    edges = _edges(rows)
    place = np.clip(np.searchsorted(edges, rows.risk, side="right") - 1, 0, len(edges) - 2)
    told = not np.isnan(rows.lacking).any()
    return {
        "setting": setting,
        "percentiles": _percentiles(rows.risk),
        "highest": _percentiles(rows.highest().risk),
        "lacking": list(LACKING) if told else [],
        "bins": [
            {"from": edges[n], "to": edges[n + 1], **_counted(rows, place == n)}
            | {"lacking": _by_lacking(rows, place == n) if told else []}
            for n in range(len(edges) - 1)
        ],
    }


def _edges(rows: Landmarks) -> list[float]:
    """Return where bins begin and end, as they are written: each holds enough patients, or there is
    one for all.
    """
    risk = rows.risk
    edges = sorted({number(value) or 0.0 for value in np.quantile(risk, ENDS)})
    for edge in reversed(edges[1:-1]):
        above = edges[edges.index(edge) + 1]
        # Risks at the upper end of the last bin are in it.
        inside = (risk >= edge) & ((risk < above) | (above == edges[-1]))
        if len(np.unique(rows.patient[inside])) < ENOUGH:
            edges.remove(edge)
    return edges if len(edges) > 1 else edges * 2


def _percentiles(risk: np.ndarray) -> list[float | None]:
    return [number(value) for value in np.quantile(risk, np.linspace(0, 1, 101))]


def _by_lacking(rows: Landmarks, chosen: np.ndarray) -> list[dict[str, Any]]:
    grade = np.searchsorted(LACKING, rows.lacking, side="right")
    return [_counted(rows, chosen & (grade == n)) for n in range(len(LACKING) + 1)]


def _counted(rows: Landmarks, chosen: np.ndarray) -> dict[str, Any]:
    each = np.bincount(rows.patient[chosen])
    each = each[each > 0].astype(float)
    return {
        "rows": int(chosen.sum()),
        "events": int(rows.event[chosen].sum()),
        "patients": len(each),
        "effective": number(each.sum() ** 2 / (each**2).sum()) if len(each) else 0.0,
        "risk": number(rows.risk[chosen].mean()) if len(each) else 0.0,
    }
