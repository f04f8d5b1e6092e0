"""Turns plots.json of a version's folder into the global explanation plots that card and page
may show.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.fitted.booster import ModelError

PICTURE = re.compile(r"[a-z0-9][a-z0-9_-]*\.png")


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture below `plots/` with its text and table; the first line of the table is its head.
    `size` is its width and height, None where the file does not begin as a PNG does.
    """

    file: str
    title: str
    alt: str
    table: tuple[tuple[str, ...], ...]
    size: tuple[int, int] | None = None


def listed(folder: Path) -> tuple[Plot, ...]:
    """Return the pictures of a version that plots.json lists and that are there; () where there is
    none.

    Raises ModelError when the list can't be read. A name that could lead out of the folder is left
    out.
    """
    path = folder / "plots" / "plots.json"
    try:
        plots = [
            Plot(p["file"], p["title"], p["alt"], _table(p.get("table")))
            for p in json.loads(path.read_text("utf-8"))
        ]
        return tuple(
            replace(plot, size=_size(path.with_name(plot.file)))
            for plot in plots
            if PICTURE.fullmatch(plot.file) and path.with_name(plot.file).is_file()
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} can't be read ({type(error).__name__}).") from None


def _size(path: Path) -> tuple[int, int] | None:
    """Return width and height from the first chunk of a PNG (RFC 2083, 4.1.1)."""
    with path.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or not head.startswith(b"\x89PNG"):
        return None
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def _table(rows: list[Any] | None) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a table as text, its head first; rows may be lists, or dicts of the
    same keys.
    """
    if rows and isinstance(rows[0], dict):
        heads = tuple(name.replace("_", " ") for name in rows[0])
        return (heads, *(tuple(_text(value) for value in row.values()) for row in rows))
    return tuple(tuple(_text(value) for value in row) for row in rows or ())


def _text(value: object) -> str:
    return "" if value is None else str(value)
