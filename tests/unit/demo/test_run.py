"""The runner with two stand-in servers: what it says, what it returns, and that it never leaves
anything running.
"""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from demo import run as runner
from demo.playing.clients import PLAYED

ROOT = Path(__file__).parents[3]
SERVER = """
import signal, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
kind, port = sys.argv[1], int(sys.argv[2])
print("a line of the log", flush=True)
if kind == "broken":
    sys.exit("the model is missing")
if kind == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if kind == "silent" else 200)
        self.end_headers()
    def log_message(self, *ignored):
        return
HTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""
START = """
import sys
from demo import run
kinds = dict(zip(("Vigil", "The demonstration EHR"), sys.argv[4:]))
run.START_SECONDS, run.STOP_SECONDS, run.POLL_SECONDS = float(sys.argv[3]), 1.0, 0.05
own = run.servers
run.servers = lambda *a: [(name, port, [sys.executable, "-c", SERVER, kinds[name], str(port)]) for name, port, _ in own(*a)]
sys.exit(run.run(int(sys.argv[1]), int(sys.argv[2]), folder="var"))
"""


def free_ports():
    """Return two ports that nobody listens on."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0)), two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


class Demonstration:
    """A running `run()` with stand-ins of two kinds: well, broken, silent, stubborn."""

    def __init__(self, folder, vigil="well", ehr="well", seconds=20.0):
        self.port, self.ehr_port = free_ports()
        environment = {
            name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"
        } | {"PYTHONPATH": str(ROOT)}
        command = [
            sys.executable,
            "-c",
            f"SERVER = {SERVER!r}\n{START}",
            str(self.port),
            str(self.ehr_port),
            str(seconds),
            vigil,
            ehr,
        ]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.groups: list[int] = []

    def opened(self):
        """Wait for the one line and note which process groups were started."""
        assert self.process.stdout.readline() == f"Open http://localhost:{self.ehr_port}/\n"
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.groups = [int(pid) for pid in children.split()]
        assert len(self.groups) == 2 and all(os.getpgid(pid) == pid for pid in self.groups)
        return self

    def end(self):
        """Return exit code, the rest of stdout, and stderr."""
        out, errors = self.process.communicate(timeout=30)
        assert "Traceback" not in errors
        return self.process.returncode, out, errors

    def orphans(self):
        return [group for group in self.groups if is_alive(group)]


def is_alive(group):
    """Tell whether a process group still has a member that is no zombie; init may take a moment
    to reap.
    """
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        rows = subprocess.run(
            ["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        if not any(
            int(row.split()[0]) == group and not row.split()[1].startswith("Z") for row in rows
        ):
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("number", runner.SIGNALS, ids=lambda number: number.name)
def test_a_signal_stops_all_that_was_started(tmp_path, number):
    """Exit code 0, nothing more on stdout, not even a grandchild left; the line came without
    help from PYTHONUNBUFFERED.
    """
    demonstration = Demonstration(tmp_path).opened()
    demonstration.process.send_signal(number)
    code, out, errors = demonstration.end()
    assert (code, out) == (0, "") and errors.endswith("Stopping.\n") and not demonstration.orphans()


def test_more_signals_do_not_cut_the_clean_up_short(tmp_path):
    """The impatient press Ctrl-C again; a server that ignores SIGTERM is killed all the same."""
    demonstration = Demonstration(tmp_path, vigil="stubborn").opened()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        demonstration.process.send_signal(number)
        time.sleep(0.1)
    code, _, errors = demonstration.end()
    assert (
        code == 0
        and "Vigil did not stop in time and is killed." in errors
        and not demonstration.orphans()
    )


def test_ctrl_c_while_it_starts(tmp_path):
    """No line on stdout, since nothing can be opened."""
    demonstration = Demonstration(tmp_path, vigil="silent")
    assert "Waiting for Vigil" in demonstration.process.stderr.readline()
    demonstration.process.send_signal(signal.SIGINT)
    assert demonstration.end() == (0, "", "Stopping.\n")


def test_a_server_that_never_answers(tmp_path):
    """One sentence with the seconds, the log's name and its end; the other server stops too."""
    demonstration = Demonstration(tmp_path, ehr="silent", seconds=1.0)
    code, out, errors = demonstration.end()
    assert (code, out) == (
        1,
        "",
    ) and "The demonstration EHR did not answer within 1 s. The end of " in errors
    assert f"{demonstration.ehr_port}.log:\n  a line of the log" in errors


def test_a_server_that_ends_at_once(tmp_path):
    """The reason stands in its log, so it is shown."""
    code, out, errors = Demonstration(tmp_path, vigil="broken").end()
    assert (code, out) == (
        1,
        "",
    ) and "Vigil has ended (exit code 1), so the demonstration stops." in errors
    assert "  the model is missing\n" in errors


def test_a_server_that_dies_later(tmp_path):
    """The other is stopped; what the dead one had started goes too."""
    demonstration = Demonstration(tmp_path).opened()
    os.kill(demonstration.groups[1], signal.SIGKILL)
    code, _, errors = demonstration.end()
    assert code == 1 and "has ended (exit code -9)" in errors and not demonstration.orphans()


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")],
)
def test_a_busy_port_is_said_before_anything_starts(tmp_path, capsys, family, address):
    """On ::1 too, where a browser may look first."""
    try:
        taken = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip(f"this host has no {address}")
    with taken:
        busy = taken.getsockname()[1]
        assert runner.run(busy, free_ports()[0], folder=tmp_path / "var") == 1
        assert runner.run(free_ports()[0], busy, folder=tmp_path / "var") == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.splitlines() == [
        f"Port {busy} can't be used (Address already in use); choose another with {option}."
        for option in ("--port", "--ehr-port")
    ]
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("port", "ehr_port", "words"),
    [
        (8123, 8123, "can't both use port 8123"),
        (0, 8123, "between 1 and 65535"),
        (8123, 65536, "between 1 and 65535"),
    ],
)
def test_impossible_ports(tmp_path, capsys, port, ehr_port, words):
    """One sentence each."""
    assert runner.run(port, ehr_port, folder=tmp_path / "var") == 1
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    """Said by name; the callers' signal handlers come back."""
    (tmp_path / "var").write_text("a file")
    before = [signal.getsignal(number) for number in runner.SIGNALS]
    assert runner.run(*free_ports(), folder=tmp_path / "var") == 1
    assert "can't be written" in capsys.readouterr().err
    assert [signal.getsignal(number) for number in runner.SIGNALS] == before


