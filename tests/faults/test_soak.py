"""What many calls leave behind (G10)."""

import pytest

from tests.faults import soak
from tests.faults.outcome import kept


@pytest.mark.rule("G10")
def test_soak(tmp_path):
    """A thousand calls leave neither memory nor open files behind."""
    kept(soak.flat, tmp_path / "site")
