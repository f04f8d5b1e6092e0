"""Turns data folders, or a hospital's own table, into trained versions on disk, one model after
another, with progress and one clear error.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.fitted.aliases import VERSION
from models.fitted.booster import ModelError
from models.fitted.registry import TRAINED, load, verify
from models.fitted.signature import FILE
from studies.boosting.start import Start, start_of
from studies.data.describe import PHYSIONET_2012, PHYSIONET_2019, source
from studies.data.layouts import parts_2012, read_stays, sources_2019
from studies.data.stays import DataError, Stay
from studies.training.recipes import DETERIORATION, SEPSIS, Recipe
from studies.training.train import train
from studies.validation.dataset import DataSet, Description, data_set

# Fewer patients with the outcome, or without it, and neither risks nor figures mean much.
LEAST_PATIENTS = 100
TREES = 300
# After trees of ours these do: from 2012 a to 250, 500 and 1,000 stays of b AUROC is within 0.002
# of its best. TreeSHAP takes time by the tree, in each call.
TREES_AFTER = 50
# Two weeks: of those who stay longer the later days are not trained on, so that few long stays do
# not outweigh the many.
LAST_HOUR = 336


@dataclass(frozen=True)
class Own:
    """What a hospital says of a model of its own beside its data: names for it, the hours that the
    outcome lies ahead where the data do not say it, the hours between two rows of a stay, and the
    version of ours to start from.
    """

    outcome: str
    name: str | None = None
    label: str | None = None
    horizon: int | None = None
    every: int = 6
    start: str | None = None

    @property
    def called(self) -> str:
        """Return the model's name: as given, or the outcome in small letters with hyphens."""
        return self.name or re.sub(r"[^a-z0-9]+", "-", self.outcome.lower()).strip("-")


def train_models(
    folder_2012: Path | None, folder_2019: Path | None, version: str, output: Path, hold_out: bool
) -> list[dict]:
    """Train the models whose data are given, and return their manifests; nothing is signed or put
    into service.

    With `hold_out` every fifth record is left to validation. Raises DataError that names the file
    at fault, and ModelError before any work when a signed version of this name is there: what was
    released is never written over.
    """
    for recipe, folder in ((DETERIORATION, folder_2012), (SEPSIS, folder_2019)):
        if folder is not None:
            _check_place(output, recipe.name, version)
    made = []
    if folder_2012 is not None:
        used = [path for part in parts_2012(folder_2012) for path in part]
        made.append(
            train(
                read_stays(folder_2012),
                DETERIORATION,
                output,
                version,
                source(PHYSIONET_2012, used),
                hold_out,
            )
        )
    if folder_2019 is not None:
        about = source(PHYSIONET_2019, sources_2019(folder_2019))
        made.append(train(read_stays(folder_2019), SEPSIS, output, version, about, hold_out))
    for manifest in made:
        verify(load(output / manifest["name"] / version))
    return made


def train_own(
    path: Path, description: Description, own: Own, version: str, output: Path, hold_out: bool
) -> dict:
    """Train a model on a hospital's own stays, as validation reads them, and return its manifest.

    Raises DataError when the data can't be read, hold no such outcome or too few patients with or
    without it; ModelError, before any work, for a name or a folder that is Vigil's.
    """
    _check_own(own, output)
    _check_place(output, own.called, version)
    data = data_set(path, description)
    about = {
        "name": f"own data ({data.layout}, {path.name})",
        "population": "patients as the hospital that trained the model chose them",
        "files": data.hashes(),
    }
    stays = _with_outcome(data.stays, own.outcome, path)
    made = train(stays, own_recipe(own, data, description), output, version, about, hold_out)
    verify(load(output / own.called / version))
    return made


def own_recipe(own: Own, data: DataSet, description: Description) -> Recipe:
    """Return how a hospital's own model is made. Raises DataError when two horizons are named."""
    if own.horizon and data.horizon and own.horizon != data.horizon:
        raise DataError(
            f"--horizon is {own.horizon}, but the data's own horizon is {data.horizon} hours: "
            "leave out --horizon, or change horizon_hours in the mapping."
        )
    hours = data.horizon or own.horizon
    beside = " --mapping FILE" if description.mapping else ""
    beside += " --outcomes FILE" if description.outcomes else ""
    beside += f" --from {own.start}" if own.start else ""
    start = start_of(own.start) if own.start else None
    return Recipe(
        name=own.called,
        outcome=own.outcome,
        label=own.label or re.sub(r"[-_]+", " ", own.outcome),
        horizon=f"within {hours} h" if hours else "during this stay",
        first=own.every,
        every=own.every,
        last=LAST_HOUR,
        trees=TREES_AFTER if start else TREES,
        medium_sensitivity=0.8,
        command=f"vigil train TABLE{beside} --outcome {shlex.quote(own.outcome)}"
        f" --every {own.every}",
        least_patients=LEAST_PATIENTS,
        **_as_started(start),
    )


def _as_started(start: Start | None) -> dict:
    """Return what a recipe takes over from the version that it starts from."""
    if start is None:
        return {}
    return {"start": start, "spreads": start.spreads, "red": 0.0, "extreme": 0.0}


def _check_own(own: Own, output: Path) -> None:
    if TRAINED in (output.resolve(), *output.resolve().parents):
        raise ModelError(
            f"{output} is the folder of the models that Vigil ships; give --output a folder of "
            "your own."
        )
    if not VERSION.fullmatch(own.called):
        raise ModelError(f"{own.called!r} is no name for a model; give --name.")
    if (TRAINED / own.called).is_dir():
        raise ModelError(
            f"{own.called} is the name of a model that Vigil ships; give yours another with --name."
        )


def _check_place(output: Path, name: str, version: str) -> None:
    if not VERSION.fullmatch(version):
        raise ModelError(f"{version!r} is no version.")
    if output.exists() and not output.is_dir():
        raise ModelError(f"{output} is a file; --output has to be a folder.")
    if (output / name / version / FILE).exists():
        raise ModelError(f"{name} {version} is signed already; give a --version of its own.")


def _with_outcome(stays: Iterable[Stay], outcome: str, path: Path) -> Iterator[Stay]:
    """Yield the stays; raises DataError at one whose data tell of another outcome."""
    for stay in stays:
        if outcome not in stay.labels:
            raise DataError(
                f"{path}: there is no outcome {outcome!r}; the data tell of "
                f"{', '.join(sorted(stay.labels))}."
            )
        yield stay
