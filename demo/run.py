"""`vigil demo`: starts Vigil and the demonstration EHR side by side, says where to look, and stops both together."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from demo.physionet import PhysioNetError, stays

ROOT = Path(__file__).parents[1]
START_SECONDS, STOP_SECONDS, POLL_SECONDS = 60.0, 12.0, 0.2
TAIL_LINES = 15
CONFIGURATION = """\
# Written anew by `vigil demo` at each start.
public_url = "http://localhost:{port}"
data_dir = "data"

[[ehr]]
id = "demo"
profile = "generic"
fhir_base = ["http://localhost:{ehr_port}/fhir"]
hook_issuer = "http://localhost:{ehr_port}"
hook_jwks_url = "http://localhost:{ehr_port}/jwks.json"
hook_auth = "required"
smart_client_id = "vigil"
smart_client_auth = "private_key_jwt"
frame_ancestors = ["http://localhost:{ehr_port}"]
cors_origins = ["http://localhost:{ehr_port}"]
mode = "live"
"""


class DemoError(Exception):
    """The demonstration can't start or go on; the message is for the person at the terminal."""


def run(port: int, ehr_port: int, from_physionet: str | Path | None = None, open_ready: Callable[[str], object] = print,
        folder: str | Path = "var/demo") -> int:  # fmt: skip
    """Run the demonstration until Ctrl-C or SIGTERM and return the exit code.

    `open_ready` gets the one line to read once both answer; everything else goes to stderr. `folder` keeps configuration, data, logs.
    """
    children: list[Child] = []
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        _check(port, ehr_port, from_physionet)
        path = write_configuration(Path(folder).resolve(), port, ehr_port)
        physionet = [str(Path(from_physionet).resolve())] if from_physionet else []
        children.append(Child("Vigil", [sys.executable, "-m", "vigil", "serve", "--config", str(path)], port, path.parent))
        children.append(Child("The demonstration EHR", [sys.executable, "-m", "demo.serve", str(ehr_port), str(port), *physionet], ehr_port,
                              path.parent))  # fmt: skip
        _wait(children)
        open_ready(f"Open http://localhost:{ehr_port}/")
        _watch(children)
        return 0
    except DemoError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("Stopping.")
        return 0
    finally:
        _stop(children)
        signal.signal(signal.SIGTERM, previous)


def write_configuration(folder: Path, port: int, ehr_port: int) -> Path:
    """Write Vigil's configuration into a folder of this port's own, so that two demonstrations never share an audit log."""
    folder = folder / str(port)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "vigil.toml"
        path.write_text(CONFIGURATION.format(port=port, ehr_port=ehr_port), "utf-8")
    except OSError as error:
        raise DemoError(f"The folder {folder} can't be written: {error.strerror}.") from None
    return path


class Child:
    """A started server: a process group of its own, its output in a log file, and the address where it says that it is well."""

    def __init__(self, name: str, command: list[str], port: int, folder: Path):
        self.name, self.health = name, f"http://localhost:{port}/health"
        self.log = folder / f"{port}.log"
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )

    def answers(self) -> bool:
        """Tell whether it is up."""
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.health, timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def tail(self) -> str:
        """Return the end of its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
        return "".join(f"\n  {line}" for line in lines)

    def signal_group(self, number: int) -> None:
        """Signal it and all that it started."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return


def _check(port: int, ehr_port: int, from_physionet: str | Path | None) -> None:
    if port == ehr_port:
        raise DemoError(f"Vigil and the demonstration EHR can't both use port {port}; choose another with --port or --ehr-port.")
    for number, option in ((port, "--port"), (ehr_port, "--ehr-port")):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError as error:
                raise DemoError(f"Port {number} can't be used ({error.strerror}); choose another with {option}.") from None
    if from_physionet:
        try:
            stays(from_physionet, datetime.now(UTC))
        except PhysioNetError as error:
            raise DemoError(str(error)) from None


def _wait(children: list[Child]) -> None:
    """Return when all answer. Raises DemoError when one ends or it takes too long."""
    deadline = time.monotonic() + START_SECONDS
    for child in children:
        _say(f"Waiting for {child.name} at {child.health} ...")
        while not child.answers():
            _check_alive(children)
            if time.monotonic() > deadline:
                raise DemoError(f"{child.name} did not answer within {START_SECONDS:.0f} s. The end of {child.log}:{child.tail()}")
            time.sleep(POLL_SECONDS)
    # Something else may have taken the port and answered in the place of a child that is already gone.
    _check_alive(children)


def _watch(children: list[Child]) -> None:
    _say("Ctrl-C stops the demonstration.")
    while True:
        _check_alive(children)
        time.sleep(POLL_SECONDS)


def _check_alive(children: list[Child]) -> None:
    for child in children:
        code = child.process.poll()
        if code is not None:
            raise DemoError(f"{child.name} has ended (exit code {code}), so the demonstration stops. The end of {child.log}:{child.tail()}")


def _stop(children: list[Child]) -> None:
    """End every process group that was started: politely first, then for certain."""
    # A second Ctrl-C must not leave a server behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for child in children:
        child.signal_group(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _say(f"{child.name} did not stop in time and is killed.")
        child.signal_group(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
