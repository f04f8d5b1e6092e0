"""Fixtures of the specification's tests."""

import pytest

from tests.support.hookcall import World
from tests.support.launch_bench import Bench, log_lines
from tests.support.listener import Listener
from tests.support.small_ehr import SmallEhr


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


@pytest.fixture
def ehr():
    server = SmallEhr()
    yield server
    server.stop()


@pytest.fixture
def bench(tmp_path, ehr):
    return Bench(tmp_path, ehr)


@pytest.fixture
def logged(tmp_path):
    """Return what was logged so far."""
    return log_lines(tmp_path)
