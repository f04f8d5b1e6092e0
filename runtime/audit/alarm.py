"""The alarm that the audit log is not what it was, kept in a file beside it: every process sees it,
whichever found it, and it stays over a restart.
"""

from collections.abc import Sequence
from pathlib import Path

MOST = 20


def raise_alarm(log: Path, found: Sequence[str]) -> None:
    """Keep the sentences about what was found, until they are cleared."""
    _file(log).write_text("".join(f"{text}\n" for text in found[:MOST]), "utf-8")


def clear_alarm(log: Path) -> None:
    """Take the alarm back: the log fits its checkpoints."""
    _file(log).unlink(missing_ok=True)


def raised(log: Path) -> str | None:
    """Return what was found, a sentence a line, or None; it holds no patient data."""
    try:
        return _file(log).read_text("utf-8")
    except FileNotFoundError:
        return None


def _file(log: Path) -> Path:
    return log.with_name("audit-alarm")
