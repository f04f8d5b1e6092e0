"""`vigil serve` as an operator starts it: a process of its own, real sockets, a configuration."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = 60.0) -> None:
    """Return once a started server answers 200 at `url`; fail with its log when it ends or is too
    slow.
    """
    until = time.monotonic() + seconds
    with requests.Session() as http:
        http.trust_env = False
        while time.monotonic() < until:
            if process.poll() is not None:
                pytest.fail(f"{url} ended by itself: {log.read_text()}")
            try:
                if http.get(url, timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail(f"{url} did not answer: {log.read_text()}")


class Served:
    """A running Vigil at `url`; `records` is the configuration from its first `[[ehr]]` on,
    `environment` what its process has beside ours.
    """

    def __init__(self, folder: Path, records: str, workers: int = 1, **environment: str):
        self.url = f"http://localhost:{free_port()}"
        self.services = f"{self.url}/cds-services"
        self.hook = f"{self.services}/vigil-patient-view"
        self.log = folder / "log"
        config = folder / "vigil.toml"
        config.write_text(
            f'public_url = "{self.url}"\ndata_dir = "data"\nworkers = {workers}\n\n{records}',
            "utf-8",
        )
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vigil", "serve", "--config", str(config)],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(f"{self.url}/readyz", self.process, self.log)

    def stop(self) -> None:
        """Stop it as an operator does; fail when it does not end well."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        said = self.log.read_text("utf-8")
        assert code == 0 and not re.search("Traceback", said), said