def test_the_configuration_is_one_that_vigil_accepts(tmp_path):
    """Read by Vigil's own loader; the folders are for their owner alone."""
    from runtime.settings_file import load_settings

    path = runner.write_configuration(tmp_path / "demo", 8100, 8101)
    settings = load_settings(path)
    ehr = settings.ehr[0]
    assert (
        settings.public_url == "http://localhost:8100"
        and ehr.hook_issuer == "http://localhost:8101"
    )
    assert ehr.hook_jwks_url == "http://localhost:8101/jwks.json" and list(ehr.fhir_base) == [
        "http://localhost:8101/fhir"
    ]
    assert (ehr.hook_auth, ehr.smart_client_auth, ehr.mode) == (
        "required",
        "private_key_jwt",
        "live",
    )
    assert [
        stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)
    ] == [0o700, 0o700]
    assert tomllib.loads(path.read_text()).keys() == {"public_url", "data_dir", "ehr"}


@pytest.mark.parametrize("sandbox", [None, "http://localhost:8080"])
def test_each_client_has_a_record_and_one_is_open(tmp_path, sandbox):
    """A call that nobody signed and that names no FHIR server belongs to that one."""
    from runtime.settings_file import load_settings

    settings = load_settings(runner.write_configuration(tmp_path / "demo", 8100, 8101, sandbox))
    assert [ehr.id for ehr in settings.ehr] == [played.record for played in PLAYED.values()]
    assert [ehr.id for ehr in settings.ehr if ehr.hook_auth == "open"] == ["sandbox"]
    for played in PLAYED.values():
        ehr = settings.trusted(played.base("http://localhost:8101"))
        assert (ehr.id, ehr.profile) == (played.record, played.profile)


def test_the_real_servers_are_what_is_started(tmp_path):
    """The command lines, with the data's path made absolute, since the servers run in the
    checkout.
    """
    vigil, ehr = runner.servers(8100, 8101, tmp_path / "vigil.toml", "set-a.zip")
    assert vigil == (
        "Vigil",
        8100,
        [sys.executable, "-m", "vigil", "serve", "--config", str(tmp_path / "vigil.toml")],
    )
    assert ehr[2][1:] == [
        "-m",
        "demo.serve",
        "8101",
        "8100",
        "--audit-log",
        str(tmp_path / "data" / "audit.sqlite"),
        "--from-physionet",
        str(Path("set-a.zip").resolve()),
    ]


def test_a_sandbox_is_handed_on(tmp_path):
    """To the demonstration EHR as it stands, and to Vigil as a record that is open, found by a
    FHIR base of its own and without keys.
    """
    from runtime.settings_file import load_settings

    sandbox = "http://localhost:8080"
    _, ehr = runner.servers(8100, 8101, tmp_path / "vigil.toml", sandbox=sandbox)
    assert ehr[2][-2:] == ["--sandbox", sandbox]
    settings = load_settings(runner.write_configuration(tmp_path / "demo", 8100, 8101, sandbox))
    demo, *_, opened = settings.ehr
    assert (demo.id, demo.hook_auth, demo.cors_origins) == (
        "demo",
        "required",
        ("http://localhost:8101",),
    )
    assert settings.trusted("http://localhost:8101/open/fhir") is opened
    assert (opened.hook_auth, opened.hook_issuer, opened.cors_origins) == ("open", None, (sandbox,))
    assert opened.smart_client_id == "vigil"


@pytest.mark.parametrize(
    "sandbox", ["localhost:8080", "http://localhost:8080/page", 'http://a"b', "ftp://localhost"]
)
def test_a_sandbox_that_is_no_origin(tmp_path, capsys, sandbox):
    """One sentence, before anything starts."""
    assert runner.run(*free_ports(), sandbox=sandbox, folder=tmp_path / "var") == 1
    said = capsys.readouterr().err
    assert "--sandbox takes an origin" in said and said.count("\n") == 1
