"""Redis away or back (G1, F3)."""

import pytest

from tests.faults import redis_away
from tests.faults.outcome import kept


@pytest.mark.rule("G1")
@pytest.mark.rule("A7")
def test_redis_killed(tmp_path):
    """A shared Redis is killed."""
    kept(redis_away.killed, tmp_path / "site")


@pytest.mark.rule("G1")
@pytest.mark.rule("F3")
def test_redis_frozen(tmp_path):
    """A shared Redis answers nothing (SIGSTOP)."""
    kept(redis_away.frozen, tmp_path / "site")


@pytest.mark.rule("G1")
def test_redis_full(tmp_path):
    """A shared Redis takes no further key."""
    kept(redis_away.full, tmp_path / "site")


@pytest.mark.rule("G1")
@pytest.mark.rule("A7")
@pytest.mark.rule("G2")
def test_redis_emptied(tmp_path):
    """A shared Redis is killed and comes back with nothing."""
    kept(redis_away.emptied, tmp_path / "site")


@pytest.mark.rule("G1")
def test_redis_told(tmp_path):
    """With Redis away /readyz says `degraded`, with 200, since cards still come."""
    kept(redis_away.told, tmp_path / "site")


@pytest.mark.rule("G1")
def test_redis_embedded(tmp_path):
    """The embedded Redis is killed and comes back by itself, and cards are given meanwhile."""
    kept(redis_away.supervised, tmp_path / "site")
