"""Writes a file, or a folder, whole or not at all."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def write_whole(path: Path, text: str, private: bool = False) -> None:
    """Write text beside the path and move it there, so that a reader, or a crash, meets the old
    file or the new one, never a half; a `private` one is for its owner alone.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def write_folder_whole(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder beside the old one, then let them change places; nothing of the
    old one stays.
    """
    part, old = folder.with_name(f"{folder.name}.part"), folder.with_name(f"{folder.name}.old")
    for left in (part, old):
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    for name, content in files.items():
        (part / name).write_bytes(content)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
