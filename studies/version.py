"""Turns the code that runs into the version that figures are made with."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]


def code_version(root: Path = ROOT) -> str:
    """Return the short commit of a checkout; outside one the installed version, or "not
    available".

    An installation may lie within another project's repository, whose commit says nothing here.
    """
    try:
        return _commit(root) or version("vigil")
    except PackageNotFoundError:
        return "not available"


def _commit(root: Path) -> str | None:
    command = ["git", "-C", str(root), "rev-parse", "--show-toplevel", "--short", "HEAD"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    top, commit = run.stdout.splitlines()
    return commit if Path(top).resolve() == root.resolve() else None
