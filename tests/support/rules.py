"""The tables of rules and promises that tests prove, and the report of those that none does.

Every id that a comment cites stands in a table below tests/spec/rules. A pytest plugin: a run of
the whole suite ends by naming, table by table, what has no test.
"""

import ast
import csv
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parents[1]
TABLES = TESTS / "spec" / "rules"
# A rule of one of these needs a test; MAY, notes, what others should and clients' customs may have
# one.
BINDING = ("MUST", "SHALL", "practice", "promise", "part")


class Rule(NamedTuple):
    """A row of a table: its id, how binding it is, whom it binds, and what it asks for."""

    number: str
    level: str
    who: str
    title: str

    @property
    def binding(self) -> bool:
        """Return whether it needs a test: of what binds a service also what is only asked for."""
        asked = self.who == "service" and "should" in self.level.lower()
        return asked or any(word in self.level for word in BINDING)


def tables() -> dict[str, list[Rule]]:
    """Return the rules of every table, by the table's name."""
    found = {}
    for path in sorted(TABLES.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found[path.stem] = [Rule(**row) for row in csv.DictReader(file)]
    return found


def marked() -> set[str]:
    """Return the ids that any test is marked with, as its text has them: nothing is collected."""
    return {
        argument.value
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "rule"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }


class Report:
    """Notes which ids the collected tests are marked with, and whether all files were collected."""

    def __init__(self) -> None:
        self.proven: set[str] = set()
        self.whole = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        marks = [mark for item in items for mark in item.iter_markers("rule")]
        self.proven = {number for mark in marks for number in mark.args}
        self.whole = {item.path for item in items} >= set(TESTS.rglob("test_*.py"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        # A part of the suite proves a part of the rules: its report would be noise.
        if not self.whole:
            return
        for table, rules in tables().items():
            binding = [rule for rule in rules if rule.binding]
            missing = [rule for rule in binding if rule.number not in self.proven]
            terminalreporter.section(f"{table}: {len(missing)} of {len(binding)} have no test")
            for rule in missing:
                terminalreporter.write_line(f"{rule.number:17} {rule.who:10} {rule.title}")


def pytest_configure(config: pytest.Config) -> None:
    """Register the report; pytest calls this."""
    config.pluginmanager.register(Report())
