"""Turns a data set and models into validation.json and report.html: `vigil validate` (governance
part 3).

Nothing is written before every figure is there, and every file is whole or not at all.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from models.fitted.model import Model
from models.fitted.registry import Trust, admit, load_models, located
from models.fitted.whole import write_whole
from studies.data import split
from studies.data.split import ALL
from studies.data.stays import DataError
from studies.recalibration.outcomes import write_scores
from studies.report.question import INTENSIVE, Asked, question
from studies.report.report import report
from studies.sense.sense import sense
from studies.validation.alerts import (
    LEAD_HOURS,
    SILENT_HOURS,
    alarms,
    burden,
    burden_curve,
    lead_time,
)
from studies.validation.challenges import challenge2012, challenge2019
from studies.validation.curves import curves
from studies.validation.dataset import DataSet, Description, data_set
from studies.validation.figures import benefit, benefit_curve, figures, partial_scores
from studies.validation.groups import by_group, by_pair
from studies.validation.intervals import SEED, with_intervals
from studies.validation.landmarks import Cohort, Landmarks, collect
from studies.validation.population import population
from studies.validation.robustness import certainty_figures, expected, without
from studies.version import code_version


def validate(
    path: Path,
    description: Description,
    models: Sequence[Model],
    output: Path,
    *,
    part: str = ALL,
    every: int | None = None,
    until: int | None = None,
    draws: int = 1000,
    scores: Path | None = None,
) -> dict:
    """Validate models on the data at `path`; write validation.json and report.html below `output`;
    return what the JSON holds.

    `description` is for a hospital's own data. `part` chooses among the records that training saw
    and those that it left. `every` is the hours between landmarks, `until` the last hour of
    a stay that is looked at, `draws` the bootstrap's. Into `scores` every row goes with its
    patient, for a recalibration of one model.

    Raises DataError that names file and line, or says that the data have no outcome of these
    models.
    """
    data, cohorts = scored(path, description, models, part, every, until)
    if scores and len(cohorts) > 1:
        named = ", ".join(cohort.model.id.name for cohort in cohorts)
        raise DataError(f"The scores of one model go into a file; choose one (--model): {named}.")
    about, parts = (
        _about(data, draws, part, until),
        [measured(cohort, data, draws, path) for cohort in cohorts],
    )
    found = about | {"models": parts}
    _write(output, {"validation.json": _text(found), "report.html": report(found)})
    if scores:
        write_scores(scores, cohorts[0])
    return found


def scored(
    path: Path,
    description: Description,
    models: Sequence[Model],
    part: str = ALL,
    every: int | None = None,
    until: int | None = None,
) -> tuple[DataSet, list[Cohort]]:
    """Return the data at `path`, and the scored rows of each model whose outcome they have, one at
    least; raises DataError.
    """
    data = data_set(path, description, every)
    stays = split.part(data.stays, part)
    cohorts = collect(split.watched(stays, until) if until else stays, models, data.every)
    if not cohorts:
        wanted = ", ".join(sorted({model.manifest["outcome"] for model in models}))
        raise DataError(f"{path}: no stay has an outcome that a model predicts ({wanted}).")
    return data, cohorts


def record(found: dict, folder: Path) -> None:
    """Keep each model's own part of a validation beside the model, where the release gate and
    the model card read it.
    """
    about = {name: value for name, value in found.items() if name != "models"}
    for one in found["models"]:
        _write(
            folder / one["model"]["name"] / one["model"]["version"],
            {"validation.json": _text(about | one)},
        )


def named(folder: Path, chosen: Sequence[str]) -> list[Model]:
    """Return the models that NAME or NAME/VERSION choose, loaded; the champions where nothing is
    chosen.

    A version need not be signed: it is validated before it is released. Raises ModelError.
    """
    anyone = Trust(development=True)
    if not chosen:
        return list(load_models(folder, anyone))
    return [
        admit(located(name, version, folder), anyone)
        for name, _, version in (choice.partition("/") for choice in chosen)
    ]


def measured(cohort: Cohort, data: DataSet, draws: int, path: Path) -> dict:
    """Return everything that is known of one model on its rows; raises DataError when there is
    no row or only one class.
    """
    rows, model = cohort.landmarks(), cohort.model
    if not len(rows.event) or rows.event.all() or not rows.event.any():
        label = model.manifest["label"]
        raise DataError(
            f"{path}: {model.id.name} needs rows with and without {label} that can be scored; "
            "there are none of one kind."
        )
    limits, stays, patients = model.manifest["thresholds"], rows.highest(), rows.patient.max() + 1
    own = with_intervals(figures(rows, limits), patients, draws)
    return {
        "model": asdict(model.id),
        "outcome": model.manifest["outcome"],
        "label": model.manifest["label"],
        "horizon": model.manifest["horizon"],
        "thresholds": limits,
        "question": question(model.manifest, _asked(cohort, rows, data), own),
        "counts": _counts(cohort, rows.stay, rows.event, patients),
        "figures": own,
        "stays": with_intervals(figures(stays, limits, calibrated=False), patients, draws),
        "partial": partial_scores(rows),
        "net_benefit": benefit_curve(with_intervals(benefit(rows), patients, draws)),
        "alerts": with_intervals(burden(rows, data.every, alarms(rows, limits)), patients, draws),
        "alerts_by_threshold": burden_curve(rows, data.every),
        "lead_time": _lead_time(cohort, rows, data, draws),
        "without": with_intervals(without(rows), patients, draws),
        "certainty": with_intervals(certainty_figures(rows, limits), patients, draws),
        "without_observed_expected": with_intervals(expected(rows), patients, draws),
        "groups": by_group(rows, limits, data.every, draws),
        "pairs": by_pair(rows, limits, data.every, draws),
        "curves": curves(rows),
        "population": population(rows, _setting(data)),
        "sense": sense(model),
        "challenge": _challenge(cohort, rows, data, draws),
    }


def _asked(cohort: Cohort, rows: Landmarks, data: DataSet) -> Asked:
    """Return what the data ask of this model, as far as they say it."""
    ages = [age for stay in rows.stay.tolist() if (age := cohort.ages[stay]) is not None]
    trained = (cohort.model.manifest.get("source") or {}).get("files") or {}
    return Asked(
        data.horizon,
        all(len(set(labels)) < 2 for labels in cohort.labels),
        float(np.median(ages)) if ages else None,
        _setting(data),
        bool(set(trained.values()) & set(data.hashes().values())),
    )


def _setting(data: DataSet) -> str | None:
    """Return where the patients lay, as far as the layout tells it."""
    return INTENSIVE if data.layout.startswith("PhysioNet") else None


def _counts(cohort: Cohort, stay: np.ndarray, event: np.ndarray, patients: int) -> dict:
    happened = np.array([any(labels) for labels in cohort.labels])
    scored = np.zeros(len(happened), bool)
    scored[stay] = True
    return {
        "rows": len(stay),
        "events": int(event.sum()),
        "patients": int(patients),
        "stays": len(happened),
        "stays_scored": int(scored.sum()),
        "event_stays": int(happened.sum()),
        "event_stays_without_number": int((happened & ~scored).sum()),
        "landmarks_without_number": dict(sorted(cohort.unanswered.items())),
        "rejected": dict(sorted(cohort.rejected.items())),
    }


def _lead_time(cohort: Cohort, rows: Landmarks, data: DataSet, draws: int) -> dict:
    if data.onset is None:
        return {}
    hours = {
        number: hour
        for number, labels in enumerate(cohort.labels)
        if (hour := data.onset(labels)) is not None
    }
    return lead_time(rows, hours, cohort.model.manifest["thresholds"], draws)


def _challenge(cohort: Cohort, rows: Landmarks, data: DataSet, draws: int) -> dict | None:
    limits = cohort.model.manifest["thresholds"]
    if data.layout == "PhysioNet 2012":
        return challenge2012.challenge(rows, cohort.labels, limits, draws)
    if data.layout == "PhysioNet 2019" and data.every == 1:
        return challenge2019.challenge(rows, cohort.labels, limits, draws)
    return None


def _about(data: DataSet, draws: int, part: str, until: int | None) -> dict:
    settings = {"part": part, "every_hours": data.every, "draws": draws, "seed": SEED}
    settings |= {"until_hour": until} if until else {}
    settings |= {"silent_hours": SILENT_HOURS, "lead_hours": LEAD_HOURS}
    made = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "made": made,
        "code_version": code_version(),
        "data": {"layout": data.layout, "files": data.hashes()},
        "settings": settings,
    }


def _text(content: dict) -> str:
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _write(output: Path, files: dict[str, str]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(output / name, content)
