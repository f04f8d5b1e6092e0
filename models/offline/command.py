"""Turns the arguments of `vigil train` into a trained version on disk, with progress and one clear error."""

from pathlib import Path

from models.offline.describe import source
from models.offline.physionet2012 import DataError, stays
from models.offline.train import train
from models.registry import load, verify


def train_2012(folder: Path, version: str, output: Path) -> dict:
    """Train on every part (set-a, set-b, ...) found in a folder with its Outcomes file; return the manifest.

    Raises DataError that names the file at fault; a broken run leaves the version in service untouched.
    """
    parts = _parts(folder)
    everyone = [stay for data, outcomes in parts for stay in stays(data, outcomes)]
    if not everyone:
        raise DataError(f"{folder}: no stay of the outcomes files was found in the data.")
    manifest = train(everyone, output, version, source([path for pair in parts for path in pair]))
    verify(load(output / manifest["name"] / version))
    (output / manifest["name"] / "champion").write_text(version + "\n", "utf-8")
    return manifest


def _parts(folder: Path) -> list[tuple[Path, Path]]:
    found = []
    for outcomes in sorted(folder.glob("Outcomes-*.txt")):
        letter = outcomes.stem.rpartition("-")[2]
        data = next((p for p in (folder / f"set-{letter}", folder / f"set-{letter}.zip") if p.exists()), None)
        if data is None:
            raise DataError(f"{outcomes} is there, but neither set-{letter} nor set-{letter}.zip is.")
        found.append((data, outcomes))
    if not found:
        raise DataError(f"{folder}: there is no Outcomes-*.txt of the 2012 challenge.")
    return found
