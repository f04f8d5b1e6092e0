"""Turns a scored row into its Explanation: the risk of the reference patient, and the points that
make it this patient's.

The column adds up as it is printed: the reference's risk and all points are the risk. For that,
points are shares of one chord from the reference to the patient (the way from log-odds to risk is a
curve, on which no order of steps is the right one), rounded by the largest remainder. They have as
many digits as the risk is printed with, and no more: none from 10 % on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from models.contributions import Contribution, contribution
from models.fitted.model import Model, sigmoid
from models.patient.features import FeatureRow, variable_of
from models.patient.inputs import percent
from models.patient.news2 import Score
from models.patient.snapshot import Snapshot
from models.reference import Compared, against_reference, reference_person, reference_row


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the risk of the reference patient becomes that of this one.

    `baseline` is the reference's calibrated log-odds: with the contributions' log-odds it is the
    score. `person` says who the reference is; `start` and `end` are both risks as the column of
    points has them, which adds up as printed. `contributions` go by their printed figure, the
    greatest first.
    """

    baseline: float
    person: str
    start: str
    end: str
    contributions: tuple[Contribution, ...]

    def shown(self, most: int) -> tuple[Contribution, ...]:
        """Return the leading contributions, without those that are printed as 0."""
        return tuple(item for item in self.contributions[:most] if item.points)

    def rest(self, most: int) -> Contribution | None:
        """Return all that `shown` leaves out as one, so that the column adds up; None where
        nothing is left out.
        """
        left = self.contributions[len(self.shown(most)) :]
        if not left:
            return None
        log_odds = math.fsum(item.log_odds for item in left)
        points, digits = sum(item.points for item in left), left[0].digits
        label = f"all others ({len(left)})"
        return Contribution(
            "", label, log_odds, round(points, digits), None, None, label, True, digits
        )


def explained(
    model: Model, row: FeatureRow, snapshot: Snapshot, score: float, news2: Score
) -> Explanation:
    """Return what makes the calibrated `score` (log-odds) of a row."""
    compared = Compared(row, reference_row(row), snapshot)
    baseline, shares = against_reference(model, compared)
    parts: dict[str, dict[str, float]] = {}
    for feature, share in shares:
        parts.setdefault(variable_of(feature), {})[feature] = share
    digits = 1 if "." in percent(sigmoid(score)) else 0
    points = printed_points([sum(p.values()) for p in parts.values()], baseline, score, digits)
    scored = {part.name: part.points or 0 for part in news2.parts}
    found = [
        contribution(name, parts[name], compared, (amount, digits), scored)
        for name, amount in zip(parts, points, strict=True)
    ]
    found.sort(key=lambda item: (-abs(item.points), -abs(item.log_odds), item.variable))
    person = reference_person(model, compared)
    end = percent(sigmoid(score))
    return Explanation(baseline, person, _start(baseline, digits), end, tuple(found))


def printed_points(
    log_odds: Sequence[float], baseline: float, score: float, digits: int
) -> list[float]:
    """Return each share in percentage points of so many digits, which together are the printed
    score's risk less the printed baseline's.

    A share of 0 stays 0, and none changes its sign.
    """
    step = 10**digits
    start, end = 100 * sigmoid(baseline), 100 * sigmoid(score)
    close = math.isclose(score, baseline, abs_tol=1e-6)
    slope = end * (1 - end / 100) if close else (end - start) / (score - baseline)
    exact = [step * slope * share for share in log_odds]
    whole = [math.floor(value) for value in exact]
    left = round(step * (round(end, digits) - round(start, digits))) - sum(whole)
    order = sorted(range(len(exact)), key=lambda n: whole[n] - exact[n])
    for n in order[: max(left, 0)]:
        whole[n] += 1
    return [number / step for number in whole]


def _start(baseline: float, digits: int) -> str:
    """Return the reference's risk with the column's digits; what would be 0 is "under"."""
    text = f"{100 * sigmoid(baseline):.{digits}f}"
    return f"{text} %" if float(text) else f"under {10**-digits:g} %"
