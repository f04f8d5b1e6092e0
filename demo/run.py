"""`vigil demo`: starts Vigil and the demonstration EHR side by side, says where to look, and
stops both together.
"""

import contextlib
import errno
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from demo import configuration
from demo.physionet import PhysioNetError, stays

ROOT = Path(__file__).parents[1]
START_SECONDS, STOP_SECONDS, POLL_SECONDS = 30.0, 8.0, 0.2
# Ctrl-C, `kill`, and a terminal that is closed.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TAIL_LINES = 15
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class DemoError(Exception):
    """The demonstration can't start or go on; the message is for the person at the terminal."""


def run(
    port: int,
    ehr_port: int,
    from_physionet: str | Path | None = None,
    sandbox: str | None = None,
    folder: str | Path = Path("var", "demo"),
) -> int:
    """Run the demonstration until Ctrl-C, SIGTERM or SIGHUP and return the exit code.

    stdout gets one line, once both answer; everything else goes to stderr. `sandbox` is the
    address of a CDS Hooks Sandbox to let in; `folder` keeps configuration, data and logs.
    """
    # As a browser writes it in `Origin`.
    sandbox = sandbox and sandbox.rstrip("/").lower()
    asked, children = _Asked(), []
    try:
        _check(port, ehr_port, from_physionet, sandbox)
        path = write_configuration(Path(folder).resolve(), port, ehr_port, sandbox)
        for name, number, command in servers(port, ehr_port, path, from_physionet, sandbox):
            children.append(Child(name, command, number, path.parent))
        if _wait(children, asked):
            print(f"Open http://localhost:{ehr_port}/", flush=True)
            _watch(children, asked)
        _say("Stopping.")
        return 0
    except DemoError as error:
        _say(str(error))
        return 1
    finally:
        _stop(children)
        asked.restore()


class _Asked:
    """Whether somebody asked to stop. A flag, not an exception: no second signal may cut the
    clean-up short and orphan a server.
    """

    def __init__(self) -> None:
        self.now = False
        self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}

    def _note(self, number: int, frame: object) -> None:
        self.now = True

    def restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)


def servers(
    port: int,
    ehr_port: int,
    path: Path,
    from_physionet: str | Path | None = None,
    sandbox: str | None = None,
) -> list[tuple[str, int, list[str]]]:
    """Return name, port and command line of both servers."""
    ehr = [sys.executable, "-m", "demo.serve", str(ehr_port), str(port)]
    ehr += ["--audit-log", str(path.parent / "data" / "audit.sqlite")]
    ehr += ["--from-physionet", str(Path(from_physionet).resolve())] if from_physionet else []
    ehr += ["--sandbox", sandbox] if sandbox else []
    return [
        ("Vigil", port, [sys.executable, "-m", "vigil", "serve", "--config", str(path)]),
        ("The demonstration EHR", ehr_port, ehr),
    ]


def write_configuration(folder: Path, port: int, ehr_port: int, sandbox: str | None = None) -> Path:
    """Write Vigil's configuration into a folder of this port's own, so that two demonstrations
    never share an audit log.
    """
    own = folder / str(port)
    try:
        for made in (folder, own):
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = own / "vigil.toml"
        path.write_text(configuration.text(port, ehr_port, sandbox), "utf-8")
    except OSError as error:
        raise DemoError(f"The folder {own} can't be written: {error.strerror}.") from None
    return path


class Child:
    """A started server: a process group of its own, its output in a log file, and the address
    where it says that it is well.
    """

    def __init__(self, name: str, command: list[str], port: int, folder: Path):
        self.name, self.health = name, f"http://localhost:{port}/readyz"
        self.log = folder / f"{port}.log"
        with self.log.open("wb") as log:
            # In the checkout, so that `-m` finds our modules wherever the command was given.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                start_new_session=True,
            )

    def answers(self) -> bool:
        """Tell whether it is up."""
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                self.health, timeout=2
            ) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False

    def tail(self) -> str:
        """Return the end of its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
        return "".join(f"\n  {line}" for line in lines)

    def signal_group(self, number: int) -> None:
        """Signal it and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _check(
    port: int, ehr_port: int, from_physionet: str | Path | None, sandbox: str | None
) -> None:
    if port == ehr_port:
        raise DemoError(
            f"Vigil and the demonstration EHR can't both use port {port}; choose another with "
            "--port or --ehr-port."
        )
    for number, option in ((port, "--port"), (ehr_port, "--ehr-port")):
        reason = _refusal(number)
        if reason:
            raise DemoError(
                f"Port {number} can't be used ({reason}); choose another with {option}."
            )
    if sandbox and not ORIGIN.fullmatch(sandbox):
        raise DemoError("--sandbox takes an origin such as http://localhost:8080, without a path.")
    if from_physionet:
        try:
            stays(from_physionet, datetime.now(UTC))
        except PhysioNetError as error:
            raise DemoError(str(error)) from None


def _refusal(port: int) -> str | None:
    """Return why nobody can listen on a port of this host, or None."""
    if not 1 <= port <= 65535:
        return "it is not between 1 and 65535"
    # A browser may try ::1 for localhost first, and meet a server there that is none of ours.
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET or error.errno == errno.EADDRINUSE:
                return error.strerror
    return None


def _wait(children: list[Child], asked: _Asked) -> bool:
    """Return True when all answer, False when asked to stop. Raises DemoError when one ends or
    it takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    for child in children:
        _say(f"Waiting for {child.name} at {child.health} ...")
        while not child.answers():
            _check_alive(children)
            if asked.now:
                return False
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{child.name} did not answer within {START_SECONDS:.0f} s. The end of "
                    f"{child.log}:{child.tail()}"
                )
            time.sleep(POLL_SECONDS)
    # Something else may have taken the port and answered in the place of a child that is already
    # gone.
    _check_alive(children)
    return True


def _watch(children: list[Child], asked: _Asked) -> None:
    _say("Ctrl-C stops the demonstration.")
    while not asked.now:
        _check_alive(children)
        time.sleep(POLL_SECONDS)


def _check_alive(children: list[Child]) -> None:
    for child in children:
        code = child.process.poll()
        if code is not None:
            raise DemoError(
                f"{child.name} has ended (exit code {code}), so the demonstration stops. The end "
                f"of {child.log}:{child.tail()}"
            )


def _stop(children: list[Child]) -> None:
    """End every process group that was started: politely first, then for certain."""
    for child in children:
        child.signal_group(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _say(f"{child.name} did not stop in time and is killed.")
        child.signal_group(signal.SIGKILL)
        child.process.wait()


def _say(line: str) -> None:
    # The terminal may be gone.
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)
