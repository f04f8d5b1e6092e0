"""Turns the checkout into the version that figures are made with."""

import subprocess
from pathlib import Path


def code_version() -> str:
    """Return the short commit, or "not available" outside a checkout."""
    try:
        command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not available"
