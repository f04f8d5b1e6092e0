"""Turns a folder name/version into a verified Model: hashes first, then parsing, then golden vectors; no pickle (F4).

`trained/<name>/champion` is a text file that holds the version in service.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from models.predict import ModelError, Predictor

TRAINED = Path(__file__).with_name("trained")
GOLDEN_TOLERANCE = 1e-9
MANIFEST_KEYS = {"name", "version", "outcome", "label", "horizon", "features", "calibration", "thresholds", "model_sha256", "golden"}


@dataclass(frozen=True)
class ModelId:
    """What names a model in a card, a page and the audit record."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Model:
    """A verified model; `manifest` holds all that a reader may want to know of it."""

    id: ModelId
    manifest: dict[str, Any]
    text: str

    @cached_property
    def predictor(self) -> Predictor:
        """Return the loaded LightGBM model; loaded at first use so that it happens after a fork (F5)."""
        return Predictor(self.text, len(self.features))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Return the names of a row's values, in order."""
        return tuple(self.manifest["features"])

    def calibrated(self, score: float) -> float:
        """Return the log-odds of the calibrated risk for a raw score."""
        line = self.manifest["calibration"]
        return line["intercept"] + line["slope"] * score

    def band(self, probability: float) -> str:
        """Return "low", "medium" or "high" by the model's own thresholds."""
        limits = self.manifest["thresholds"]
        return "high" if probability >= limits["high"] else "medium" if probability >= limits["medium"] else "low"


def load_models(folder: Path | None = None) -> tuple[Model, ...]:
    """Return the champion of each model below `folder`, verified and loaded, in order of name.

    Raises ModelError that names the file at fault; nothing is parsed before its hash is right.
    """
    champions = sorted((folder or TRAINED).glob("*/champion"))
    if not champions:
        raise ModelError(f"There is no trained model below {folder or TRAINED}.")
    return tuple(verify(load(path.parent / path.read_text("utf-8").strip())) for path in champions)


def load(folder: Path) -> Model:
    """Read one version and check the hash of its model text; nothing is parsed by LightGBM yet."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        raw = (folder / "model.txt").read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: the model can't be read ({error}).") from None
    missing = MANIFEST_KEYS - set(manifest)
    if missing:
        raise ModelError(f"{folder / 'manifest.json'} lacks {', '.join(sorted(missing))}.")
    digest = hashlib.sha256(raw).hexdigest()
    if digest != manifest["model_sha256"]:
        raise ModelError(f"{folder / 'model.txt'} is not the file that the manifest names (SHA-256 differs).")
    return Model(ModelId(manifest["name"], manifest["version"], digest), manifest, raw.decode("utf-8"))


def verify(model: Model) -> Model:
    """Score the golden vectors and return the model.

    Raises ModelError when a score differs by more than 1e-9.
    """
    for vector in model.manifest["golden"]:
        score = model.predictor.score(vector["row"])
        if not math.isclose(score, vector["score"], abs_tol=GOLDEN_TOLERANCE):
            raise ModelError(f"{model.id.name}/{model.id.version} gives another score than when it was trained.")
    return model
