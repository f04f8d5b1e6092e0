"""Judges one way to worse: a value that gets worse never calms a model, a grave one alarms it, and
its explanation says so.

What is judged are calibrated log-odds, in which a step from 0.5 to 1 % weighs as much as one from
30 to 46 %, and contributions against the reference patient.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from models.contributions import ALARMING
from models.fitted.model import Model, sigmoid
from models.patient.features import variable_of
from models.reference import against_reference
from models.trend import STEADY_LOG_ODDS
from studies.sense.ways import Rung, Way

# A fifth of what the page calls steady: 10 % becomes 9.6 %, which nobody acts upon; trees step by
# less in many places, and a bound that asks for none would find those alone.
TOLERANCE = 0.05
# For a value with 3 points the RCP asks for an urgent review: the page may not call the risk of who
# just got it steady.
RED_RISES = STEADY_LOG_ODDS
# What alone endangers life (a saturation of 70 %, say) doubles the odds of death at least.
# Of 20,000 stays in intensive care those with such a value had 2.5 to 4.9 times the odds of the
# others (pulse below 40 3.0, above 150 4.4; systolic below 80 4.9; respiration above 40 2.5;
# saturation below 80 4.8: Saeed, Crit Care Med 2011, table 5). Nobody has shown as much of another
# outcome (a pulse of 30 is no sign of sepsis), so there it counts as any value with 3 points.
PERIL_RISES, DEADLY = math.log(2), "death"
RED_POINTS = 3
FALLS, RED, AIR, CONTRIBUTIONS = "falls", "red_not_raised", "air", "contributions"
KINDS = (FALLS, RED, AIR, CONTRIBUTIONS)


@dataclass(frozen=True)
class Violation:
    """Where a model makes no sense: at `value`, after `start`.

    `log_odds` is what it did: the change of the risk, or the contribution. `beyond` is by how much
    that passes what is allowed. The risks are those at both values.
    """

    kind: str
    patient: str
    way: str
    variable: str
    side: str
    start: float
    value: float
    log_odds: float
    beyond: float
    risk_start: float
    risk: float


class Judged(NamedTuple):
    """What a step was judged by, and what it failed."""

    way: Way
    kinds: tuple[str, ...]
    violations: tuple[Violation, ...]


Check = tuple[str, Violation | None]


def rises(model: Model, peril: bool) -> float:
    """Return by how much a value with 3 points, or one that endangers life, has to raise a risk."""
    return PERIL_RISES if peril and model.manifest["outcome"] == DEADLY else RED_RISES


def steps_of(model: Model, way: Way) -> Iterator[Judged]:
    """Yield each step of a way with what it was judged by; its start is no step."""
    scores = [_score(model, rung) for rung in way.rungs]
    for n in range(1, len(way.rungs)):
        milder = max(range(n), key=scores.__getitem__)
        checks = dict(
            [
                _fall(way, n, milder, scores),
                *_red(model, way, n, scores),
                *_told(model, way, n, scores),
            ]
        )
        yield Judged(way, tuple(checks), tuple(one for one in checks.values() if one))


def _score(model: Model, rung: Rung) -> float:
    row = rung.compared.row
    return model.calibrated(model.predictor.score(model.seen(row)))


def _fall(way: Way, n: int, milder: int, scores: list[float]) -> Check:
    """Judge the risk against the highest at any milder value: many small falls are one."""
    change = scores[n] - scores[milder]
    return _check(FALLS, way, (milder, n), scores, change, -change - TOLERANCE)


def _red(model: Model, way: Way, n: int, scores: list[float]) -> Iterator[Check]:
    """Judge a value with 3 points, or one that endangers life, against where the way began; not
    where that was as bad.
    """
    rung, first = way.rungs[n], way.rungs[0]
    if rung.peril or (rung.points >= RED_POINTS > first.points):
        change = scores[n] - scores[0]
        yield _check(RED, way, (0, n), scores, change, rises(model, rung.peril) - change)


def _told(model: Model, way: Way, n: int, scores: list[float]) -> Iterator[Check]:
    """Judge the explanation: of the moved variable where it has points, and of air."""
    compared = way.rungs[n].compared
    alarming, on_air = way.rungs[n].points >= ALARMING, compared.row["fio2"] == 21.0
    if not (alarming or on_air):
        return
    _, shares = against_reference(model, compared)
    told: dict[str, float] = {}
    for feature, share in shares:
        told[variable_of(feature)] = told.get(variable_of(feature), 0.0) + share
    if alarming:
        own = told.get(way.variable, 0.0)
        yield _check(CONTRIBUTIONS, way, (0, n), scores, own, -own - TOLERANCE)
    if on_air:
        air = told.get("fio2", 0.0)
        yield _check(AIR, way, (0, n), scores, air, air - TOLERANCE)


def _check(
    kind: str, way: Way, between: tuple[int, int], scores: list[float], did: float, beyond: float
) -> Check:
    if beyond <= 0:
        return kind, None
    before, after = between
    return kind, Violation(
        kind,
        way.patient,
        way.way,
        way.variable,
        way.side,
        way.rungs[before].value,
        way.rungs[after].value,
        round(did, 4),
        round(beyond, 4),
        round(sigmoid(scores[before]), 6),
        round(sigmoid(scores[after]), 6),
    )
