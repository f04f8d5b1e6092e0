"""Turns landmarks into the figures of governance part 3: discrimination, calibration, working
points, net benefit, side by side.
"""

from collections.abc import Callable

import numpy as np

from studies.validation.calibration import Cells
from studies.validation.intervals import Figures
from studies.validation.landmarks import CRITERIA, Landmarks
from studies.validation.ranking import Counts, Ranked, Tallied, net_benefit, share, working

# What each criterion is called positive at.
POSITIVE = {
    "news2_5": ("news2", 5),
    "news2_7": ("news2", 7),
    "qsofa_2": ("qsofa", 2),
    "sirs_2": ("sirs", 2),
}
RISKS = tuple(n / 100 for n in range(1, 31))


def figures(
    rows: Landmarks, thresholds: dict[str, float], calibrated: bool = True
) -> Callable[[np.ndarray], Figures]:
    """Return the function that gives all figures of the rows for a weight of each patient.

    `calibrated` is False for the highest risks of stays, which are no probabilities of anything.
    """
    ranked = Ranked(rows.risk, rows.event, rows.patient)
    criteria = {name: Tallied(rows.low[name], rows.event, rows.patient) for name in CRITERIA}
    cells = Cells(rows.log_odds, rows.event, rows.patient) if calibrated else None
    squares = np.bincount(rows.patient, (rows.risk - rows.event) ** 2)

    def weighted(patients: np.ndarray) -> Figures:
        own, others = (
            ranked.counts(patients),
            {name: tally.counts(patients) for name, tally in criteria.items()},
        )
        found = _discrimination(own, others)
        if cells:
            found |= (
                _brier(own, float(np.dot(squares, patients)))
                | cells.figures(patients)
                | _benefits(own, thresholds)
            )
        return found | _working(own, others, thresholds) | _matched(own, others["news2"])

    return weighted


def _discrimination(own: Counts, others: dict[str, Counts]) -> Figures:
    found = {
        "prevalence": share(own.events, own.events + own.others),
        "auroc": own.auroc(),
        "auprc": own.auprc(),
    }
    for name, counts in others.items():
        area = counts.auroc()
        found |= {
            f"{name}_auroc": area,
            f"{name}_auprc": counts.auprc(),
            f"auroc_minus_{name}": found["auroc"] - area,
        }
    return found


def _brier(own: Counts, squares: float) -> Figures:
    score, prevalence = (
        share(squares, own.events + own.others),
        share(own.events, own.events + own.others),
    )
    return {"brier": score, "brier_scaled": 1 - share(score, prevalence * (1 - prevalence))}


def _working(own: Counts, others: dict[str, Counts], thresholds: dict[str, float]) -> Figures:
    points = {name: working(own, threshold) for name, threshold in thresholds.items()}
    points |= {
        name: working(others[criterion], threshold)
        for name, (criterion, threshold) in POSITIVE.items()
    }
    return {
        f"{name}_{figure}": value
        for name, point in points.items()
        for figure, value in point.items()
    }


def _benefits(own: Counts, thresholds: dict[str, float]) -> Figures:
    return {
        f"{name}_net_benefit": net_benefit(own, threshold, threshold)
        for name, threshold in thresholds.items()
    }


def _matched(own: Counts, news2: Counts) -> Figures:
    """Return the model at the sensitivity of NEWS2 of 5 or more, and at the specificity of NEWS2
    of 7 or more.
    """
    thresholds = {
        "at_news2_5_sensitivity": own.at_sensitivity(working(news2, 5)["sensitivity"]),
        "at_news2_7_specificity": own.at_specificity(working(news2, 7)["specificity"]),
    }
    found = {f"{name}_threshold": threshold for name, threshold in thresholds.items()}
    for name, threshold in thresholds.items():
        found |= {f"{name}_{figure}": value for figure, value in working(own, threshold).items()}
    return found


def benefit(rows: Landmarks) -> Callable[[np.ndarray], Figures]:
    """Return the function that gives the net benefit of the model, of treat-all and of NEWS2 at
    each risk from 1 to 30 %.
    """
    # Only whether a risk reaches each of RISKS matters, so that it has no more values than these.
    reached = np.searchsorted(RISKS, rows.risk, side="right")
    model, news2 = (
        Tallied(reached, rows.event, rows.patient),
        Tallied(rows.low["news2"], rows.event, rows.patient),
    )

    def weighted(patients: np.ndarray) -> Figures:
        own, other = model.counts(patients), news2.counts(patients)
        found: Figures = {}
        for place, risk in enumerate(RISKS, 1):
            found |= {
                f"model {risk}": net_benefit(own, place, risk),
                f"treat_all {risk}": net_benefit(own, -np.inf, risk),
            }
            found |= {
                f"news2_5 {risk}": net_benefit(other, 5, risk),
                f"news2_7 {risk}": net_benefit(other, 7, risk),
            }
        return found

    return weighted


def benefit_curve(found: dict[str, dict]) -> list[dict]:
    """Return the figures of `benefit` as one line a risk; to treat none has a net benefit of 0."""
    names = ("model", "treat_all", "news2_5", "news2_7")
    return [
        {"risk": risk, "treat_none": {"value": 0.0, "interval": None}}
        | {n: found[f"{n} {risk}"] for n in names}
        for risk in RISKS
    ]


def partial_scores(rows: Landmarks) -> dict[str, dict[str, float]]:
    """Return for each criterion the share of rows where it is partial, surely positive, and
    possibly positive.
    """
    found = {}
    for name, (criterion, threshold) in POSITIVE.items():
        low, high = rows.low[criterion], rows.high[criterion]
        found[name] = {
            "partial": float(np.mean(low < high)),
            "surely_positive": float(np.mean(low >= threshold)),
            "possibly_positive": float(np.mean(high >= threshold)),
        }
    return found
