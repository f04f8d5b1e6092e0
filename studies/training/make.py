"""Turns data folders into trained versions on disk, one model after another, with progress and
one clear error.
"""

from pathlib import Path

from models.fitted.aliases import VERSION
from models.fitted.booster import ModelError
from models.fitted.registry import load, verify
from models.fitted.signature import FILE
from studies.data.describe import PHYSIONET_2012, PHYSIONET_2019, source
from studies.data.layouts import parts_2012, read_stays, sources_2019
from studies.training.recipes import DETERIORATION, SEPSIS
from studies.training.train import train


def train_models(
    folder_2012: Path | None, folder_2019: Path | None, version: str, output: Path, hold_out: bool
) -> list[dict]:
    """Train the models whose data are given, and return their manifests; nothing is signed or put
    into service.

    With `hold_out` every fifth record is left to validation. Raises DataError that names the file
    at fault, and ModelError before any work when a signed version of this name is there: what was
    released is never written over.
    """
    if not VERSION.fullmatch(version):
        raise ModelError(f"{version!r} is no version.")
    if output.exists() and not output.is_dir():
        raise ModelError(f"{output} is a file; --output has to be a folder.")
    for recipe, folder in ((DETERIORATION, folder_2012), (SEPSIS, folder_2019)):
        if folder is not None and (output / recipe.name / version / FILE).exists():
            raise ModelError(
                f"{recipe.name} {version} is signed already; give a --version of its own."
            )
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
