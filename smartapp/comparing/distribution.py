"""Turns the distribution of a validation's risks, and one risk, into a small plot: how many had
which risk, where the bands begin, and where this patient is.

Coordinates are in the units of the SVG's viewBox; the axis is one of log-odds, since most risks are
small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.assess import Risk
from models.certainty import INDETERMINATE
from models.fitted.model import logit
from smartapp.plots.axes import WIDTH, Scale, Tick

LEFT, RIGHT, TOP, BOTTOM = 8, WIDTH - 8, 44, 116
TICKS = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99)
# Ticks nearer than this would touch.
APART = 34
# Nothing is certain, so no end of an interval lies at the end of the axis of log-odds.
LEAST = 1e-5


@dataclass(frozen=True, slots=True)
class Column:
    """Rows with a risk between two others; `below` where all of it is below the patient's."""

    x: float
    y: float
    width: float
    height: float
    below: bool


@dataclass(frozen=True, slots=True)
class Distribution:
    """Columns on an axis of risk; `interval` and `patient` are places on it, `label` where the
    patient's name is written, and from which of its ends.
    """

    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    thresholds: tuple[Tick, ...]
    interval: tuple[float, float] | None
    patient: float
    label: tuple[float, str]
    estimate: bool
    top: float = TOP
    bottom: float = BOTTOM
    left: float = LEFT
    right: float = RIGHT


def distribution(validation: dict[str, Any], risk: Risk) -> Distribution | None:
    """Return the plot of a risk among those of a validation.json; None where that has no
    distribution.
    """
    shares = (validation.get("curves") or {}).get("distribution") or []
    counts = validation.get("counts") or {}
    if not shares or not counts.get("rows"):
        return None
    ends = (shares[0]["from"], shares[-1]["to"], risk.probability)
    x = Scale(_place(min(ends)), _place(max(ends)), LEFT, RIGHT)
    sure, patient = risk.certainty, x(_place(risk.probability))
    return Distribution(
        _columns(shares, counts["events"] / counts["rows"], x, risk.probability),
        _ticks(x),
        tuple(Tick(x(_place(value)), name) for name, value in risk.thresholds.items()),
        (x(_place(sure.low)), x(_place(sure.high))) if sure else None,
        patient,
        _label(patient),
        risk.band == INDETERMINATE,
    )


def _columns(
    shares: Sequence[dict[str, float]], events: float, x: Scale, risk: float
) -> tuple[Column, ...]:
    """Return a column for each step of risk: the file has the shares of those with the outcome and
    of those without, apart.
    """
    rows = [events * one["event"] + (1 - events) * one["no_event"] for one in shares]
    y = Scale(0, max(rows), BOTTOM, TOP)
    found = []
    for one, share in zip(shares, rows, strict=True):
        left, right, top = x(_place(one["from"])), x(_place(one["to"])), y(share)
        width, height = round(max(right - left - 0.8, 0.5), 1), round(BOTTOM - top, 1)
        found.append(Column(left, top, width, height, one["to"] <= risk))
    return tuple(found)


def _ticks(x: Scale) -> tuple[Tick, ...]:
    found: list[Tick] = []
    for value in TICKS:
        at = x(_place(value))
        inside = x.low <= _place(value) <= x.high
        if inside and (not found or at - found[-1].at >= APART):
            found.append(Tick(at, f"{value * 100:g} %"))
    return tuple(found)


def _label(patient: float) -> tuple[float, str]:
    """Return where the patient's name is written so that it stays inside the plot."""
    if patient < 60:
        return LEFT, "start"
    return (RIGHT, "end") if patient > WIDTH - 60 else (patient, "middle")


def _place(risk: float) -> float:
    return logit(min(max(risk, LEAST), 1 - LEAST))
