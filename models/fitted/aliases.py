"""Turns a model's folder into what is in service: `champion` and `shadow` each hold a version,
`history` how they came about.

The history is append-only: one line a change, `time <tab> alias <tab> act <tab> version <tab> by
<tab> reason`.
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.fitted.booster import ModelError
from models.fitted.whole import write_whole

CHAMPION, SHADOW = "champion", "shadow"
HISTORY = "history"
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Change:
    """One line of the history; `act` is "promote" or "rollback"."""

    at: str
    alias: str
    act: str
    version: str
    by: str
    reason: str


def current(folder: Path, alias: str = CHAMPION) -> str | None:
    """Return the version that an alias of a model's folder names, None when there is no such alias.

    Raises ModelError when the file holds no version.
    """
    try:
        text = (folder / alias).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / alias} can't be read ({error}).") from None
    if not VERSION.fullmatch(text):
        raise ModelError(f"{folder / alias} names no version.")
    return text


def history(folder: Path) -> list[Change]:
    """Return the changes of a model, the oldest first; a line that a crash left half is passed
    over.
    """
    try:
        lines = (folder / HISTORY).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    cells = [line.split("\t") for line in lines]
    return [Change(*row) for row in cells if len(row) == 6 and VERSION.fullmatch(row[3])]


def earlier(folder: Path, champion: str | None) -> list[str]:
    """Return the versions that were champion before this one, the last one first; what was
    rolled back is not among them.
    """
    stack: list[str] = []
    for change in history(folder):
        if change.alias != CHAMPION:
            continue
        if change.act == "rollback" and change.version in stack:
            del stack[len(stack) - stack[::-1].index(change.version) :]
        elif change.act == "promote":
            stack.append(change.version)
    if champion in stack:
        stack = stack[: len(stack) - stack[::-1].index(champion)]
    return [version for version in dict.fromkeys(reversed(stack)) if version != champion]


def point(
    folder: Path, alias: str, act: str, version: str, by: str, reason: str, at: datetime
) -> None:
    """Let an alias name a version: first the history, then the alias, so that no change goes
    without its line.
    """
    cells = (
        f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        alias,
        act,
        version,
        _plain(by),
        _plain(reason),
    )
    with os.fdopen(
        os.open(folder / HISTORY, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        "w",
        encoding="utf-8",
    ) as file:
        file.write("\t".join(cells) + "\n")
        file.flush()
        os.fsync(file.fileno())
    write_whole(folder / alias, version + "\n")


def _plain(text: str) -> str:
    return CONTROL.sub(" ", text).strip()
