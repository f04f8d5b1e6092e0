"""Turns log-odds and outcomes into figures of calibration: intercept, slope, and the distance from a spline (ICI, E50, E90, Emax).

Austin and Steyerberg, Statistics in Medicine 38:4051-4065 (2019). Rows are gathered in cells of log-odds, 0.01 wide, so that
200 draws of a million rows take seconds.
"""

import numpy as np

CELL = 0.01
# Harrell's places for five knots.
KNOTS = (0.05, 0.275, 0.5, 0.725, 0.95)
STEPS, ENOUGH = 30, 1e-9


class Cells:
    """Rows gathered by log-odds; `x` is the middle of each cell."""

    def __init__(self, log_odds: np.ndarray, outcome: np.ndarray) -> None:
        found, self._place = np.unique(np.round(log_odds / CELL).astype(int), return_inverse=True)
        self.x, self._outcome = found * CELL, outcome.astype(float)
        self._spline = spline(self.x, np.quantile(log_odds, KNOTS)) if len(log_odds) else np.empty((0, 2))

    def figures(self, weight: np.ndarray) -> dict[str, float]:
        """Return the figures of calibration of weighted rows; NaN where they can't be fitted."""
        rows, events = self._sums(weight)
        expected = sigmoid(self.x)
        ones = np.ones((len(self.x), 1))
        intercept = logistic(ones, rows, events, self.x)[0]
        slope = logistic(np.column_stack([ones, self.x]), rows, events)[1]
        total = float(np.sum(rows * expected))
        found = {"observed_expected": events.sum() / total if total else np.nan, "calibration_intercept": intercept, "calibration_slope": slope}
        return found | _distances(expected, self._curve(rows, events), rows)

    def curve(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return predicted and, from the spline, observed risk in every cell that has rows."""
        rows, events = self._sums(weight)
        held = rows > 0
        return sigmoid(self.x[held]), self._curve(rows, events)[held]

    def _sums(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cells = len(self.x)
        return np.bincount(self._place, weight, cells), np.bincount(self._place, weight * self._outcome, cells)

    def _curve(self, rows: np.ndarray, events: np.ndarray) -> np.ndarray:
        return sigmoid(self._spline @ logistic(self._spline, rows, events))


def logistic(design: np.ndarray, rows: np.ndarray, events: np.ndarray, offset: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the coefficients of a logistic regression on gathered rows by Newton's method; NaN when it does not settle."""
    beta = np.zeros(design.shape[1])
    lost = np.full(design.shape[1], np.nan)
    if not 0 < events.sum() < rows.sum():
        return lost
    for _ in range(STEPS):
        risk = sigmoid(design @ beta + offset)
        slope = design.T @ (events - rows * risk)
        curvature = (design * (rows * risk * (1 - risk))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, slope)
        except np.linalg.LinAlgError:
            return lost
        beta = beta + np.clip(step, -5, 5)
        if np.max(np.abs(step)) < ENOUGH:
            return beta
    return lost


def spline(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the columns of a restricted cubic spline (Harrell): 1, x, and one for each knot but two; a line when knots meet."""
    line = np.column_stack([np.ones(len(x)), x])
    if np.min(np.diff(knots)) <= CELL:
        return line
    last, before = knots[-1], knots[-2]

    def cube(knot: float) -> np.ndarray:
        return np.maximum(x - knot, 0.0) ** 3

    width = (last - knots[0]) ** 2
    bends = [cube(k) - cube(before) * (last - k) / (last - before) + cube(last) * (before - k) / (last - before) for k in knots[:-2]]
    return np.column_stack([line, *(bend / width for bend in bends)])


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the probability of log-odds."""
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def _distances(expected: np.ndarray, curve: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    held = rows > 0
    names = ("ici", "e50", "e90", "emax")
    if np.isnan(curve).any() or not held.any():
        return dict.fromkeys(names, float("nan"))
    distance, weight = np.abs(expected - curve)[held], rows[held]
    order = np.argsort(distance)
    reached = np.cumsum(weight[order]) / weight.sum()
    half, nine = (distance[order][min(np.searchsorted(reached, q), len(order) - 1)] for q in (0.5, 0.9))
    return dict(zip(names, (float(np.average(distance, weights=weight)), float(half), float(nine), float(distance.max())), strict=True))
