"""Turns a path into Stays by recognising its published layout: PhysioNet 2012 or 2019, folder or zip."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from models.offline.data import physionet2012, physionet2019
from models.offline.data.stays import DataError, Stay


def read_stays(path: Path) -> Iterator[Stay]:
    """Yield every stay below `path`, 2012 parts in order of letter.

    Raises DataError when the layout is none that is known, or a file is broken.
    """
    parts = parts_2012(path)
    if parts:
        for data, outcomes in parts:
            yield from physionet2012.stays(data, outcomes)
        return
    sources = [path] if _holds_psv(path) else sorted(p for p in path.glob("*.zip") if _holds_psv(p)) if path.is_dir() else []
    if not sources:
        raise DataError(f"{path}: neither the 2012 layout (set-a with Outcomes-a.txt) nor the 2019 layout (.psv files) was found.")
    for source in sources:
        yield from physionet2019.stays(source)


def parts_2012(path: Path) -> list[tuple[Path, Path]]:
    """Return (data, outcomes) of every 2012 part in a folder, or of the one part that `path` names.

    Raises DataError for outcomes without their data.
    """
    folder = path if path.is_dir() and not path.name.startswith("set-") else path.parent
    found = []
    for outcomes in sorted(folder.glob("Outcomes-*.txt")):
        letter = outcomes.stem.rpartition("-")[2]
        named = [p for p in (folder / f"set-{letter}", folder / f"set-{letter}.zip") if p.exists()]
        if folder == path and not named:
            raise DataError(f"{outcomes} is there, but neither set-{letter} nor set-{letter}.zip is.")
        found += [(data, outcomes) for data in named[:1] if path in (folder, data)]
    return found


def _holds_psv(path: Path) -> bool:
    if path.is_dir():
        return any(path.rglob("*.psv"))
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".psv") for name in archive.namelist())
