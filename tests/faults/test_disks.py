"""The audit disk at fault (G5)."""

import pytest

from tests.faults import disks
from tests.faults.outcome import kept


@pytest.mark.rule("G5")
def test_disk_full(tmp_path):
    """Nothing free: 503 with Retry-After, or a card with its record; and all is well afterwards."""
    kept(disks.full, tmp_path / "site")


@pytest.mark.rule("G5")
def test_disk_reserve(tmp_path):
    """Nothing free: the reserve takes the next records; once it is full, 503 and no card; what it
    took is in the log afterwards.
    """
    kept(disks.reserve, tmp_path / "site")


@pytest.mark.rule("G5")
def test_disk_alarm(tmp_path):
    """Nothing free: /readyz says at once that the audit log is not well, and later that it is."""
    kept(disks.alarm, tmp_path / "site")


@pytest.mark.rule("G5")
def test_disk_read_only(tmp_path):
    """Every write is refused: 503, never a card, and all is well afterwards."""
    kept(disks.read_only, tmp_path / "site")


@pytest.mark.rule("G5")
def test_disk_slow(tmp_path):
    """A second more for each fsync: a card with its record, or 503 with Retry-After."""
    kept(disks.slow, tmp_path / "site")


@pytest.mark.rule("G5")
def test_disk_slow_shared(tmp_path):
    """100 ms more for each fsync and eight callers at once: one fsync serves all that wait."""
    kept(disks.slow_shared, tmp_path / "site")
