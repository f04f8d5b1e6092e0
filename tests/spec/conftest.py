"""Fixtures of the specification's tests."""

import pytest

from tests.support.hookcall import World
from tests.support.listener import Listener


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def build(tmp_path):
    """Return a builder of Vigils that differ from the usual one."""
    return lambda **options: World(tmp_path, **options)


@pytest.fixture
def listener():
    server = Listener()
    yield server
    server.close()
