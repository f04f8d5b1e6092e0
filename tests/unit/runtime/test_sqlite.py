"""SQLite files that several processes share."""

import subprocess
import sys

import pytest

from runtime.audit.log import Audit

LOOK = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM audit').fetchone())"


def looked(path) -> int:
    """Return how many records another process sees, which closes the file as it ends."""
    run = subprocess.run([sys.executable, "-c", LOOK, str(path)], capture_output=True, check=True)
    return int(run.stdout)


@pytest.mark.rule("G3")
def test_who_looks_and_leaves_takes_no_record_along(tmp_path):
    """Although this process opened the log twice, its locks hold: nobody else deletes the -wal
    that it writes into.
    """
    audit = Audit(tmp_path / "audit.sqlite")
    audit.append("hook", {})
    Audit(tmp_path / "audit.sqlite").append("hook", {})
    assert looked(audit.path) == 2
    audit.append("hook", {})
    assert looked(audit.path) == 3
