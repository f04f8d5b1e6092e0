"""Writes a file whole or not at all."""

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write text beside the path and move it there, so that a reader meets the old file or the
    new one, never a half.
    """
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, "utf-8")
    part.replace(path)
