"""Turns a chart at a moment into qSOFA (Sepsis-3, 2016) and SIRS (1992), partial where a part is
missing, beside NEWS2.

They are computed on the very rows on which a model is validated, as a Score whose `low` to `high`
is what it could be.
"""

from models.patient.news2 import Part, Score, chart_news2
from models.patient.snapshot import Snapshot

POSITIVE = 2


def criteria(snapshot: Snapshot) -> dict[str, Score]:
    """Return NEWS2, qSOFA and SIRS of what is fresh."""
    return {"news2": chart_news2(snapshot), "qsofa": qsofa(snapshot), "sirs": sirs(snapshot)}


def qsofa(snapshot: Snapshot) -> Score:
    """Return qSOFA: respiration 22 or more, systolic 100 or less, a coma score below 15 (or not
    alert).
    """
    return _score(
        "qSOFA",
        {
            "Respiration": _inside(snapshot.value("respiratory_rate"), 22, 999),
            "Systolic BP": _inside(snapshot.value("systolic"), 0, 100),
            "Mentation": _inside(snapshot.value("gcs"), 0, 14.99),
        },
    )


def sirs(snapshot: Snapshot) -> Score:
    """Return SIRS: temperature above 38 or below 36, heart rate above 90, respiration above 20,
    white cells above 12 or below 4.

    PaCO2 below 32 mmHg gives the respiratory point too, where it was measured: a criterion of its
    own, it is not missed where respiration is known. Immature white cells are not read.
    """
    rate, gas = snapshot.value("respiratory_rate"), snapshot.value("paco2")
    known = [
        value
        for value in (None if rate is None else rate > 20, None if gas is None else gas < 32)
        if value is not None
    ]
    breathing = 1 if any(known) else None if rate is None else 0
    return _score(
        "SIRS",
        {
            "Temperature": _outside(snapshot.value("temperature"), 36, 38),
            "Pulse": _outside(snapshot.value("heart_rate"), 0, 90),
            "Respiration or PaCO2": breathing,
            "White cells": _outside(snapshot.value("wbc"), 4, 12),
        },
    )


def _inside(value: float | None, low: float, high: float) -> int | None:
    return None if value is None else int(low <= value <= high)


def _outside(value: float | None, low: float, high: float) -> int | None:
    return None if value is None else int(not low <= value <= high)


def _score(name: str, points: dict[str, int | None]) -> Score:
    parts = tuple(
        Part(
            label.lower(),
            label,
            got,
            None if got is None else str(got),
            got or 0,
            int(got is None or got),
        )
        for label, got in points.items()
    )
    missing = tuple(part.label for part in parts if part.points is None)
    low = sum(part.points or 0 for part in parts)
    band = "high" if low >= POSITIVE else "low" if low + len(missing) < POSITIVE else "unknown"
    return Score(name, None if missing else low, low, low + len(missing), parts, missing, band)
