"""The EHR's servers at fault (G8, G9). Keys that hang and that are rotated take minutes: `make faults` tries
them here, and tests/unit/ehr/test_keys.py with a clock of its own.
"""

import pytest

from tests.faults import outside
from tests.faults.outcome import kept


@pytest.mark.rule("G8")
@pytest.mark.rule("C3")
def test_fhir(tmp_path):
    """Slow, down, 401, 429, garbage, endless: answered within the budget, from what was sent along
    or as insufficient."""
    kept(outside.fhir, tmp_path / "site")


@pytest.mark.rule("G9")
def test_keys_after_start(tmp_path):
    """A Vigil that starts while the key server is down uses the last set that it read."""
    kept(outside.keys_after_start, tmp_path / "site")
