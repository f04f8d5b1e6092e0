"""deploy/vigil.service, by systemd's own judgement. No systemd ran it here."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.absent import absent

UNIT = Path(__file__).parents[3] / "deploy" / "vigil.service"
# systemd's scale goes from 0 (closed) to 10; up to 2 it says "OK".
MOST_EXPOSED = 2.0


@pytest.fixture
def analyze(tmp_path):
    """Run systemd-analyze on a copy whose command exists on this machine."""
    if not shutil.which("systemd-analyze"):
        absent("needs systemd-analyze")

    def run(verb: str, *options: str, text: str = UNIT.read_text("utf-8")):
        copy = tmp_path / "vigil.service"
        copy.write_text(text.replace("/opt/vigil/.venv/bin/vigil", "/bin/true"), "utf-8")
        return subprocess.run(
            ["systemd-analyze", verb, *options, copy], capture_output=True, text=True
        )

    return run


def test_systemd_finds_nothing_to_mend(analyze):
    """Each key is known and has a value that it may have; a slip of the pen is found."""
    found = analyze("verify", "--man=no")
    assert found.returncode == 0 and not found.stderr, found.stderr
    slip = UNIT.read_text("utf-8").replace("ProtectHome=", "ProtectHoem=")
    assert "ProtectHoem" in analyze("verify", "--man=no", text=slip).stderr


def test_the_service_is_closed(analyze):
    """systemd's own score of what a broken-into Vigil could reach."""
    found = analyze("security", "--offline=true")
    (score,) = re.findall(r"exposure level for vigil.service: ([\d.]+)", found.stdout)
    print(f"systemd-analyze security: {score}")
    assert float(score) <= MOST_EXPOSED, found.stdout
    open_one = analyze("security", "--offline=true", text="[Service]\nExecStart=/bin/true\n")
    assert float(re.findall(r"vigil.service: ([\d.]+)", open_one.stdout)[0]) > MOST_EXPOSED


def test_the_unit_reloads_stops_and_restarts_as_vigil_does():
    """HUP reloads, SIGTERM goes to the first process, and its ten seconds fit into the stop."""
    told = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE))
    assert told["ExecReload"] == "/bin/kill -HUP $MAINPID" and told["Restart"] == "always"
    assert told["KillMode"] == "mixed" and int(told["TimeoutStopSec"]) > 10
    assert told["StateDirectory"] == "vigil" and told["ProtectSystem"] == "strict"
