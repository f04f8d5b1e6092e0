"""Turns a folder name/version into a Model: its manifest and its text, whose hash is right;
LightGBM parses nothing here (F4).
"""

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from models.fitted.booster import ModelError, Predictor
from models.patient.features import FeatureRow, variable_of
from models.patient.sides import Look, look, seen

GOLDEN_TOLERANCE = 1e-9
MANIFEST_KEYS = {
    "name",
    "version",
    "outcome",
    "label",
    "horizon",
    "features",
    "calibration",
    "thresholds",
    "model_sha256",
    "golden",
}


@dataclass(frozen=True)
class ModelId:
    """What names a model in a card, a page and the audit record."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Model:
    """A model whose hash is right; `manifest` holds all that a reader may want to know of it."""

    id: ModelId
    manifest: dict[str, Any]
    text: str

    @cached_property
    def predictor(self) -> Predictor:
        """Return the loaded LightGBM model; loaded at first use so that it happens after a fork
        (F5).
        """
        return Predictor(self.text, len(self.features))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Return the names of a row's values, in order."""
        return tuple(self.manifest["features"])

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Return the variable that each of the features speaks for, in the same order."""
        return tuple(map(variable_of, self.features))

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        """Return how the model looks at each of its features; the normal values that sides are
        measured from are its own, as a vocabulary may change.
        """
        normal = self.manifest.get("normal", {})
        return tuple(look(name, normal) for name in self.features)

    def seen(self, row: FeatureRow) -> list[float | None]:
        """Return what the model sees of a row, in the order of its features."""
        return seen(self.looks, row)

    def calibrated(self, score: float) -> float:
        """Return the log-odds of the calibrated risk for a raw score; strictly rising.

        A calibration is a line, or points joined by straight lines in log-odds; before the first
        and after the last point the line's slope goes on, so that two raw scores never become one.
        """
        line = self.manifest["calibration"]
        points = line.get("points")
        return (
            interpolated(points, line["slope"], score)
            if points
            else line["intercept"] + line["slope"] * score
        )

    def stretch(self, baseline: float, score: float) -> float:
        """Return the factor by which contributions between two raw scores grow in calibration.

        It is the chord's slope: factor x (score - baseline) == calibrated(score) -
        calibrated(baseline), so that the calibrated baseline and the stretched contributions sum to
        the calibrated score, and no contribution changes its sign.
        """
        line = self.manifest["calibration"]
        if not line.get("points") or math.isclose(score, baseline, abs_tol=1e-9):
            slope: float = line["slope"]
            return slope
        return (self.calibrated(score) - self.calibrated(baseline)) / (score - baseline)

    def band(self, probability: float) -> str:
        """Return "low", "medium" or "high" by the model's own thresholds."""
        limits = self.manifest["thresholds"]
        return (
            "high"
            if probability >= limits["high"]
            else "medium"
            if probability >= limits["medium"]
            else "low"
        )


def sigmoid(score: float) -> float:
    """Return the probability of log-odds."""
    return 1 / (1 + math.exp(-score)) if score >= 0 else math.exp(score) / (1 + math.exp(score))


def logit(probability: float) -> float:
    """Return the log-odds of a probability between 0 and 1, both left out."""
    return math.log(probability / (1 - probability))


def interpolated(points: Sequence[Sequence[float]], slope: float, score: float) -> float:
    """Return the value at `score` of straight lines through (score, log-odds) points, which both
    rise; `slope` holds outside.
    """
    (first, low), (last, high) = points[0], points[-1]
    if score <= first:
        return low + slope * (score - first)
    if score >= last:
        return high + slope * (score - last)
    after = bisect_right(points, score, key=lambda point: point[0])
    (left, y), (right, z) = points[after - 1], points[after]
    return y + (z - y) * (score - left) / (right - left)


def load(folder: Path) -> Model:
    """Read one version and check the hash of its model text; nothing is parsed by LightGBM yet.

    Raises ModelError that names the file at fault.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        raw = (folder / "model.txt").read_bytes()
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{folder}: the model can't be read ({error}).") from None
    missing = MANIFEST_KEYS - set(manifest if isinstance(manifest, dict) else ())
    if missing:
        raise ModelError(f"{folder / 'manifest.json'} lacks {', '.join(sorted(missing))}.")
    digest = hashlib.sha256(raw).hexdigest()
    if digest != manifest["model_sha256"]:
        raise ModelError(
            f"{folder / 'model.txt'} is not the file that the manifest names (SHA-256 differs)."
        )
    try:
        return Model(
            ModelId(manifest["name"], manifest["version"], digest), manifest, raw.decode("utf-8")
        )
    except UnicodeDecodeError:
        raise ModelError(f"{folder / 'model.txt'} is no text.") from None


def verify(model: Model) -> Model:
    """Score the golden vectors and return the model.

    Raises ModelError when a score differs by more than 1e-9, or when there are no vectors to score.
    """
    if not model.manifest["golden"]:
        raise ModelError(
            f"{model.id.name}/{model.id.version} has no golden vectors, so that nothing can be "
            "checked."
        )
    for vector in model.manifest["golden"]:
        score = model.predictor.score(vector["row"])
        if not math.isclose(score, vector["score"], rel_tol=0.0, abs_tol=GOLDEN_TOLERANCE):
            raise ModelError(
                f"{model.id.name}/{model.id.version} gives another score than when it was trained."
            )
    return model
