"""The audit log changed by others (governance part 5)."""

import pytest

from tests.faults import tamper
from tests.faults.outcome import kept


@pytest.mark.rule("governance part 5")
def test_tamper_changed(tmp_path):
    """A record in the middle is changed."""
    kept(tamper.changed, tmp_path / "site")


@pytest.mark.rule("governance part 5")
def test_tamper_cut(tmp_path):
    """The newest records are removed."""
    kept(tamper.cut, tmp_path / "site")


@pytest.mark.rule("governance part 5")
def test_tamper_dropped(tmp_path):
    """The table is dropped."""
    kept(tamper.dropped, tmp_path / "site")


@pytest.mark.rule("governance part 5")
def test_tamper_deleted(tmp_path):
    """The file is deleted."""
    kept(tamper.deleted, tmp_path / "site")


@pytest.mark.rule("governance part 5")
def test_tamper_rehashed(tmp_path):
    """A record is changed and the whole chain is made anew, with Vigil's own code."""
    kept(tamper.rehashed, tmp_path / "site")


@pytest.mark.rule("governance part 5")
def test_tamper_garbage(tmp_path):
    """A page in the middle of the file is overwritten."""
    kept(tamper.garbage, tmp_path / "site")
