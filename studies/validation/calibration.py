"""Turns log-odds and outcomes into figures of calibration: O:E, intercept, slope, and distances
from a smooth curve (ICI, E50, E90, Emax).

The curve is a logistic regression of the outcome on a restricted cubic spline of the log-odds with
five knots (Austin and Steyerberg, Statistics in Medicine 38:4051-4065, 2019). For it, rows are
gathered in cells of log-odds, 0.01 wide, each at the mean of its rows: a thousand draws of a
million rows take seconds.
"""

import numpy as np

CELL = 0.01
# Harrell's places for five knots.
KNOTS = (0.05, 0.275, 0.5, 0.725, 0.95)
STEPS, HALVINGS, ENOUGH = 50, 30, 1e-9
SINGULAR = 1e13
DISTANCES = ("ici", "e50", "e90", "emax")


class Cells:
    """Rows of patients (running numbers) gathered by log-odds, ready for any weight of the
    patients.
    """

    def __init__(self, log_odds: np.ndarray, outcome: np.ndarray, patient: np.ndarray) -> None:
        cell, self._place = np.unique(np.round(log_odds / CELL).astype(int), return_inverse=True)
        self._x = np.bincount(self._place, log_odds) / np.bincount(self._place)
        self._patient, self._event = patient, np.flatnonzero(outcome)
        self._expected = np.bincount(patient, sigmoid(log_odds))
        self._line = np.column_stack([np.ones(len(cell)), self._x])
        # Knots stay where they are for all rows. Columns at right angles let Newton's method
        # settle.
        self._spline = np.linalg.qr(spline(self._x, np.quantile(log_odds, KNOTS)))[0] * np.sqrt(
            len(cell)
        )

    def figures(self, weight: np.ndarray) -> dict[str, float]:
        """Return the figures of calibration for a weight of each patient; NaN where they can't
        be fitted.
        """
        rows, events = self._sums(weight)
        expected = float(np.dot(weight, self._expected))
        return {
            "observed_expected": events.sum() / expected if expected else float("nan"),
            "calibration_intercept": float(logistic(self._line[:, :1], rows, events, self._x)[0]),
            "calibration_slope": float(logistic(self._line, rows, events)[1]),
        } | distances(sigmoid(self._x), self._curve(rows, events), rows)

    def curve(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return predicted and, from the spline, observed risk in every cell that has rows."""
        rows, events = self._sums(weight)
        held = rows > 0
        return sigmoid(self._x[held]), self._curve(rows, events)[held]

    def _sums(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        each, cells = weight[self._patient], len(self._x)
        return np.bincount(self._place, each, cells), np.bincount(
            self._place[self._event], each[self._event], cells
        )

    def _curve(self, rows: np.ndarray, events: np.ndarray) -> np.ndarray:
        return sigmoid(self._spline @ logistic(self._spline, rows, events))


def logistic(
    design: np.ndarray, rows: np.ndarray, events: np.ndarray, offset: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return the coefficients of a logistic regression on gathered rows by Newton's method; NaN
    when it does not settle.
    """
    beta, lost = np.zeros(design.shape[1]), np.full(design.shape[1], np.nan)
    if not 0 < events.sum() < rows.sum():
        return lost

    def likelihood(beta: np.ndarray) -> float:
        eta = design @ beta + offset
        return float(np.sum(events * eta - rows * np.logaddexp(0, eta)))

    now = likelihood(beta)
    for _ in range(STEPS):
        try:
            step = _step(design, rows, events, design @ beta + offset)
        except np.linalg.LinAlgError:
            return lost
        if np.max(np.abs(step)) < ENOUGH * (1 + np.max(np.abs(beta))):
            return beta + step
        # Far from the top a whole step may overshoot it.
        for _ in range(HALVINGS):
            reached = likelihood(beta + step)
            if reached >= now - 1e-12 * abs(now):
                break
            step = step / 2
        beta, now = beta + step, reached
    return lost


def logistic_line(x: np.ndarray, outcome: np.ndarray) -> tuple[float, float]:
    """Return intercept and slope of logit P(outcome) = intercept + slope * x; NaN when they can't
    be fitted.
    """
    ones = np.ones(len(x))
    intercept, slope = logistic(np.column_stack([ones, x]), ones, outcome.astype(float))
    return float(intercept), float(slope)


def _step(design: np.ndarray, rows: np.ndarray, events: np.ndarray, eta: np.ndarray) -> np.ndarray:
    risk = sigmoid(eta)
    curvature = (design * (rows * risk * (1 - risk))[:, None]).T @ design
    if np.linalg.cond(curvature) > SINGULAR:
        raise np.linalg.LinAlgError
    return np.linalg.solve(curvature, design.T @ (events - rows * risk))


def spline(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the columns of a restricted cubic spline (Harrell): 1, x, and one for each knot but
    two; a line when knots meet.
    """
    line = np.column_stack([np.ones(len(x)), x])
    if np.min(np.diff(knots)) <= CELL:
        return line
    last, before = knots[-1], knots[-2]

    def cube(knot: float) -> np.ndarray:
        return np.maximum(x - knot, 0.0) ** 3

    width = (last - knots[0]) ** 2
    bends = [
        cube(k)
        - cube(before) * (last - k) / (last - before)
        + cube(last) * (before - k) / (last - before)
        for k in knots[:-2]
    ]
    return np.column_stack([line, *(bend / width for bend in bends)])


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the probabilities of a column of log-odds.

    For one value `models.fitted.model.sigmoid` serves, which needs no numpy.
    """
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def distances(predicted: np.ndarray, curve: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """Return mean (ICI), median, 90th centile and maximum of |predicted - curve|, weighted by
    rows; NaN without a curve.
    """
    held = rows > 0
    if np.isnan(curve).any() or not held.any():
        return dict.fromkeys(DISTANCES, float("nan"))
    distance, weight = np.abs(predicted - curve)[held], rows[held]
    order = np.argsort(distance)
    reached = np.cumsum(weight[order]) / weight.sum()
    half, nine = (distance[order][np.searchsorted(reached, q * (1 - 1e-12))] for q in (0.5, 0.9))
    return dict(
        zip(
            DISTANCES,
            map(float, (np.average(distance, weights=weight), half, nine, distance.max())),
            strict=True,
        )
    )
