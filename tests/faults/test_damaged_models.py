"""A damaged model (G7, F4)."""

import pytest

from tests.faults import damaged
from tests.faults.outcome import kept


@pytest.mark.rule("G7")
@pytest.mark.rule("F4")
def test_model_cut(tmp_path):
    """One model of two is cut, then SIGHUP."""
    kept(damaged.cut_reload, tmp_path / "site")


@pytest.mark.rule("G7")
@pytest.mark.rule("F4")
def test_model_flipped(tmp_path):
    """One bit of one model of two is flipped, then SIGHUP."""
    kept(damaged.flipped_reload, tmp_path / "site")


@pytest.mark.rule("G7")
@pytest.mark.rule("F4")
def test_model_cut_kill(tmp_path):
    """One model of two is cut, then a worker is killed."""
    kept(damaged.cut_killed, tmp_path / "site")


@pytest.mark.rule("G7")
def test_models_gone(tmp_path):
    """No model is whole at a restart: NEWS2 alone is answered, and no number of a model."""
    kept(damaged.all_gone, tmp_path / "site")
