"""The stop of a trial: a file that all processes look at with each call, so that none has to be
started again.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from runtime.secretfile import SecretFileError, read_or_create
from runtime.settings import Trial


class Stop(msgspec.Struct, frozen=True):
    """Who stopped which protocol when (aware UTC), and why."""

    protocol: str
    reason: str
    by: str
    at: datetime


def stopped(path: Path) -> str | None:
    """Return why a trial was stopped, None while it goes on.

    A file that can't be read stops it as well: then everybody is shown what the models say.
    """
    try:
        return found.reason if (found := read_stop(path)) else None
    except (OSError, ValueError, SecretFileError) as error:
        return f"the stop file can't be read: {type(error).__name__}"


def read_stop(path: Path) -> Stop | None:
    """Return the stop, None where there is none. Raises OSError, ValueError, SecretFileError."""
    # A folder that isn't there hides a stop that may be.
    path.parent.stat()
    return None if not path.exists() else msgspec.json.decode(path.read_bytes(), type=Stop)


def write_stop(path: Path, trial: Trial, reason: str, by: str, at: datetime) -> Stop:
    """Stop a trial, and return the stop: the first one, where it was stopped before.

    Raises OSError, ValueError, SecretFileError.
    """
    made = Stop(trial.protocol, reason, by, at)
    return msgspec.json.decode(read_or_create(path, lambda: msgspec.json.encode(made)), type=Stop)
