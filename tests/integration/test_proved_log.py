"""`vigil serve` signs checkpoints of its audit log when it starts and stops, sees at a start what
was cut off meanwhile, and says it while it serves.
"""

import json
import os
import signal
import sqlite3
import time
import uuid
from contextlib import closing
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

import vigil
from runtime.audit.log import Audit
from runtime.audit.proof.checkpoints import Checkpoint, read
from tests.conftest import SICK, bundle, patient, table
from tests.support.served import Served

OPEN = '[[ehr]]\nid = "open"\nfhir_base = ["https://ehr.example.org/r4"]\nhook_auth = "open"\n'


def call(served: Served) -> None:
    """Ask for a card and get one."""
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": "https://ehr.example.org/r4",
        "prefetch": {"patient": patient(), "vitals": bundle(table(SICK))},
        # Somebody new each time, to whom no card was shown before.
        "context": {"userId": f"Practitioner/{uuid.uuid4()}", "patientId": "p1"},
    }
    answer = requests.post(served.hook, json=body, timeout=30)
    assert answer.status_code == 200 and answer.json()["cards"], answer.text


def kept(folder: Path) -> list[Checkpoint]:
    """Return the checkpoints so far."""
    return [one.signed.checkpoint for one in read(folder / "data" / "checkpoints")]


def wait_for(what, seconds: float = 60.0) -> None:
    """Return once it is so; fail when it never is."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "It never came."
        time.sleep(0.1)


def verify(folder: Path, *options: str) -> tuple[int, str]:
    """Return exit code and output of `vigil audit verify`."""
    told = ["audit", "verify", "--config", str(folder / "vigil.toml"), *options]
    run = CliRunner().invoke(vigil.main, told)
    return run.exit_code, run.output


@pytest.mark.rule("G3", "G4")
def test_a_service_signs_what_it_recorded_and_raises_the_alarm_over_what_was_cut(tmp_path):
    served = Served(tmp_path, OPEN)
    log = tmp_path / "data" / "audit.sqlite"
    try:
        wait_for(lambda: kept(tmp_path))
        for _ in range(3):
            call(served)
    finally:
        served.stop()
    last = kept(tmp_path)[-1]
    assert last.number == 2 and last.records == 4
    code, said = verify(tmp_path)
    assert code == 0 and "5 records, chain whole" in said and "1 records since then" in said, said

    with closing(sqlite3.connect(log, isolation_level=None)) as db:
        db.execute("DELETE FROM audit WHERE seq > 2")
    served = Served(tmp_path, OPEN)
    try:
        wait_for(lambda: Audit(log).alarm)
        call(served)
        assert "2 were cut off" in Audit(log).alarm
    finally:
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait()
    # The keeper outlives a killed master only until the workers have ended.
    keeper = f"runtime.audit.proof.keeper\0{log}".encode()
    wait_for(lambda: not any(keeper in line for line in command_lines()))
    assert kept(tmp_path)[-1] == last
    events = [json.loads(one) for one in served.log.read_text().splitlines() if one[:1] == "{"]
    assert any(one["event"] == "audit_alarm" for one in events)
    code, said = verify(tmp_path)
    assert code == 1 and "checkpoint 2 of" in said and "were cut off" in said, said


def command_lines() -> list[bytes]:
    """Return the command lines of all processes."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes())
        except OSError:
            continue
    return found


def test_the_commands_print_what_a_reader_needs(tmp_path):
    """Checkpoint and key as text that verify takes, an export, and what there is to seal or prune:
    nothing yet.
    """
    (tmp_path / "vigil.toml").write_text(
        f'public_url = "http://localhost:8000"\ndata_dir = "data"\n{OPEN}', "utf-8"
    )
    Audit(tmp_path / "data" / "audit.sqlite").append("hook", {"n": 1})

    def run(*words: str) -> str:
        told = ["audit", *words, "--config", str(tmp_path / "vigil.toml")]
        done = CliRunner().invoke(vigil.main, told)
        assert done.exit_code == 0, done.output
        return done.output

    assert "No checkpoint was made yet" in run("verify")
    shipped, key = tmp_path / "shipped.jsonl", tmp_path / "key.pem"
    shipped.write_text(run("checkpoint"), "utf-8")
    key.write_text(run("key"), "utf-8")
    (tmp_path / "data" / "checkpoint-key").unlink()
    assert verify(tmp_path)[0] == 1
    code, said = verify(tmp_path, "--checkpoints", str(shipped), "--public-key", str(key))
    assert code == 0 and "1 checkpoints" in said, said
    assert [json.loads(line)["seq"] for line in run("export").splitlines()] == [1, 2]
    assert "Nothing to seal" in run("seal")
    assert "Nothing removed" in run("prune", "--before", "2030-01-01", "--yes")
