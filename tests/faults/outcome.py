"""What a fault was measured to do, and whether its promise was kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.support.absent import absent


class Impossible(Exception):
    """This machine can't make the fault; the text says why."""


class Outcome(NamedTuple):
    """What was measured in a few words, and whether it is as promised."""

    measured: str
    kept: bool


@dataclass(frozen=True)
class Scale:
    """How long the campaign is: the short form is that of the tests."""

    kills: int = 30
    mutations: int = 3_000
    soak: int = 1_000


@dataclass(frozen=True)
class Fault:
    """A line of the table: `name` for --only, the promises that it tries, and the trial itself in a
    folder of its own.
    """

    name: str
    promises: str
    what: str
    trial: Callable[[Path, Scale], Outcome]


SHORT = Scale()


def kept(trial: Callable[[Path, Scale], Outcome], folder: Path) -> None:
    """Assert that a promise is kept in the short form; what this machine can't make is skipped by
    name, and a failure where CI=true.
    """
    try:
        found = trial(folder, SHORT)
    except Impossible as why:
        absent(f"{trial.__module__}.{trial.__name__}: {why}")
    assert found.kept, found.measured
