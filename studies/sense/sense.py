"""Turns a model into what it makes of patients who get worse: `vigil sense`, and a part of `vigil
validate`.

The charts go through the door of serving: series, Snapshot, feature row, predictor, calibration,
and contributions against the reference patient. No data are needed, and the same model always
gives the same answer.
"""

import re
from collections import Counter
from dataclasses import asdict
from itertools import groupby

from models.fitted.model import Model
from models.patient.series import SPEAKERS
from studies.sense.ladders import ladders, left_out
from studies.sense.rules import (
    KINDS,
    RED_RISES,
    TOLERANCE,
    Judged,
    Violation,
    rises,
    steps_of,
)
from studies.sense.ways import ways

WORST = 20
# How LightGBM notes a feature of which its data held no value, and what a variable is read as.
NEVER_SEEN = "none"
READ_AS = {speaker: target for target, (speaker, _) in SPEAKERS.items()}


def judged(model: Model) -> list[Judged]:
    """Return every step with what it was judged by, of the variables that the model knows."""
    strange = unknown(model)
    return [step for way in ways() if way.variable not in strange for step in steps_of(model, way)]


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

    Shape: a figure is the share of its steps that pass, or of those that were judged by a kind and
    failed; it has no interval, since nothing was drawn. Of each kind, variable and side the worst
    violation stands for all; `worst` is how many of these are named.
    """
    steps = judged(model)
    found = [violation for step in steps for violation in step.violations]
    asked = Counter(kind for step in steps for kind in step.kinds)
    failed = Counter(violation.kind for violation in found)
    passed = sum(not step.violations for step in steps)
    return {
        "figures": {"passed": _figure(passed, len(steps))}
        | {kind: _figure(failed[kind], asked[kind]) for kind in KINDS},
        "patients": _by(steps, "patient"),
        "variables": _by(steps, "variable", "side"),
        "worst": [asdict(one) for one in _leading(found)[:worst]],
        "limits": {
            "tolerance": TOLERANCE,
            "red_rises": RED_RISES,
            "peril_rises": rises(model, peril=True),
        },
        "unknown": list(unknown(model)),
        "left_out": left_out(),
    }


def _leading(found: list[Violation]) -> list[Violation]:
    """Return the worst violation of each kind, variable and side, the worst first."""
    leading: dict[tuple[str, ...], Violation] = {}
    for one in sorted(found, key=lambda one: -one.beyond):
        leading.setdefault((one.kind, one.variable, one.side), one)
    return list(leading.values())


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


def _figure(number: int, steps: int) -> dict:
    share = round(number / steps, 4) if steps else None
    return {"value": share, "interval": None, "number": number, "steps": steps}
