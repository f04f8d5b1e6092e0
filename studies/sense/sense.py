"""Judges whether a model makes sense to a clinician: a value that gets worse never calms it, a
grave one alarms it, and its explanation says so.

The charts go through the door of serving: series, Snapshot, feature row, predictor, calibration,
and contributions against the reference patient. No data are needed, and the same model always
gives the same answer. What is judged are log-odds, in which a step from 0.5 to 1 % weighs as much
as one from 30 to 46 %.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import groupby
from typing import NamedTuple

from models.answerable import answerable
from models.contributions import ALARMING, PARAMETERS
from models.fitted.model import Model, sigmoid
from models.patient.features import feature_row, variable_of
from models.patient.news2 import chart_news2
from models.patient.series import SPEAKERS, series
from models.patient.snapshot import snapshot_at
from models.reference import Compared, against_reference, reference_row
from models.trend import STEADY_LOG_ODDS
from studies.sense.ladders import Ladder, ladders, left_out
from studies.sense.patients import AT, WAYS, Patient, chart, patients

# A fifth of what the page calls steady: 10 % becomes 9.6 %, which nobody acts upon; trees step by
# less in many places, and a bound that asks for none would find those alone.
TOLERANCE = 0.05
# For a value with 3 points the RCP asks for an urgent review: the page may not call the risk of who
# just got it steady.
RED_RISES = STEADY_LOG_ODDS
# What alone endangers life (a saturation of 70 %, say) doubles the odds at least. Of 20,000 stays
# in intensive care those with such a value had 2.5 to 4.9 times the odds of death of the others:
# pulse below 40 3.0, above 150 4.4, systolic below 80 4.9, respiration above 40 2.5, saturation
# below 80 4.8 (Saeed, Crit Care Med 2011, table 5).
PERIL_RISES = math.log(2)
RED_POINTS = 3
FALLS, RED, AIR, CONTRIBUTIONS = "falls", "red_not_raised", "air", "contributions"
KINDS = {
    FALLS: "a worse value lowers the risk",
    RED: "a grave value hardly raises the risk",
    AIR: "breathing air is told as raising the risk",
    CONTRIBUTIONS: "a value with 2 or 3 NEWS2 points is told as lowering the risk",
}
WORST = 20
# How LightGBM notes a feature of which its data held no value, and what a variable is read as.
NEVER_SEEN = "none"
READ_AS = {speaker: target for target, (speaker, _) in SPEAKERS.items()}


class Rung(NamedTuple):
    """One value on the way of a patient's variable to worse, as serving reads the chart."""

    value: float
    points: int
    compared: Compared
    peril: bool


@dataclass(frozen=True)
class Way:
    """One patient's variable that gets worse to one side; the first rung is where it began."""

    patient: str
    way: str
    variable: str
    side: str
    rungs: tuple[Rung, ...]


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


@cache
def ways() -> tuple[Way, ...]:
    """Return every way to worse of every patient; the same for all models."""
    return tuple(
        _way(patient, ladder, way)
        for patient in patients()
        for ladder in ladders()
        if ladder.variable in patient.values
        if ladder.worse_than(ladder.start(patient.values[ladder.variable]))
        for way in WAYS
    )


def judged(model: Model) -> list[Judged]:
    """Return every step with what it was judged by, of the variables that the model knows."""
    strange = unknown(model)
    return [step for way in ways() if way.variable not in strange for step in _steps(model, way)]


def unknown(model: Model) -> tuple[str, ...]:
    """Return the variables of the battery of which the model has never seen a value: not among its
    features, or without one in all its training data, which LightGBM notes in the text.
    """
    noted = re.search(r"^feature_infos=(.*)$", model.text, re.MULTILINE)
    seen = noted.group(1).split(" ") if noted else [""] * len(model.features)
    known = {
        variable for variable, span in zip(model.variables, seen, strict=True) if span != NEVER_SEEN
    }
    moved = dict.fromkeys(ladder.variable for ladder in ladders())
    return tuple(name for name in moved if not {name, READ_AS.get(name)} & known)


