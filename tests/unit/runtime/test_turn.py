"""One process at a time, in the order of coming, and never held by the dead."""

import fcntl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runtime.audit.turn import Turn

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, time
from pathlib import Path
from runtime.audit.turn import Turn
with Turn(Path(sys.argv[1])):
    print("inside", flush=True)
    time.sleep(60)
"""


def waits_at(door):
    """Return once somebody holds the door."""
    end = time.monotonic() + 20
    with door.open() as file:
        while time.monotonic() < end:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(0.001)
    raise AssertionError("nobody came to the door")


def test_who_waits_comes_before_who_has_just_been_inside(tmp_path):
    order = []
    first, second = Turn(tmp_path / "log"), Turn(tmp_path / "log")

    def wait():
        with second:
            order.append("waited")

    with first:
        thread = threading.Thread(target=wait)
        thread.start()
        waits_at(tmp_path / "log.door")
        order.append("inside")
    with first:
        order.append("again")
    thread.join()
    assert order == ["inside", "waited", "again"]


@pytest.mark.rule("G3")
def test_a_killed_process_holds_nobody_up(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "log"], cwd=ROOT, stdout=subprocess.PIPE
    )
    came = []

    def wait():
        with Turn(tmp_path / "log"):
            came.append(1)

    thread = threading.Thread(target=wait)
    try:
        assert child.stdout.readline() == b"inside\n"
        thread.start()
        waits_at(tmp_path / "log.door")
        assert not came
    finally:
        child.kill()
        child.communicate()
    thread.join(20)
    assert came
