"""Turns a scored row into its Explanation: the risk of the reference patient, and the points that
make it this patient's.

The column adds up as it is printed: the reference's risk and all points are the risk. For that,
points are shares of one chord from the reference to the patient (the way from log-odds to risk is a
curve, on which no order of steps is the right one), rounded by the largest remainder. They have as
many digits as the risk is printed with, and no more: none from 10 % on.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from models.contributions import Contribution, contribution
from models.fitted.model import Model, sigmoid
from models.patient.features import FeatureRow, variable_of
from models.patient.inputs import percent
from models.patient.news2 import Score
from models.patient.snapshot import Snapshot
from models.reference import Compared, against_reference, reference_person, reference_row


class Share(NamedTuple):
    """What one variable adds to the risk of the reference patient: log-odds, and percentage
    points as they are printed.
    """

    variable: str
    log_odds: float
    points: float


@dataclass(frozen=True)
class Explanation:
    """How the risk of the reference patient becomes that of this one.

    `baseline` is the reference's calibrated log-odds: with the shares' log-odds it is the score.
    `person` says who the reference is; `start` and `end` are both risks as the column of points has
    them, which adds up as printed, with so many `digits`. `shares` go by their printed figure, the
    greatest first. `tell` puts one into words, which costs more than to reckon it: a card shows
    five of them.
    """

    baseline: float
    person: str
    start: str
    end: str
    digits: int
    shares: tuple[Share, ...]
    tell: Callable[[Share], Contribution] = field(compare=False, repr=False)

    @cached_property
    def contributions(self) -> tuple[Contribution, ...]:
        """Return all shares in words."""
        return tuple(map(self.tell, self.shares))

    def shown(self, most: int) -> tuple[Contribution, ...]:
        """Return the leading contributions, without those that are printed as 0."""
        return tuple(self.tell(share) for share in self.shares[:most] if share.points)

    def rest(self, most: int) -> Contribution | None:
        """Return all that `shown` leaves out as one, so that the column adds up; None where
        nothing is left out.
        """
        left = self.shares[sum(bool(share.points) for share in self.shares[:most]) :]
        if not left:
            return None
        log_odds, points = math.fsum(s.log_odds for s in left), sum(s.points for s in left)
        label, digits = f"all others ({len(left)})", self.digits
        return Contribution(
            "", label, log_odds, round(points, digits), None, None, label, True, digits
        )


def explained(
    model: Model, row: FeatureRow, snapshot: Snapshot, score: float, news2: Score
) -> Explanation:
    """Return what makes the calibrated `score` (log-odds) of a row."""
    compared = Compared(row, reference_row(row), snapshot)
    baseline, shares = against_reference(model, compared)
    parts, digits = by_variable(shares), 1 if "." in percent(sigmoid(score)) else 0
    found = column(parts, baseline, score, digits)
    scored = {part.name: part.points or 0 for part in news2.parts}

    def tell(share: Share) -> Contribution:
        printed = share.points, digits
        return contribution(share.variable, parts[share.variable], compared, printed, scored)

    person, start = reference_person(model, compared), printed_risk(baseline, digits)
    end = percent(sigmoid(score))
    return Explanation(baseline, person, start, end, digits, found, tell)


def by_variable(shares: Iterable[tuple[str, float]]) -> dict[str, dict[str, float]]:
    """Return the shares of features (feature, log-odds) by the variables that they speak for."""
    parts: dict[str, dict[str, float]] = {}
    for feature, share in shares:
        parts.setdefault(variable_of(feature), {})[feature] = share
    return parts


def column(
    parts: Mapping[str, Mapping[str, float]], baseline: float, score: float, digits: int
) -> tuple[Share, ...]:
    """Return what each variable adds from one log-odds to another, with its points as printed, the
    greatest first.
    """
    sums = {name: sum(of_variable.values()) for name, of_variable in parts.items()}
    points = printed_points([*sums.values()], baseline, score, digits)
    found = [Share(*item, amount) for item, amount in zip(sums.items(), points, strict=True)]
    return tuple(
        sorted(found, key=lambda item: (-abs(item.points), -abs(item.log_odds), item.variable))
    )


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


def printed_risk(score: float, digits: int) -> str:
    """Return the risk of log-odds with a column's digits; what would be 0 is "under", and what
    would be 100 "over".
    """
    text, step = f"{100 * sigmoid(score):.{digits}f}", 10**-digits
    if float(text) in (0.0, 100.0):
        return f"over {100 - step:g} %" if float(text) else f"under {step:g} %"
    return f"{text} %"
