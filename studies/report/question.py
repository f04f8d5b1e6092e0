"""Tells whether data ask another question than a model was made for, before any figure is read:
outcome and horizon, population, how frequent the outcome is, and whether the risks' level fits.

What it finds stands in validation.json (`question`), at the top of the report and in the printed
lines. It compares what manifest and data say of themselves; what neither says is said too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from studies.report.report_tables import plain, written

HORIZON = re.compile(r"within (\d+) ?h")
# Level and frequency that are called alike, and years between two medians of age.
ALIKE, YEARS = (0.8, 1.25), 10
INTENSIVE = "intensive care"


@dataclass(frozen=True)
class Asked:
    """What data ask: `hours` ahead where they say so, whether the answer is one for the whole stay,
    median age of the rows, setting where it is known, and whether they hold the training's files.
    """

    hours: int | None
    whole_stay: bool
    age: float | None
    setting: str | None
    same_source: bool


def question(manifest: dict[str, Any], asked: Asked, figures: dict[str, Any]) -> dict[str, Any]:
    """Return what the model predicts, what the data ask, and each difference as a sentence; a
    `remedy` where the level is off.
    """
    model = f"{manifest['label']}, {manifest['horizon']}"
    differs = [
        {"what": what, "said": said}
        for what, said in (
            *_horizon(manifest, asked),
            *_population(manifest, asked),
            *_frequency(manifest, figures.get("prevalence") or {}),
            *_level(figures.get("observed_expected") or {}),
        )
    ]
    off = any(line["what"] == "level" for line in differs)
    return {
        "model": model,
        "data": f"{manifest['outcome']}, {_ahead(asked)}",
        "differs": differs,
        "remedy": _remedy(manifest) if off else None,
    }


def notices(found: dict[str, Any] | None) -> list[str]:
    """Return the sentences of a `question` that a reader has to know first; none where the data ask
    what the model was made for.
    """
    if not found or not found.get("differs"):
        return []
    said = [line["said"] for line in found["differs"]]
    return [*said, *([found["remedy"]] if found.get("remedy") else [])]


def _ahead(asked: Asked) -> str:
    if asked.hours:
        return f"within {asked.hours} h"
    return (
        "at any time of the stay" if asked.whole_stay else "row by row, how far ahead is not said"
    )


def _horizon(manifest: dict[str, Any], asked: Asked) -> Iterator[tuple[str, str]]:
    found = HORIZON.search(manifest["label"])
    own = int(found[1]) if found else None
    if own == asked.hours and (own or asked.whole_stay):
        return
    if not asked.hours and not asked.whole_stay:
        yield (
            "horizon",
            f"The model predicts {manifest['label']} ({manifest['horizon']}); the data answer row "
            "by row and do not say how far ahead (outcome.horizon_hours).",
        )
        return
    yield (
        "horizon",
        f"Another question: the model predicts {manifest['label']} ({manifest['horizon']}), and "
        f"the data ask for {manifest['outcome']} {_ahead(asked)}.",
    )


def _population(manifest: dict[str, Any], asked: Asked) -> Iterator[tuple[str, str]]:
    if asked.same_source:
        return
    trained = (manifest.get("source") or {}).get("population") or "a population that is not named"
    if asked.setting is None or asked.setting not in trained:
        where = asked.setting or "the data do not say where these patients lay"
        yield (
            "population",
            f"Perhaps other patients: trained on {trained}; here, {where}.",
        )
    own = _median_age(manifest)
    if own is not None and asked.age is not None and abs(asked.age - own) > YEARS:
        yield (
            "age",
            f"Patients of another age: the median age of the rows is {asked.age:.0f}, in the "
            f"training it was {own:.0f}.",
        )


def _median_age(manifest: dict[str, Any]) -> float | None:
    """Return the median age of the training's rows: that of the second golden vector, which is
    made of medians.
    """
    golden: list[dict] = manifest.get("golden") or []
    if len(golden) < 3 or "age" not in manifest["features"]:
        return None
    age: float | None = golden[1]["row"][manifest["features"].index("age")]
    return age


def _frequency(manifest: dict[str, Any], prevalence: dict) -> Iterator[tuple[str, str]]:
    again = manifest.get("recalibration") or {}
    before = again.get("prevalence") or (manifest.get("figures") or {}).get("prevalence")
    here, ends = prevalence.get("value"), prevalence.get("interval")
    if not before or here is None or not ends or None in ends:
        return
    if not ALIKE[0] <= here / before <= ALIKE[1] and not ends[0] <= before <= ends[1]:
        where = "the recalibration" if again else "the training"
        yield (
            "prevalence",
            f"Another frequency: {written(prevalence, 'percent')} of the rows have the outcome; in "
            f"{where} {plain(before, 'percent')} had it.",
        )


def _level(ratio: dict) -> Iterator[tuple[str, str]]:
    ends = ratio.get("interval")
    if ratio.get("value") is None or not ends or None in ends:
        return
    if ends[0] > ALIKE[1] or ends[1] < ALIKE[0]:
        yield (
            "level",
            f"The risks are too {'low' if ends[0] > ALIKE[1] else 'high'} here: "
            f"{written(ratio, 2)} events happened for each one expected.",
        )


def _remedy(manifest: dict[str, Any]) -> str:
    name, version = manifest["name"], manifest["version"]
    return (
        f"Recalibrate before a risk or a band is shown: “vigil recalibrate {name} {version} --data "
        "DATA --new-version VERSION”, with --mapping for a table of your own."
    )
