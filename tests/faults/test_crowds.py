"""Many at once (G12, A7, F1, F2, A11)."""

import pytest

from tests.faults import crowds
from tests.faults.outcome import kept


@pytest.mark.rule("G12")
def test_same_call(tmp_path):
    """Twelve clients send the same hookInstance at once: the same cards, and one record that is no
    repeat."""
    kept(crowds.same_call, tmp_path / "site")


@pytest.mark.rule("A7")
def test_same_token(tmp_path):
    """Twelve uses of one token at once: one is let in, also after a restart none further."""
    kept(crowds.same_token, tmp_path / "site")


@pytest.mark.rule("F1")
def test_slow_clients(tmp_path):
    """Forty clients of each kind hold connections: silent, dripping headers, dripping bodies,
    reading nothing."""
    kept(crowds.slow_clients, tmp_path / "site")


@pytest.mark.rule("F2")
def test_overload(tmp_path):
    """64 clients at once: each gets its own patient's card or is refused at once, and as many cards
    are given as without the crowd.
    """
    kept(crowds.overload, tmp_path / "site")


@pytest.mark.rule("A11")
def test_bad_tokens(tmp_path):
    """Eight clients send forged tokens without end: they get 429, valid callers their answers."""
    kept(crowds.bad_tokens, tmp_path / "site")


@pytest.mark.rule("A11")
@pytest.mark.rule("B1")
def test_big_bodies(tmp_path):
    """Eight clients send 4 MiB with a forged token without end: they are refused, valid callers get
    their answers."""
    kept(crowds.big_bodies, tmp_path / "site")


@pytest.mark.rule("F10")
@pytest.mark.rule("E3")
def test_launches(tmp_path):
    """Launches without any credential do not fill Redis."""
    kept(crowds.launches, tmp_path / "site")
