"""Clocks that differ or step back (G6)."""

import pytest

from tests.faults import clock
from tests.faults.outcome import kept


@pytest.mark.rule("G6")
def test_clock(tmp_path):
    """Within a minute a caller is let in, beyond it the reason is recorded; a step back by an hour
    stops nothing.
    """
    kept(clock.off, tmp_path / "site")
