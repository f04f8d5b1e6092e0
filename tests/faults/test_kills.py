"""Processes that end (G3, G4)."""

import pytest

from tests.faults import kills
from tests.faults.outcome import kept


@pytest.mark.rule("G3")
def test_kills(tmp_path):
    """Kill master, worker or Redis while four clients call; every answer has its record."""
    kept(kills.killed, tmp_path / "site")


@pytest.mark.rule("G3")
def test_orphans(tmp_path):
    """Kill the master; whatever it started ends by itself."""
    kept(kills.orphans, tmp_path / "site")


@pytest.mark.rule("G4")
def test_stop(tmp_path):
    """SIGTERM at 20 calls a second: what was under way is answered and recorded."""
    kept(kills.stopped, tmp_path / "site")


@pytest.mark.rule("G4")
def test_reload(tmp_path):
    """SIGHUP at 20 calls a second: no call fails, none waits for the new workers."""
    kept(kills.reloaded, tmp_path / "site")
