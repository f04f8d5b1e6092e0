"""Marked names and tokens (C4, F9, F10, B8, E7)."""

import pytest

from tests.faults import canary
from tests.faults.outcome import kept


@pytest.mark.rule("C4")
@pytest.mark.rule("F9")
@pytest.mark.rule("F10")
@pytest.mark.rule("B8")
@pytest.mark.rule("E7")
def test_canary(tmp_path):
    """Everything that was written or answered in error is searched for the marks."""
    kept(canary.nothing_leaks, tmp_path / "site")


@pytest.mark.rule("B8")
@pytest.mark.rule("F9")
def test_broken_http(tmp_path):
    """What is no HTTP is answered and logged without a word of it."""
    kept(canary.broken_http, tmp_path / "site")
