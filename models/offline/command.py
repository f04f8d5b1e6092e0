"""Turns the arguments of `vigil train` into trained, signed versions on disk, with progress and one clear error."""

from pathlib import Path

from models.offline.describe import PHYSIONET_2012, PHYSIONET_2019, source
from models.offline.layouts import parts_2012, read_stays
from models.offline.recipes import DETERIORATION, SEPSIS
from models.offline.train import train
from models.registry import load, verify
from models.signature import sign


def train_models(folder_2012: Path | None, folder_2019: Path | None, version: str, output: Path, key: Path | None) -> list[dict]:
    """Train the models whose data are given, one after another, sign them if there is a key, and return their manifests.

    Nothing is put into service. Raises DataError that names the file at fault.
    """
    made = []
    if folder_2012 is not None:
        used = [path for part in parts_2012(folder_2012) for path in part]
        made.append(train(read_stays(folder_2012), DETERIORATION, output, version, source(PHYSIONET_2012, used)))
    if folder_2019 is not None:
        used = [folder_2019] if folder_2019.is_file() else sorted(folder_2019.glob("*.zip")) or [folder_2019]
        made.append(train(read_stays(folder_2019), SEPSIS, output, version, source(PHYSIONET_2019, used)))
    for manifest in made:
        folder = output / manifest["name"] / version
        verify(load(folder))
        if key is not None:
            sign(folder, manifest, key)
    return made
