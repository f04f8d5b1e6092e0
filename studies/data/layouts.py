"""Turns a path into Stays by recognising its published layout: PhysioNet 2012 or 2019, folder or
zip, one set or several.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from studies.data import physionet2012, physionet2019
from studies.data.stays import DataError, Stay, is_data, readable


def read_stays(path: Path) -> Iterator[Stay]:
    """Yield every stay below `path`, 2012 parts in order of letter.

    Raises DataError when the layout is none that is known, a file is broken, or a record is there
    twice.
    """
    seen: set[str] = set()
    for stay in _stays(path):
        if stay.record in seen:
            raise DataError(f"{path}: record {stay.record} is there twice.")
        seen.add(stay.record)
        yield stay


def _stays(path: Path) -> Iterator[Stay]:
    parts = parts_2012(path)
    if parts:
        for data, outcomes in parts:
            yield from physionet2012.stays(data, outcomes)
        return
    sources = sources_2019(path)
    if not sources:
        known = (
            "the 2012 layout (set-a with Outcomes-a.txt beside it) nor the 2019 layout (.psv "
            "files, or a zip of them)"
        )
        raise DataError(f"{path}: neither {known} was found; a table of your own needs --mapping.")
    for source in sources:
        yield from physionet2019.stays(source)


def parts_2012(path: Path) -> list[tuple[Path, Path]]:
    """Return (data, outcomes) of every 2012 part in a folder, or of the one part that `path` names;
    a folder goes before its zip.

    Raises DataError for data or outcomes without the other.
    """
    if path.name.startswith("set-"):
        outcomes = (
            path.parent / f"Outcomes-{path.name.removeprefix('set-').removesuffix('.zip')}.txt"
        )
        if not outcomes.exists():
            raise DataError(f"{path} is there, but {outcomes} is not.")
        return [(path, outcomes)]
    parts: dict[str, list[Path]] = {}
    for found in sorted(
        [*path.glob("set-?.zip"), *path.glob("set-?"), *path.glob("Outcomes-?.txt")]
        if path.is_dir()
        else ()
    ):
        parts.setdefault(found.name.removesuffix(found.suffix)[-1], []).append(found)
    return [_part(path, letter, found) for letter, found in sorted(parts.items())]


def _part(folder: Path, letter: str, found: list[Path]) -> tuple[Path, Path]:
    outcomes = folder / f"Outcomes-{letter}.txt"
    if outcomes not in found:
        raise DataError(f"{found[0]} is there, but {outcomes.name} is not.")
    data = [path for path in found if path != outcomes]
    if not data:
        raise DataError(f"{outcomes} is there, but neither set-{letter} nor set-{letter}.zip is.")
    return data[0], outcomes


def sources_2019(path: Path) -> list[Path]:
    """Return the folder or zip of .psv files that `path` is, or every such zip below it; empty
    if there is none.
    """
    if not path.is_dir():
        return [path] if _holds_psv(path) else []
    if any(is_data(str(file.relative_to(path))) for file in path.rglob("*.psv")):
        return [path]
    return [
        file
        for file in sorted(path.rglob("*.zip"))
        if is_data(str(file.relative_to(path))) and _holds_psv(file)
    ]


def _holds_psv(path: Path) -> bool:
    if path.suffix != ".zip" and not zipfile.is_zipfile(path):
        return False
    with readable(path), zipfile.ZipFile(path) as archive:
        return any(name.endswith(".psv") and is_data(name) for name in archive.namelist())
