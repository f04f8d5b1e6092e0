"""Turns training rows into what later patients can be compared with: bins and missing shares of
each input, and how many rows each band alerts.
"""

import numpy as np

from models.patient.features import FEATURED, names
from studies.training.rows import Rows

TENTHS = np.linspace(0.1, 0.9, 9)


def inputs_seen(data: Rows) -> dict[str, dict]:
    """Return by variable the edges between the tenths of its newest value, in the variable's own
    unit, and the share of rows in which it is missing; no edges where it is never known.
    """
    found = {}
    for name in ("age", "sex", *FEATURED):
        values = data.x[:, names().index(name)]
        known = values[~np.isnan(values)]
        edges = np.unique(np.quantile(known, TENTHS)) if len(known) else np.array([])
        found[name] = {
            "edges": [round(float(edge), 4) for edge in edges],
            "missing": round(float(np.isnan(values).mean()), 4),
        }
    return found


def alert_rates(risk: np.ndarray, thresholds: dict[str, float]) -> dict[str, float]:
    """Return the share of rows at or above each threshold."""
    return {name: round(float((risk >= least).mean()), 5) for name, least in thresholds.items()}
