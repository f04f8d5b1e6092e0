"""Turns landmarks into what sparse charts cost, and into what "indeterminate" is worth: AUROC
without parts of the chart, coverage of the intervals, and the error on the rows that get a band.
"""

from collections.abc import Callable

import numpy as np

from studies.validation.calibration import sigmoid
from studies.validation.intervals import Figures
from studies.validation.landmarks import Landmarks
from studies.validation.ranking import Ranked, share


def without(rows: Landmarks) -> Callable[[np.ndarray], Figures]:
    """Return the function that gives the AUROC with all that is charted, and with each part of
    the chart hidden.
    """
    log_odds = {"all": rows.log_odds} | rows.without
    ranked = {part: Ranked(values, rows.event, rows.patient) for part, values in log_odds.items()}

    def weighted(patients: np.ndarray) -> Figures:
        return {part: one.counts(patients).auroc() for part, one in ranked.items()}

    return weighted


def expected(rows: Landmarks) -> Callable[[np.ndarray], Figures]:
    """Return the function that gives observed to expected events with each part of the chart
    hidden: above 1 the risks are too low.
    """
    events = np.bincount(rows.patient, rows.event)
    sums = {
        part: np.bincount(rows.patient, sigmoid(log_odds))
        for part, log_odds in ({"all": rows.log_odds} | rows.without).items()
    }

    def weighted(patients: np.ndarray) -> Figures:
        return {
            part: share(float(patients @ events), float(patients @ risks))
            for part, risks in sums.items()
        }

    return weighted


def certainty_figures(
    rows: Landmarks, thresholds: dict[str, float]
) -> Callable[[np.ndarray], Figures]:
    """Return the function that gives the share of rows without a band, the error with and without
    them, and the intervals' coverage.

    `served` counts as an alert what a card shows as a warning or graver: the medium band, the high
    one, and no band at all.
    """
    whole, answered = (
        Ranked(rows.log_odds[part], rows.event[part], rows.patient[part])
        for part in (slice(None), ~rows.indeterminate)
    )
    sums = {
        name: np.bincount(rows.patient, values)
        for name, values in _counted(rows, thresholds).items()
    }

    def weighted(patients: np.ndarray) -> Figures:
        total = {name: float(patients @ values) for name, values in sums.items()}
        left = total["rows"] - total["kept"]
        found = {
            "indeterminate": share(left, total["rows"]),
            "prevalence_indeterminate": share(total["events"], left),
            "auroc_all": whole.counts(patients).auroc(),
            "auroc_answered": answered.counts(patients).auroc(),
            "brier_all": share(total["error"], total["rows"]),
            "brier_answered": share(total["kept error"], total["kept"]),
            "served_sensitivity": share(total["served events"], total["all events"]),
            "served_ppv": share(total["served events"], total["served"]),
        }
        return found | {
            name: share(held, total["rows"])
            for name, held in total.items()
            if name.startswith("coverage")
        }

    return weighted


def _counted(rows: Landmarks, thresholds: dict[str, float]) -> dict[str, np.ndarray]:
    """Return by name what is summed up over the rows."""
    served = (rows.risk >= thresholds["medium"]) | rows.indeterminate
    error, kept = (rows.risk - rows.event) ** 2, ~rows.indeterminate
    known = {part: held for part, held in rows.within.items() if not np.isnan(held).any()}
    return {
        "rows": np.ones(len(kept)),
        "kept": kept,
        "events": rows.event & ~kept,
        "error": error,
        "kept error": error * kept,
        "served": served,
        "served events": served & rows.event,
        "all events": rows.event,
        **{f"coverage {part}": held for part, held in known.items()},
    }
