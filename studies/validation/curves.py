"""Turns landmarks into the points of the plots: calibration, precision and recall, and the
distribution of the risk by outcome.
"""

import numpy as np

from studies.validation.calibration import Cells, sigmoid
from studies.validation.intervals import number
from studies.validation.landmarks import Landmarks
from studies.validation.ranking import Ranked

POINTS = 80
BINS = 30


def curves(rows: Landmarks) -> dict:
    """Return all points by plot; each is a list of small objects, so that a report can show them
    as a table too.
    """
    return {
        "calibration": _calibration(rows),
        "tenths": tenths(rows),
        "precision_recall": _precision_recall(rows),
        "distribution": distribution(rows),
    }


def _calibration(rows: Landmarks) -> list[dict]:
    predicted, observed = Cells(rows.log_odds, rows.event, rows.patient).curve(
        np.ones(rows.patient.max() + 1)
    )
    if np.isnan(observed).any():
        return []
    return [
        {"predicted": number(predicted[i]), "observed": number(observed[i])}
        for i in _some(len(predicted))
    ]


def tenths(rows: Landmarks) -> list[dict]:
    """Return mean predicted and observed risk of each tenth of the rows, by rising risk."""
    risk, event, order = rows.risk, rows.event, np.argsort(rows.log_odds, kind="stable")
    parts = [part for part in np.array_split(order, 10) if len(part)]
    return [
        {
            "rows": len(p),
            "events": int(event[p].sum()),
            "predicted": number(risk[p].mean()),
            "observed": number(event[p].mean()),
        }
        for p in parts
    ]


def _precision_recall(rows: Landmarks) -> dict[str, list[dict]]:
    found = {}
    for name, score in {"model": rows.risk, "news2": rows.low["news2"]}.items():
        counts = Ranked(score, rows.event).counts(np.ones(len(rows.event)))
        recall, precision = (
            counts.hits / max(counts.events, 1),
            counts.hits / (counts.hits + counts.alarms),
        )
        # Equal steps of recall show the curve better than equal steps of rank.
        places = np.unique(
            np.searchsorted(recall, np.linspace(0.01, 1, POINTS)).clip(0, len(recall) - 1)
        )
        found[name] = [
            {"recall": number(recall[i]), "precision": number(precision[i])} for i in places
        ]
    return found


def distribution(rows: Landmarks) -> list[dict]:
    """Return the share of rows with and without the event in equal steps of log-odds, from the
    lowest to the highest risk.
    """
    low, high = (float(v) for v in np.quantile(rows.log_odds, (0.001, 0.999)))
    edges = np.linspace(low, max(high, low + 0.1), BINS + 1)
    inside = np.clip(rows.log_odds, edges[0], edges[-1])
    shares = [
        np.histogram(inside[chosen], edges)[0] / max(chosen.sum(), 1)
        for chosen in (rows.event, ~rows.event)
    ]
    risks = sigmoid(edges)
    return [
        {
            "from": number(risks[i]),
            "to": number(risks[i + 1]),
            "event": number(shares[0][i]),
            "no_event": number(shares[1][i]),
        }
        for i in range(BINS)
    ]


def _some(count: int) -> np.ndarray:
    """Return evenly spread places, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(int))
