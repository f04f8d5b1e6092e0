"""Requests and charts changed (B4, B5)."""

import pytest

from tests.faults import mutations
from tests.faults.outcome import kept


@pytest.mark.rule("B4")
@pytest.mark.rule("B5")
def test_mutations(tmp_path):
    """Garble requests and change charts in turn; every third is a request."""
    kept(mutations.held, tmp_path / "site")
