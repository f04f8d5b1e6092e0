"""Fixtures of the specification's tests, and the report of MUST rules that no test names."""

import csv
from pathlib import Path

import pytest

from tests.support.hookcall import World
from tests.support.listener import Listener

RULES = Path(__file__).with_name("rules.csv")
_covered: set[str] = set()


def pytest_configure(config):
    config.addinivalue_line("markers", "rule(number): the rule of a standard that this test proves")


def pytest_collection_modifyitems(items):
    for item in items:
        _covered.update(number for mark in item.iter_markers("rule") for number in mark.args)


def pytest_terminal_summary(terminalreporter):
    """Name each MUST of the standard that is not marked on any collected test."""
    with RULES.open(encoding="utf-8", newline="") as file:
        missing = [
            row
            for row in csv.DictReader(file)
            if "MUST" in row["level"] and row["number"] not in _covered
        ]
    terminalreporter.section("CDS Hooks: MUST rules without a test")
    for row in missing:
        terminalreporter.write_line(f"{row['number']:5} {row['who']:8} {row['title']}")
    terminalreporter.write_line(f"{len(missing)} of the MUST rules have no test.")


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
