"""What a worker serves with, for whoever tells of it: the pages that say how it is, metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Flask

EXTENSION = "vigil"


@dataclass(frozen=True)
class State:
    """The models of a worker, each as "name version".

    `missing` and `behind` name those that can't be served at all, or not by their champion, with a
    sentence for the log: it may hold a path of the host, so no page shows it.
    """

    models: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    behind: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Tell whether every model is served by its champion."""
        return not (self.missing or self.behind)


def keep(app: Flask, state: State) -> None:
    """Give an application its state."""
    app.extensions[EXTENSION] = state


def of(app: Flask) -> State:
    """Return the state that was given; an application without one serves no model."""
    found: State = app.extensions.get(EXTENSION, State())
    return found
