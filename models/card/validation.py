"""Reads the validation.json beside a model, and tells whether training has seen its records."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.fitted.booster import ModelError
from models.fitted.model import Model

TEST, SEEN, OTHER = "test", "seen", "other"
KINDS = {
    TEST: "held-out records of the training source, which training never saw",
    SEEN: "records that training or recalibration saw, so the figures flatter the model",
    OTHER: (
        "files of which none is, by its hash, a training file; whether they come from another "
        "hospital, the reader must judge"
    ),
}


def read_validation(folder: Path, model: Model) -> dict[str, Any] | None:
    """Return the validation of a version's folder; None when there is none.

    Raises ModelError when it can't be read, or is of another model than this one, by name, version
    and hash.
    """
    path = folder / "validation.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} can't be read ({error}).") from None
    about = found.get("model") if isinstance(found, dict) else None
    if about != asdict(model.id):
        raise ModelError(
            f"{path} is of another model than {model.id.name} {model.id.version} (name, version "
            "or SHA-256 differs)."
        )
    return found


def kind_of(manifest: dict[str, Any], validation: dict[str, Any]) -> str:
    """Tell by part and file hashes whether training or recalibration has seen the records: TEST,
    SEEN or OTHER.
    """
    if seen_files(manifest, validation):
        return SEEN
    trained, used = (_files(manifest.get("source")), _files(validation.get("data")))
    return TEST if set(trained.values()) & set(used.values()) else OTHER


def seen_files(manifest: dict[str, Any], validation: dict[str, Any]) -> list[str]:
    """Return the files of a validation whose records training or recalibration has seen.

    A file is known by its SHA-256 under any name; records that were left out of it may be used.
    """
    again = manifest.get("recalibration") or {}
    held_out = (validation.get("settings") or {}).get("part") == "held-out"
    seen: set[str] = set()
    for about, spared in (
        (manifest.get("source"), manifest.get("held_out")),
        (again, again.get("part") == "training"),
    ):
        if not (spared and held_out):
            seen |= set(_files(about).values())
    used = _files(validation.get("data"))
    return sorted(name for name, sha256 in used.items() if sha256 in seen)


def _files(about: dict[str, Any] | None) -> dict[str, str]:
    return (about or {}).get("files") or {}