def sense(model: Model, worst: int = WORST) -> dict:
    """Return the battery's figures of a model for validation.json.

    Of each kind, variable and side the worst violation stands for all; `worst` is how many of
    these are named.
    """
    steps = judged(model)
    found = [violation for step in steps for violation in step.violations]
    asked = Counter(kind for step in steps for kind in step.kinds)
    failed = Counter(violation.kind for violation in found)
    return {
        "steps": len(steps),
        "passed": sum(not step.violations for step in steps),
        "share": _share(steps),
        "kinds": {kind: {"steps": asked[kind], "violations": failed[kind]} for kind in KINDS},
        "patients": _by(steps, "patient"),
        "variables": _by(steps, "variable", "side"),
        "worst": [asdict(one) for one in _leading(found)[:worst]],
        "limits": {"tolerance": TOLERANCE, "red_rises": RED_RISES, "peril_rises": PERIL_RISES},
        "unknown": list(unknown(model)),
        "left_out": left_out(),
    }


def _leading(found: list[Violation]) -> list[Violation]:
    """Return the worst violation of each kind, variable and side, the worst first."""
    leading: dict[tuple[str, ...], Violation] = {}
    for one in sorted(found, key=lambda one: -one.beyond):
        leading.setdefault((one.kind, one.variable, one.side), one)
    return list(leading.values())


def _way(patient: Patient, ladder: Ladder, way: str) -> Way:
    start = ladder.start(patient.values[ladder.variable])
    worse = ladder.worse_than(start)
    rungs = tuple(
        _rung(patient, ladder.variable, value, way, ladder.peril and value == ladder.values[-1])
        for value in (start, *worse)
    )
    return Way(patient.name, way, ladder.variable, ladder.side, rungs)


def _rung(patient: Patient, variable: str, value: float, way: str, peril: bool) -> Rung:
    snapshot = snapshot_at(series(chart(patient, variable, value, way)), AT)
    if answerable(snapshot)[0] != "scored":
        raise ValueError(f"{patient.name}: no number is due for {variable} {value:g}.")
    row = feature_row(snapshot)
    part = PARAMETERS.get(variable, variable)
    points = {one.name: one.points or 0 for one in chart_news2(snapshot).parts}.get(part, 0)
    return Rung(value, points, Compared(row, reference_row(row), snapshot), peril)


def _steps(model: Model, way: Way) -> Iterator[Judged]:
    scores = [_score(model, rung) for rung in way.rungs]
    for n in range(1, len(way.rungs)):
        milder = max(range(n), key=scores.__getitem__)
        checks = dict(
            [
                _fall(way, n, milder, scores),
                *_red(way, n, scores),
                *_told(model, way, n, scores),
            ]
        )
        yield Judged(way, tuple(checks), tuple(one for one in checks.values() if one))


def _score(model: Model, rung: Rung) -> float:
    row = rung.compared.row
    return model.calibrated(model.predictor.score([row[name] for name in model.features]))


Check = tuple[str, Violation | None]


def _fall(way: Way, n: int, milder: int, scores: list[float]) -> Check:
    """Judge the risk against the highest at any milder value: many small falls are one."""
    change = scores[n] - scores[milder]
    return _check(FALLS, way, (milder, n), scores, change, -change - TOLERANCE)


def _red(way: Way, n: int, scores: list[float]) -> Iterator[Check]:
    """Judge a value with 3 points, or one that endangers life, against where the way began; not
    where that was as bad.
    """
    rung, first = way.rungs[n], way.rungs[0]
    if rung.peril or (rung.points >= RED_POINTS > first.points):
        least = PERIL_RISES if rung.peril else RED_RISES
        change = scores[n] - scores[0]
        yield _check(RED, way, (0, n), scores, change, least - change)


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


def _by(steps: list[Judged], *names: str) -> list[dict]:
    """Return the steps by what their way is called, with the violations of each kind."""

    def key(step: Judged) -> tuple[str, ...]:
        return tuple(getattr(step.way, name) for name in names)

    found = []
    for called, group in groupby(sorted(steps, key=key), key=key):
        own = list(group)
        kinds = Counter(violation.kind for step in own for violation in step.violations)
        line = dict(zip(names, called, strict=True)) | {"steps": len(own), "share": _share(own)}
        found.append(line | {kind: kinds[kind] for kind in KINDS})
    return found


def _share(steps: list[Judged]) -> float:
    return round(sum(not step.violations for step in steps) / len(steps), 4)
