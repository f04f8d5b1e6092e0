"""One working demonstration per test; each test changes one thing."""

import pytest

from tests.support.small_vigil import World


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)
